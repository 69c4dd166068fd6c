-- Written by the server.

CREATE POLICY owner_sees ON audit_trail FOR SELECT TO owner
    USING (true);
