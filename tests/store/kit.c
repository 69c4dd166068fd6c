#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/json.h"

enum { ITEMS_MAX = 32 };

static void add_person(struct kit *k, const char *name, const char *role, struct identity *out)
{
    char email[64];
    snprintf(email, sizeof(email), "%s@example.org", name);
    const struct store_new_person p = {bytes_of(email), bytes_of(name), bytes_of(role),
                                       BYTES("hash")};
    assert_int_equal(store_person_add(k->writer, &p, k->now_us++, out->user_id), OK);
    assert_int_equal(role_parse(bytes_of(role), &out->role), OK);
}

static void add_people(struct kit *k)
{
    add_person(k, "olu", "owner", &k->owner);
    add_person(k, "mary", "manager", &k->manager);
    add_person(k, "rita", "sales_rep", &k->rep);
    add_person(k, "sam", "sales_rep", &k->other_rep);
    k->anon.role = ROLE_ANON;
    k->service.role = ROLE_SERVICE;
}

/* More of a schema than the program has. */
static void add_schema(const struct kit *k, const char *sql)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/homebake.db", k->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void open_store(struct kit *k, const char *sql)
{
    const struct store_config cfg = {.folder = k->folder, .is_in_memory = k->folder[0] == '\0'};
    struct buf message;
    buf_init(&message, 4096);
    arena_init(&k->arena, 64 << 20);
    store_reply_init(&k->reply, 64 << 20);
    changes_init(&k->changes);
    k->now_us = KIT_T0;
    assert_int_equal(store_create(&cfg, &message), OK);
    if (sql)
        add_schema(k, sql);
    enum err e = store_open(&cfg, &message, &k->store);
    if (e)
        fail_msg("%.*s", (int)message.size, message.data);
    buf_done(&message);
    assert_int_equal(store_session_open(k->store, STORE_WRITER, &k->writer), OK);
    k->reader = k->writer;
    if (k->folder[0])
        assert_int_equal(store_session_open(k->store, STORE_READER, &k->reader), OK);
    add_people(k);
    /* The people's changes were not made by store_write: this takes them. */
    assert_int_equal(store_write(k->writer, NULL, 0, &k->changes), OK);
    assert_int_equal(k->changes.count, 4);
}

void kit_open_memory(struct kit *k)
{
    *k = (struct kit){0};
    open_store(k, NULL);
}

static void make_folder(struct kit *k)
{
    *k = (struct kit){0};
    const char *tmp = getenv("TMPDIR");
    snprintf(k->folder, sizeof(k->folder), "%.40s/store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(k->folder));
}

void kit_open_folder(struct kit *k)
{
    make_folder(k);
    open_store(k, NULL);
}

void kit_open_with(struct kit *k, const char *sql)
{
    make_folder(k);
    open_store(k, sql);
}

static void remove_folder(struct kit *k)
{
    static const char *const names[] = {"homebake.db", "homebake.db-wal", "homebake.db-shm"};
    char path[128];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", k->folder, names[i]);
        unlink(path);
    }
    rmdir(k->folder);
}

void kit_close(struct kit *k)
{
    if (k->reader != k->writer)
        store_session_close(k->reader);
    store_session_close(k->writer);
    store_close(k->store);
    changes_done(&k->changes);
    store_reply_done(&k->reply);
    arena_done(&k->arena);
    if (k->folder[0])
        remove_folder(k);
}

int kit_setup(void **state)
{
    struct kit *k = malloc(sizeof(*k));
    assert_non_null(k);
    kit_open_memory(k);
    *state = k;
    return 0;
}

int kit_setup_folder(void **state)
{
    struct kit *k = malloc(sizeof(*k));
    assert_non_null(k);
    kit_open_folder(k);
    *state = k;
    return 0;
}

int kit_teardown(void **state)
{
    kit_close(*state);
    free(*state);
    return 0;
}

/* ---- queries ---- */

static const struct column *column(const struct table *t, const char *name)
{
    const struct column *c = table_column(t, bytes_of(name));
    assert_non_null(c);
    return c;
}

static void init_select(struct kit *k, struct query_select *s, const struct table *t)
{
    s->table = t;
    s->items = arena_array(&k->arena, ITEMS_MAX, sizeof(struct query_item));
    assert_non_null(s->items);
}

struct query *kit_query(struct kit *k, enum verb verb, const char *table)
{
    struct query *q = arena_zalloc(&k->arena, sizeof(*q));
    assert_non_null(q);
    q->verb = verb;
    q->table = catalogue_table(store_catalogue(k->store), bytes_of(table));
    assert_non_null(q->table);
    init_select(k, &q->select, q->table);
    q->filters = arena_array(&k->arena, ITEMS_MAX, sizeof(struct query_filter));
    q->orders = arena_array(&k->arena, ITEMS_MAX, sizeof(struct query_order));
    q->limit = q->affected_max = UINT64_MAX;
    return q;
}

