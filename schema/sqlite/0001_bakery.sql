-- The bakery, version 1.  Declared types are the wire's (change/catalogue.h); value.h says how each is stored:
-- numeric(12,2) as integer hundredths, timestamptz as integer microseconds, date and uuid as text, bool as 0 or 1.
-- Functions used here are registered by store/functions.c: uuid7(), business_day(us), shift_at(us).
-- Constraints are named as PostgreSQL names them, since a name is all that SQLite reports of a failure; a failed
-- one whose name ends in _range is answered as a number out of range (22003).
-- The triggers (change log, stock, shift_totals, audit trail) are made by the program: store/capture.c, derived.c.

CREATE TABLE meta (
    key   text PRIMARY KEY,
    value blob NOT NULL
) WITHOUT ROWID;

-- What REST and the feed may show.  A table that is not here does not exist for them.
CREATE TABLE exposed_tables (
    name      text PRIMARY KEY,
    is_server bool NOT NULL DEFAULT 0,
    is_live   bool NOT NULL DEFAULT 1
) WITHOUT ROWID;

-- What the database itself cannot say of a column: the value when none is given, as SQL over the given columns
-- (i.column) and the parameters :uid and :now; and whether the server alone sets it.
CREATE TABLE column_rules (
    table_name  text NOT NULL,
    column_name text NOT NULL,
    default_sql text,
    is_server   bool NOT NULL DEFAULT 0,
    PRIMARY KEY (table_name, column_name)
) WITHOUT ROWID;

CREATE TABLE users (
    id         uuid NOT NULL PRIMARY KEY,
    name       text NOT NULL CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 100),
    role       text NOT NULL CONSTRAINT users_role_check CHECK (role IN ('owner', 'manager', 'sales_rep')),
    is_active  bool NOT NULL DEFAULT 1 CONSTRAINT users_is_active_check CHECK (is_active IN (0, 1)),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE bread_types (
    id            uuid NOT NULL PRIMARY KEY,
    name          text NOT NULL UNIQUE CONSTRAINT bread_types_name_check CHECK (length(name) BETWEEN 2 AND 100),
    size          text CONSTRAINT bread_types_size_check CHECK (length(size) <= 100),
    unit_price    numeric(12,2) NOT NULL CONSTRAINT bread_types_unit_price_check CHECK (unit_price > 0),
    low_threshold int4 NOT NULL DEFAULT 5 CONSTRAINT bread_types_low_threshold_check CHECK (low_threshold >= 0),
    is_active     bool NOT NULL DEFAULT 1 CONSTRAINT bread_types_is_active_check CHECK (is_active IN (0, 1)),
    created_by    uuid REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

CREATE TABLE production_logs (
    id            uuid NOT NULL PRIMARY KEY,
    bread_type_id uuid NOT NULL REFERENCES bread_types (id),
    quantity      int4 NOT NULL CONSTRAINT production_logs_quantity_check CHECK (quantity BETWEEN 1 AND 1000000),
    shift         text NOT NULL CONSTRAINT production_logs_shift_check CHECK (shift IN ('morning', 'night')),
    note          text CONSTRAINT production_logs_note_check CHECK (length(note) <= 2000),
    recorded_by   uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    business_day  date NOT NULL GENERATED ALWAYS AS (business_day(created_at)) STORED
);
CREATE INDEX production_logs_day ON production_logs (business_day, created_at);
CREATE INDEX production_logs_created ON production_logs (created_at);
CREATE INDEX production_logs_bread ON production_logs (bread_type_id);

-- A returned sale counts as zero revenue and gives its quantity back to the stock.
CREATE TABLE sales_logs (
    id            uuid NOT NULL PRIMARY KEY,
    bread_type_id uuid NOT NULL REFERENCES bread_types (id),
    quantity      int4 NOT NULL CONSTRAINT sales_logs_quantity_check CHECK (quantity BETWEEN 1 AND 1000000),
    unit_price    numeric(12,2) NOT NULL CONSTRAINT sales_logs_unit_price_check CHECK (unit_price >= 0),
    discount      numeric(12,2) NOT NULL DEFAULT 0 CONSTRAINT sales_logs_discount_check CHECK (discount >= 0),
    returned      bool NOT NULL DEFAULT 0 CONSTRAINT sales_logs_returned_check CHECK (returned IN (0, 1)),
    shift         text NOT NULL CONSTRAINT sales_logs_shift_check CHECK (shift IN ('morning', 'night')),
    recorded_by   uuid NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    business_day  date NOT NULL GENERATED ALWAYS AS (business_day(created_at)) STORED,
    revenue       numeric(14,2) NOT NULL GENERATED ALWAYS AS
        (CASE WHEN returned THEN 0 ELSE max(0, quantity * unit_price - discount) END) STORED,
    -- What revenue can hold, whether returned or not.
    CONSTRAINT sales_logs_revenue_range CHECK (quantity * unit_price <= 99999999999999)
);
CREATE INDEX sales_logs_day ON sales_logs (business_day, created_at);
CREATE INDEX sales_logs_created ON sales_logs (created_at);
CREATE INDEX sales_logs_bread ON sales_logs (bread_type_id);

CREATE TABLE shift_feedback (
    id           uuid NOT NULL PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id),
    shift        text NOT NULL CONSTRAINT shift_feedback_shift_check CHECK (shift IN ('morning', 'night')),
    note         text NOT NULL CONSTRAINT shift_feedback_note_check CHECK (length(note) BETWEEN 1 AND 2000),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    business_day date NOT NULL GENERATED ALWAYS AS (business_day(created_at)) STORED
);
CREATE INDEX shift_feedback_day ON shift_feedback (business_day);

