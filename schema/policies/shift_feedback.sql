-- Feedback is read by owner and manager, and by its author; its words are the author's alone.

CREATE POLICY keepers_see ON shift_feedback FOR SELECT TO owner, manager
    USING (true);

CREATE POLICY author_sees ON shift_feedback FOR SELECT TO sales_rep
    USING (user_id = auth.uid());

CREATE POLICY staff_adds_as_themselves ON shift_feedback FOR INSERT TO authenticated
    WITH CHECK (user_id = auth.uid());

CREATE POLICY author_changes ON shift_feedback FOR UPDATE TO authenticated
    USING (user_id = auth.uid())
    WITH CHECK (user_id = auth.uid() AND id = old.id);

CREATE POLICY owner_removes ON shift_feedback FOR DELETE TO owner
    USING (true);