void kit_add_column(struct kit *k, struct query_select *s, const char *name)
{
    (void)k;
    const struct column *c = column(s->table, name);
    s->items[s->item_count++] = (struct query_item){.name = c->name, .column = c};
}

void kit_add_count(struct kit *k, struct query_select *s)
{
    (void)k;
    s->items[s->item_count++] = (struct query_item){.name = BYTES("count"), .is_count = true};
}

void kit_want(struct kit *k, struct query *q, const char *name)
{
    kit_add_column(k, &q->select, name);
}

void kit_want_all(struct kit *k, struct query *q)
{
    for (size_t i = 0; i < q->table->column_count; i++)
        kit_want(k, q, kit_text(k, q->table->columns[i].name));
}

static const struct foreign_key *find_key(struct kit *k, const char *name)
{
    const struct catalogue *c = store_catalogue(k->store);
    for (size_t i = 0; i < c->foreign_key_count; i++)
        if (bytes_equal(c->foreign_keys[i].name, bytes_of(name)))
            return &c->foreign_keys[i];
    fail_msg("no key %s", name);
    return NULL;
}

struct query_select *kit_embed(struct kit *k, struct query_select *s, const char *name,
                               const char *key, bool is_to_many, bool is_inner)
{
    const struct foreign_key *fk = find_key(k, key);
    struct query_select *inner = arena_zalloc(&k->arena, sizeof(*inner));
    assert_non_null(inner);
    init_select(k, inner, is_to_many ? fk->from : fk->to);
    s->items[s->item_count++] = (struct query_item){.name = bytes_of(name),
                                                    .key = fk,
                                                    .is_to_many = is_to_many,
                                                    .is_inner = is_inner,
                                                    .embed = inner};
    return inner;
}

struct query_filter *kit_where(struct kit *k, struct query *q, const char *name, enum query_op op,
                               const char *value)
{
    struct query_filter *f = &q->filters[q->filter_count++];
    *f = (struct query_filter){.column = column(q->table, name), .op = op};
    struct bytes rest = bytes_of(value), one;
    f->values = arena_array(&k->arena, ITEMS_MAX, sizeof(struct value));
    if (op == OP_IS) {
        f->value_count = 1;
        if (strcmp(value, "null") != 0)
            *f->values = (struct value){.kind = VALUE_INT, .number = strcmp(value, "true") == 0};
        return f;
    }
    if (op != OP_IN) {
        f->value_count = 1;
        assert_int_equal(value_from_text(f->column, rest, &k->arena, f->values), OK);
        return f;
    }
    while (rest.size && bytes_split(&rest, ',', &one))
        assert_int_equal(value_from_text(f->column, one, &k->arena, &f->values[f->value_count++]),
                         OK);
    return f;
}

void kit_order(struct kit *k, struct query *q, const char *name, bool is_descending)
{
    (void)k;
    q->orders[q->order_count++] = (struct query_order){.column = column(q->table, name),
                                                       .is_descending = is_descending,
                                                       .nulls_first = is_descending};
}

static void add_set_column(struct query *q, struct bytes key)
{
    struct bytes name = bytes_slice(key, 1, key.size - 1);
    for (size_t i = 0; i < q->set_count; i++)
        if (bytes_equal(q->set[i]->name, name))
            return;
    const struct column *c = table_column(q->table, name);
    assert_non_null(c);
    q->set[q->set_count++] = c;
}

static void find_columns(struct query *q, struct json_value array)
{
    struct json_iter rows = json_iter(array);
    struct bytes key;
    struct json_value row, v;
    while (json_next(&rows, &key, &row)) {
        struct json_iter members = json_iter(row);
        q->row_count++;
        while (json_next(&members, &key, &v))
            add_set_column(q, key);
    }
}

void kit_set(struct kit *k, struct query *q, const char *json)
{
    struct json_value array, row, v;
    struct bytes key;
    struct bytes text = arena_copy(&k->arena, bytes_of(json));
    assert_int_equal(json_parse(text, &array), OK);
    q->set = arena_array(&k->arena, ITEMS_MAX, sizeof(*q->set));
    find_columns(q, array);
    q->values = arena_array(&k->arena, q->row_count * q->set_count, sizeof(struct value));
    q->is_absent = arena_array(&k->arena, q->row_count * q->set_count, sizeof(bool));
    struct json_iter rows = json_iter(array);
    for (size_t place = 0; json_next(&rows, &key, &row);) {
        for (size_t i = 0; i < q->set_count; i++, place++) {
            q->is_absent[place] = json_get(row, q->set[i]->name, &v) != OK;
            if (!q->is_absent[place])
                assert_int_equal(value_from_json(q->set[i], v, &k->arena, &q->values[place]), OK);
        }
    }
}

