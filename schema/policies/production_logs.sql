-- Owner and manager record what was baked, as themselves.  Whoever changes an entry, it stays its author's.

CREATE POLICY staff_sees ON production_logs FOR SELECT TO authenticated
    USING (true);

CREATE POLICY bakers_add_as_themselves ON production_logs FOR INSERT TO owner, manager
    WITH CHECK (recorded_by = auth.uid());

CREATE POLICY owner_changes ON production_logs FOR UPDATE TO owner
    USING (true)
    WITH CHECK (recorded_by = old.recorded_by AND id = old.id);

-- The shift of one's own entry may be corrected while that shift lasts, not moved into the present to be removed.
CREATE POLICY manager_changes ON production_logs FOR UPDATE TO manager
    USING (true)
    WITH CHECK (recorded_by = old.recorded_by AND id = old.id AND (shift = old.shift OR recorded_by <> auth.uid()
        OR old.shift = current_shift() AND old.business_day = current_business_day()));

-- An author who is no manager any more.
CREATE POLICY author_changes ON production_logs FOR UPDATE TO sales_rep
    USING (recorded_by = auth.uid())
    WITH CHECK (recorded_by = auth.uid() AND id = old.id AND (shift = old.shift
        OR old.shift = current_shift() AND old.business_day = current_business_day()));

CREATE POLICY owner_removes ON production_logs FOR DELETE TO owner
    USING (true);

CREATE POLICY author_removes_within_the_shift ON production_logs FOR DELETE TO manager, sales_rep
    USING (recorded_by = auth.uid() AND shift = current_shift() AND business_day = current_business_day());