-- Derived: remaining = everything baked minus everything sold and not returned, since the ledger began.
CREATE TABLE stock (
    bread_type_id uuid NOT NULL PRIMARY KEY REFERENCES bread_types (id) ON DELETE CASCADE,
    baked         int8 NOT NULL DEFAULT 0,
    sold          int8 NOT NULL DEFAULT 0,
    remaining     int8 NOT NULL GENERATED ALWAYS AS (baked - sold) STORED,
    updated_at    timestamptz NOT NULL
);

-- Derived: one row for each business day, shift and bread type that has entries.  sold: pieces sold and kept;
-- returned: pieces sold and brought back; sales, discount, revenue: of the sales that were kept.
CREATE TABLE shift_totals (
    business_day  date NOT NULL,
    shift         text NOT NULL,
    bread_type_id uuid NOT NULL REFERENCES bread_types (id) ON DELETE CASCADE,
    baked         int8 NOT NULL DEFAULT 0,
    sold          int8 NOT NULL DEFAULT 0,
    returned      int8 NOT NULL DEFAULT 0,
    sales         int8 NOT NULL DEFAULT 0,
    discount      numeric(14,2) NOT NULL DEFAULT 0,
    revenue       numeric(14,2) NOT NULL DEFAULT 0,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (business_day, shift, bread_type_id)
);

-- What was corrected or removed, by whom and when; never trimmed.
CREATE TABLE audit_trail (
    id         uuid NOT NULL PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor      uuid,
    verb       text NOT NULL,
    table_name text NOT NULL,
    old_row    jsonb NOT NULL,
    new_row    jsonb
);
CREATE INDEX audit_trail_at ON audit_trail (at);

-- The change log: seq is dense.  Written by the triggers that store/capture.c makes for every live table.
CREATE TABLE changes (
    seq       INTEGER PRIMARY KEY,
    commit_us int8 NOT NULL,
    tbl       text NOT NULL,
    verb      int4 NOT NULL,
    new_row   text,
    old_row   text
);

CREATE TABLE auth_people (
    user_id         uuid NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    email           text NOT NULL UNIQUE COLLATE NOCASE,
    password_hash   text NOT NULL,
    last_sign_in_at timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);

CREATE TABLE auth_sessions (
    id         uuid NOT NULL PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX auth_sessions_user ON auth_sessions (user_id);

CREATE TABLE auth_refresh_tokens (
    hash       blob NOT NULL PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES auth_sessions (id) ON DELETE CASCADE,
    parent     blob,
    created_at timestamptz NOT NULL,
    used_at    timestamptz
) WITHOUT ROWID;
CREATE INDEX auth_refresh_tokens_session ON auth_refresh_tokens (session_id);

INSERT INTO exposed_tables (name, is_server, is_live) VALUES
    ('users', 0, 1), ('bread_types', 0, 1), ('production_logs', 0, 1), ('sales_logs', 0, 1),
    ('shift_feedback', 0, 1), ('stock', 1, 1), ('shift_totals', 1, 1), ('audit_trail', 1, 0);

INSERT INTO column_rules (table_name, column_name, default_sql, is_server) VALUES
    ('users', 'id', 'uuid7()', 0),
    ('users', 'created_at', ':now', 1), ('users', 'updated_at', ':now', 1),
    ('bread_types', 'id', 'uuid7()', 0), ('bread_types', 'created_by', ':uid', 0),
    ('bread_types', 'created_at', ':now', 1), ('bread_types', 'updated_at', ':now', 1),
    ('production_logs', 'id', 'uuid7()', 0), ('production_logs', 'recorded_by', ':uid', 0),
    ('production_logs', 'shift', 'shift_at(:now)', 0),
    ('production_logs', 'created_at', ':now', 1), ('production_logs', 'updated_at', ':now', 1),
    ('sales_logs', 'id', 'uuid7()', 0), ('sales_logs', 'recorded_by', ':uid', 0),
    ('sales_logs', 'shift', 'shift_at(:now)', 0),
    ('sales_logs', 'unit_price', '(SELECT b.unit_price FROM bread_types b WHERE b.id = i.bread_type_id)', 0),
    ('sales_logs', 'created_at', ':now', 1), ('sales_logs', 'updated_at', ':now', 1),
    ('shift_feedback', 'id', 'uuid7()', 0), ('shift_feedback', 'user_id', ':uid', 0),
    ('shift_feedback', 'shift', 'shift_at(:now)', 0),
    ('shift_feedback', 'created_at', ':now', 1), ('shift_feedback', 'updated_at', ':now', 1);
