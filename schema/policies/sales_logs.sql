-- All staff sell, as themselves.  Whoever changes an entry, it stays its author's.

CREATE POLICY staff_sees ON sales_logs FOR SELECT TO authenticated
    USING (true);

CREATE POLICY staff_adds_as_themselves ON sales_logs FOR INSERT TO authenticated
    WITH CHECK (recorded_by = auth.uid());

CREATE POLICY keepers_change ON sales_logs FOR UPDATE TO owner, manager
    USING (true)
    WITH CHECK (recorded_by = old.recorded_by AND id = old.id);

-- The shift of an entry may be corrected while that shift lasts, not moved into the present in order to be removed.
CREATE POLICY author_changes ON sales_logs FOR UPDATE TO sales_rep
    USING (recorded_by = auth.uid())
    WITH CHECK (recorded_by = auth.uid() AND id = old.id AND (shift = old.shift
        OR old.shift = current_shift() AND old.business_day = current_business_day()));

CREATE POLICY keepers_remove ON sales_logs FOR DELETE TO owner, manager
    USING (true);

CREATE POLICY author_removes_within_the_shift ON sales_logs FOR DELETE TO sales_rep
    USING (recorded_by = auth.uid() AND shift = current_shift() AND business_day = current_business_day());
