-- Derived by the server.

CREATE POLICY keepers_see ON shift_totals FOR SELECT TO owner, manager
    USING (true);
