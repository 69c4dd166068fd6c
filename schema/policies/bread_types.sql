-- All staff see the breads; owner and manager keep them.  A bread that something refers to cannot be removed:
-- the foreign keys say so.

CREATE POLICY staff_sees ON bread_types FOR SELECT TO authenticated
    USING (true);

CREATE POLICY keepers_add ON bread_types FOR INSERT TO owner, manager
    WITH CHECK (true);

CREATE POLICY keepers_change ON bread_types FOR UPDATE TO owner, manager
    USING (true);

CREATE POLICY owner_removes ON bread_types FOR DELETE TO owner
    USING (true);
