-- Private channels.  SELECT: who may hear on a topic.  INSERT: who may say something there.  A policy may ask for
-- `topic` (what stands behind "realtime:"), `extension` ('broadcast' or 'presence') and who is asking; a channel keeps
-- its answers until its token or the person's role changes.
-- All staff hear and say; topics that begin with owner: are the owner's, those with keepers: owner's and managers'.

CREATE POLICY owner_hears ON messages FOR SELECT TO owner
    USING (true);

CREATE POLICY owner_says ON messages FOR INSERT TO owner
    WITH CHECK (true);

CREATE POLICY manager_hears ON messages FOR SELECT TO manager
    USING (topic NOT LIKE 'owner:%');

CREATE POLICY manager_says ON messages FOR INSERT TO manager
    WITH CHECK (topic NOT LIKE 'owner:%');

CREATE POLICY rep_hears ON messages FOR SELECT TO sales_rep
    USING (topic NOT LIKE 'owner:%' AND topic NOT LIKE 'keepers:%');

CREATE POLICY rep_says ON messages FOR INSERT TO sales_rep
    WITH CHECK (topic NOT LIKE 'owner:%' AND topic NOT LIKE 'keepers:%');
