/* A REST request as text: a verb (G P U D), the query string, a line feed, the body.  Whatever
 * comes gives a query that holds together, or a refusal that is good JSON; a good select list stays
 * within its bounds. */
#include "api/body.h"
#include "api/filters.h"
#include "api/select.h"
#include "fuzz.h"

enum { ARENA_MAX = 1 << 20, SCRATCH_MAX = 1 << 20 };

static struct column breads[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID, .index = 0, .is_key = true},
    {.name = BYTES_INIT("name"), .type = TYPE_TEXT, .index = 1},
    {.name = BYTES_INIT("unit_price"), .type = TYPE_NUMERIC, .scale = 2, .index = 2},
    {.name = BYTES_INIT("secret"), .type = TYPE_TEXT, .index = 3, .is_private = true},
};

static struct column sales[] = {
    {.name = BYTES_INIT("id"), .type = TYPE_UUID, .index = 0, .is_key = true},
    {.name = BYTES_INIT("bread_id"), .type = TYPE_UUID, .index = 1},
    {.name = BYTES_INIT("other_id"), .type = TYPE_UUID, .index = 2},
    {.name = BYTES_INIT("quantity"), .type = TYPE_INT4, .index = 3},
    {.name = BYTES_INIT("returned"), .type = TYPE_BOOL, .index = 4},
    {.name = BYTES_INIT("at"), .type = TYPE_TIMESTAMPTZ, .index = 5, .is_server = true},
    {.name = BYTES_INIT("day"), .type = TYPE_DATE, .index = 6, .is_generated = true},
    {.name = BYTES_INIT("extra"), .type = TYPE_JSONB, .index = 7},
};

static struct table tables[] = {
    {.name = BYTES_INIT("breads"), .index = 0, .columns = breads, .column_count = 4},
    {.name = BYTES_INIT("sales"), .index = 1, .columns = sales, .column_count = 8},
};

static struct foreign_key keys[] = {
    {.name = BYTES_INIT("bread_key"),
     .from = &tables[1],
     .column = &sales[1],
     .to = &tables[0],
     .to_column = &breads[0]},
    {.name = BYTES_INIT("other_key"),
     .from = &tables[1],
     .column = &sales[2],
     .to = &tables[0],
     .to_column = &breads[0]},
};

static const struct catalogue catalogue = {
    .tables = tables, .table_count = 2, .foreign_keys = keys, .foreign_key_count = 2};

static void check_select(const struct query_select *s, unsigned depth)
{
    assert(s->item_count > 0 && s->item_count <= SELECT_ITEMS_MAX && depth <= 1);
    for (size_t i = 0; i < s->item_count; i++) {
        const struct query_item *item = &s->items[i];
        assert((item->column != NULL) + item->is_count + (item->embed != NULL) == 1);
        assert(!item->column || !item->column->is_private);
        assert(item->name.size > 0);
        if (item->embed)
            check_select(item->embed, depth + 1);
    }
}

static void check_query(const struct query *q)
{
    assert(q->filter_count <= FILTERS_MAX && q->order_count <= ORDERS_MAX);
    for (size_t i = 0; i < q->filter_count; i++) {
        const struct query_filter *f = &q->filters[i];
        assert(f->column && !f->column->is_private && f->value_count <= LIST_VALUES_MAX);
        assert(f->op == OP_IN || f->value_count == 1);
    }
    for (size_t i = 0; i < q->order_count; i++)
        assert(q->orders[i].column);
    assert(q->row_count <= BODY_ROWS_MAX && q->set_count <= q->table->column_count);
    for (size_t i = 0; i < q->set_count; i++)
        assert(!q->set[i]->is_generated && !q->set[i]->is_server && !q->set[i]->is_private);
    for (size_t i = 0; i < q->set_count * q->row_count; i++)
        assert(q->values[i].kind <= VALUE_TEXT);
}

static void check_fault(const struct fault *f)
{
    struct json_value v;
    struct buf out;
    assert(f->status >= 300 && f->status < 500 && f->code && f->message.data);
    buf_init(&out, SCRATCH_MAX);
    fault_put_json(&out, f);
    assert(out.err || (json_parse(buf_bytes(&out), &v) == OK && v.type == JSON_OBJECT));
    buf_done(&out);
}

static enum err read_request(struct parse *p, struct query *q, struct bytes query,
                             struct bytes body)
{
    struct query_texts texts;
    enum err e = filters_parse(p, query, q, &texts);
    if (!e)
        e = select_parse(p, q->table, texts.select, &q->select);
    if (!e)
        check_select(&q->select, 0);
    if (!e && texts.on_conflict.size)
        e = body_parse_columns(p, q->table, texts.on_conflict, &q->conflict_columns,
                               &q->conflict_column_count);
    if (!e && (q->verb == VERB_INSERT || q->verb == VERB_UPDATE)) {
        struct body_form form = {texts.columns, body.size % 2 == 1};
        e = body_parse(p, &form, body, q);
    }
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char verbs[] = "GPUD";
    struct bytes in = {(const char *)data, size};
    const char *verb = size && data[0] ? strchr(verbs, data[0]) : NULL;
    if (!verb)
        return 0;
    size_t line = bytes_find_char(in, '\n');
    struct arena arena;
    struct buf scratch;
    arena_init(&arena, ARENA_MAX);
    buf_init(&scratch, SCRATCH_MAX);
    struct parse p = {.arena = &arena, .scratch = &scratch, .catalogue = &catalogue};
    struct query q = {.verb = (enum verb)(verb - verbs), .table = &tables[1], .limit = UINT64_MAX};
    enum err e = read_request(&p, &q, bytes_slice(in, 1, line), bytes_slice(in, line + 1, in.size));
    assert(e == OK || e == ERR_NOMEM || e == ERR_SYNTAX);
    if (e == OK)
        check_query(&q);
    if (e == ERR_SYNTAX)
        check_fault(&p.fault);
    buf_done(&scratch);
    arena_done(&arena);
    return 0;
}
