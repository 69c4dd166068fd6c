-- The public profiles.  Nobody adds one here: people join by invite.  Everybody may change their own name; role
-- and activity are the owner's.  A person that something refers to cannot be removed: the foreign keys say so.

CREATE POLICY owner_sees ON users FOR SELECT TO owner
    USING (true);

CREATE POLICY manager_sees_managers_and_reps ON users FOR SELECT TO manager
    USING (role IN ('manager', 'sales_rep'));

CREATE POLICY rep_sees_themselves ON users FOR SELECT TO sales_rep
    USING (id = auth.uid());

CREATE POLICY owner_changes ON users FOR UPDATE TO owner
    USING (true)
    WITH CHECK (id = old.id);

CREATE POLICY own_name ON users FOR UPDATE TO manager, sales_rep
    USING (id = auth.uid())
    WITH CHECK (id = old.id AND role = old.role AND is_active = old.is_active);

CREATE POLICY owner_removes ON users FOR DELETE TO owner
    USING (true);
