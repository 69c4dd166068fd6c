-- Owner and manager record what was baked, as themselves.  Whoever changes an entry, it stays its author's.

CREATE POLICY staff_sees ON production_logs FOR SELECT TO authenticated
    USING (true);

CREATE POLICY bakers_add_as_themselves ON production_logs FOR INSERT TO owner, manager
    WITH CHECK (recorded_by = auth.uid());

CREATE POLICY keepers_change ON production_logs FOR UPDATE TO owner, manager
    USING (true)
    WITH CHECK (recorded_by = old.recorded_by);

-- An author who is no manager any more.
CREATE POLICY author_changes ON production_logs FOR UPDATE TO sales_rep
    USING (recorded_by = auth.uid())
    WITH CHECK (recorded_by = auth.uid());

CREATE POLICY owner_removes ON production_logs FOR DELETE TO owner
    USING (true);

CREATE POLICY author_removes_within_the_shift ON production_logs FOR DELETE TO manager, sales_rep
    USING (recorded_by = auth.uid() AND shift = current_shift() AND business_day = current_business_day());