struct store_request kit_request(struct kit *k, const struct identity *who, const struct query *q)
{
    k->now_us += 1000000;
    return (struct store_request){
        .kind = STORE_QUERY, .who = *who, .now_us = k->now_us, .query = q};
}

void kit_run(struct kit *k, const struct identity *who, const struct query *q)
{
    struct store_request r = kit_request(k, who, q);
    struct store_write w = {&r, &k->reply};
    changes_truncate(&k->changes, 0);
    if (q->verb == VERB_SELECT)
        assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    else
        assert_int_equal(store_write(k->writer, &w, 1, &k->changes), OK);
}

void kit_insert(struct kit *k, const struct identity *who, const char *table, const char *json)
{
    struct query *q = kit_query(k, VERB_INSERT, table);
    kit_set(k, q, json);
    kit_run(k, who, q);
}

void kit_update(struct kit *k, const struct identity *who, const char *table, const char *id,
                const char *json)
{
    struct query *q = kit_query(k, VERB_UPDATE, table);
    kit_set(k, q, json);
    kit_where(k, q, "id", OP_EQ, id);
    kit_run(k, who, q);
}

void kit_delete(struct kit *k, const struct identity *who, const char *table, const char *id)
{
    struct query *q = kit_query(k, VERB_DELETE, table);
    kit_where(k, q, "id", OP_EQ, id);
    kit_run(k, who, q);
}

const char *kit_select(struct kit *k, const struct identity *who, const char *table,
                       const char *columns, const char *name, const char *value)
{
    struct query *q = kit_query(k, VERB_SELECT, table);
    struct bytes rest = bytes_of(columns), one;
    if (strcmp(columns, "*") == 0)
        kit_want_all(k, q);
    else
        while (bytes_split(&rest, ',', &one))
            kit_want(k, q, kit_text(k, one));
    if (name)
        kit_where(k, q, name, OP_EQ, value);
    kit_run(k, who, q);
    return kit_text(k, buf_bytes(&k->reply.body));
}

void kit_bread(struct kit *k, const char *name)
{
    char json[256];
    struct query *q = kit_query(k, VERB_INSERT, "bread_types");
    snprintf(json, sizeof(json), "[{\"name\":\"%s\",\"unit_price\":500}]", name);
    kit_set(k, q, json);
    kit_want_all(k, q);
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 0, NULL);
    memcpy(k->bread, kit_member(k, "id") + 1, UUID_SIZE);
}

void kit_sale(struct kit *k, const struct identity *who, int quantity)
{
    char json[256];
    struct query *q = kit_query(k, VERB_INSERT, "sales_logs");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":%d}]", k->bread,
             quantity);
    kit_set(k, q, json);
    kit_want_all(k, q);
    kit_run(k, who, q);
}

/* ---- assertions ---- */

const char *kit_text(struct kit *k, struct bytes b)
{
    struct bytes copy = arena_copy(&k->arena, b);
    assert_non_null(copy.data);
    return copy.data;
}

void kit_assert_error(struct kit *k, int status, const char *code)
{
    const struct store_error *e = &k->reply.error;
    if (e->status != status)
        fail_msg("status %d instead of %d: %s %.*s", e->status, status, e->code,
                 (int)e->message.size, e->message.data ? e->message.data : "");
    if (code)
        assert_string_equal(e->code, code);
}

void kit_assert_message(struct kit *k, const char *message)
{
    assert_string_equal(kit_text(k, k->reply.error.message), message);
}

void kit_assert_details(struct kit *k, const char *details)
{
    if (details)
        assert_string_equal(kit_text(k, k->reply.error.details), details);
    else
        assert_null(k->reply.error.details.data);
}

void kit_assert_body(struct kit *k, const char *body)
{
    kit_assert_error(k, 0, NULL);
    assert_string_equal(kit_text(k, buf_bytes(&k->reply.body)), body);
}

void kit_assert_sound(struct kit *k)
{
    struct buf report;
    buf_init(&report, 1 << 20);
    enum err e = store_verify(k->reader, &report);
    if (e)
        fail_msg("%s\n%.*s", err_text(e), (int)report.size, report.data ? report.data : "");
    buf_done(&report);
}

const char *kit_member(struct kit *k, const char *name)
{
    struct json_value v, first, found;
    struct bytes key;
    assert_int_equal(json_parse(buf_bytes(&k->reply.body), &v), OK);
    struct json_iter it = json_iter(v);
    first = v;
    if (v.type == JSON_ARRAY)
        assert_true(json_next(&it, &key, &first));
    assert_int_equal(json_get(first, bytes_of(name), &found), OK);
    return kit_text(k, found.raw);
}
