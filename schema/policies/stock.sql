-- Derived by the server.

CREATE POLICY staff_sees ON stock FOR SELECT TO authenticated
    USING (true);
