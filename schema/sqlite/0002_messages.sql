-- Version 2: stored broadcasts, and who may hear and say what on private channels.
-- `messages` is for policies to name and for the store to keep broadcasts in; it is not shown on the wire.

ALTER TABLE exposed_tables ADD COLUMN is_private bool NOT NULL DEFAULT 0;

-- inserted_at rises strictly from message to message: it is their order.
CREATE TABLE messages (
    id          uuid NOT NULL PRIMARY KEY,
    topic       text NOT NULL,
    extension   text NOT NULL CONSTRAINT messages_extension_check CHECK (extension IN ('broadcast', 'presence')),
    event       text NOT NULL,
    payload     text NOT NULL, -- as it came: JSON as text, raw bytes as a blob
    private     bool NOT NULL DEFAULT 1,
    sender      uuid,
    inserted_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX messages_topic ON messages (topic, inserted_at);
CREATE INDEX messages_expires ON messages (expires_at);

-- How many messages a topic has, and how many bytes they are; the empty topic is all of them together.
CREATE TABLE message_sums (
    topic text NOT NULL PRIMARY KEY,
    count int8 NOT NULL,
    bytes int8 NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER messages_sum_insert AFTER INSERT ON messages BEGIN
    INSERT INTO message_sums (topic, count, bytes)
        VALUES (new.topic, 1, length(CAST(new.payload AS blob))), ('', 1, length(CAST(new.payload AS blob)))
        ON CONFLICT (topic) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER messages_sum_delete AFTER DELETE ON messages BEGIN
    UPDATE message_sums SET count = count - 1, bytes = bytes - length(CAST(old.payload AS blob))
        WHERE topic IN (old.topic, '');
    DELETE FROM message_sums WHERE topic = old.topic AND count = 0;
END;

INSERT INTO exposed_tables (name, is_server, is_live, is_private) VALUES ('messages', 1, 0, 1);
