/* /rest/v1 (protocol rest-auth 1 to 8): a request becomes a struct query; the store's reply becomes
 * an answer. */
#include "api/steps.h"

#include "api/access.h"
#include "api/body.h"
#include "api/filters.h"
#include "api/select.h"

struct rest {
    struct api_call *c;
    const struct api_request *r;
    struct parse p;
    const struct table *table;
    struct query *q;
};

static struct bytes segment_of(struct bytes path)
{
    return bytes_slice(path, 1, path.size);
}

/* --- what is asked for --- */

static bool find_verb(enum http_method method, enum verb *out)
{
    static const int verbs[] = {
        [HTTP_GET] = VERB_SELECT, [HTTP_HEAD] = VERB_SELECT,  [HTTP_POST] = VERB_INSERT,
        [HTTP_PUT] = -1,          [HTTP_PATCH] = VERB_UPDATE, [HTTP_DELETE] = VERB_DELETE,
        [HTTP_OPTIONS] = -1,      [HTTP_OTHER] = -1,
    };
    if ((size_t)method >= sizeof(verbs) / sizeof(*verbs) || verbs[method] < 0)
        return false;
    *out = (enum verb)verbs[method];
    return true;
}

static enum err check_profile(struct rest *s)
{
    bool is_read = s->r->http->method == HTTP_GET || s->r->http->method == HTTP_HEAD;
    const struct request_headers *h = &s->r->headers;
    struct bytes profile = is_read ? h->accept_profile : h->content_profile;
    if (!profile.data || bytes_equal(profile, BYTES("public")))
        return OK;
    profile = parse_excerpt(profile, 100);
    enum err e =
        parse_refuse(&s->p, 406, "PGRST106", PARSE_TEXT(&s->p, BYTES("Invalid schema: "), profile));
    s->p.fault.hint = BYTES("Only the following schemas are exposed: public");
    return e;
}

static enum err refuse_function(struct rest *s, struct bytes name)
{
    name = parse_excerpt(name, 100);
    enum err e = parse_refuse(&s->p, 404, "PGRST202",
                              PARSE_TEXT(&s->p, BYTES("Could not find the function public."), name,
                                         BYTES(" in the schema cache")));
    s->p.fault.details = BYTES("No functions are exposed.");
    return e;
}

static enum err find_table(struct rest *s)
{
    struct bytes name = segment_of(s->r->path);
    struct bytes function = bytes_starts_with(name, BYTES("rpc/")) ? bytes_slice(name, 4, name.size)
                                                                   : (struct bytes){NULL, 0};
    struct bytes single = function.data ? function : name;
    if (bytes_find_char(single, '/') < single.size)
        return parse_refuse(&s->p, 404, "PGRST125", BYTES("Invalid path specified in request URL"));
    if (function.data)
        return refuse_function(s, function);
    buf_reset(s->p.scratch);
    if (http_decode_path(s->p.scratch, name))
        return parse_refuse(&s->p, 404, "PGRST125", BYTES("Invalid path specified in request URL"));
    struct bytes decoded = buf_bytes(s->p.scratch);
    s->table = catalogue_table(s->p.catalogue, decoded);
    if (s->table && !s->table->is_private)
        return OK;
    return parse_refuse(&s->p, 404, "PGRST205",
                        PARSE_TEXT(&s->p, BYTES("Could not find the table 'public."),
                                   parse_excerpt(decoded, 100), BYTES("' in the schema cache")));
}

static enum err refuse_method(struct rest *s)
{
    return parse_refuse(&s->p, 405, "PGRST117", BYTES("Unsupported HTTP method"));
}

static enum err refuse_shape(struct rest *s)
{
    return parse_refuse(&s->p, 406, "PGRST107",
                        PARSE_TEXT(&s->p, BYTES("None of these media types are available: "),
                                   parse_excerpt(s->r->headers.accept, 200)));
}

/* handling=strict wants every preference to be understood. */
static enum err check_preferences(struct rest *s)
{
    const struct preferences *prefer = &s->r->headers.prefer;
    if (!prefer->is_strict || !prefer->unknown.size)
        return OK;
    enum err e = parse_refuse(&s->p, 400, "PGRST122",
                              BYTES("Invalid preferences given with handling=strict"));
    s->p.fault.details =
        PARSE_TEXT(&s->p, BYTES("Invalid preferences: "), parse_excerpt(prefer->unknown, 100));
    return e;
}

static enum err refuse_write(struct rest *s)
{
    int status = s->c->request.who.role == ROLE_ANON ? 401 : 403;
    return parse_refuse(&s->p, status, "42501",
                        PARSE_TEXT(&s->p, BYTES("permission denied for table "), s->table->name));
}

/* --- the query --- */

static enum err start_query(struct rest *s)
{
    const struct preferences *prefer = &s->r->headers.prefer;
    enum verb verb;
    if (!find_verb(s->r->http->method, &verb))
        return refuse_method(s);
    enum answer_shape shape = headers_shape(s->r->headers.accept);
    if (shape == SHAPE_NONE)
        return refuse_shape(s);
    if (verb != VERB_SELECT && s->table->is_server)
        return refuse_write(s);
    s->q = arena_zalloc(&s->c->arena, sizeof(*s->q));
    if (!s->q)
        return ERR_NOMEM;
    s->q->verb = verb;
    s->q->table = s->table;
    s->q->select.table = s->table;
    s->q->limit = UINT64_MAX;
    s->q->wants_count = prefer->wants_count;
    s->q->is_single = shape == SHAPE_OBJECT;
    s->q->is_head = s->c->is_head && prefer->wants_count;
    s->q->affected_max = prefer->is_strict ? prefer->affected_max : UINT64_MAX;
    return check_preferences(s);
}

static enum err refuse_range(struct rest *s)
{
    enum err e = parse_refuse(&s->p, 416, "PGRST103", BYTES("Requested range not satisfiable"));
    s->p.fault.details = BYTES("The lower boundary must be lower than or equal to the upper "
                               "boundary in the Range header.");
    return e;
}

/* The header counts when limit and offset are not given. */
static enum err limit_rows(struct rest *s)
{
    struct query *q = s->q;
    uint64_t from, to;
    if (q->limit == UINT64_MAX && q->offset == 0 && headers_range(&s->r->headers, &from, &to)) {
        if (from > to)
            return refuse_range(s);
        q->offset = from;
        q->limit = to == UINT64_MAX ? UINT64_MAX : to - from + 1;
    }
    if (q->limit > s->c->api->limits.rows_max)
        q->limit = s->c->api->limits.rows_max;
    /* The store counts in int64. */
    if (q->offset > INT64_MAX)
        q->offset = INT64_MAX;
    return OK;
}

/* Filters and limits mean nothing for rows that are not there yet. */
static void drop_conditions(struct query *q)
{
    q->filter_count = q->order_count = 0;
    q->limit = UINT64_MAX;
    q->offset = 0;
}

static enum err read_conflict(struct rest *s, struct bytes names)
{
    const struct preferences *prefer = &s->r->headers.prefer;
    struct query *q = s->q;
    if (!prefer->has_resolution)
        return OK;
    q->conflict = prefer->resolution;
    if (names.size)
        return body_parse_columns(&s->p, s->table, names, &q->conflict_columns,
                                  &q->conflict_column_count);
    q->conflict_columns = s->table->key;
    q->conflict_column_count = s->table->key_count;
    return OK;
}

static enum err read_body(struct rest *s, const struct query_texts *texts)
{
    struct body_form form = {texts->columns, s->r->headers.prefer.has_defaults};
    struct bytes type = s->r->headers.content_type;
    if (!headers_is_json(type))
        return parse_refuse(
            &s->p, 400, "PGRST102",
            PARSE_TEXT(&s->p, BYTES("Content-Type not acceptable: "), parse_excerpt(type, 100)));
    return body_parse(&s->p, &form, s->r->http->body, s->q);
}

static enum err read_query(struct rest *s)
{
    struct query *q = s->q;
    struct query_texts texts;
    enum err e = filters_parse(&s->p, s->r->http->query, q, &texts);
    if (!e && (q->verb == VERB_SELECT || s->r->headers.prefer.wants_rows))
        e = select_parse(&s->p, s->table, texts.select, &q->select);
    if (!e && (q->verb == VERB_INSERT || q->verb == VERB_UPDATE))
        e = read_body(s, &texts);
    if (!e && q->verb == VERB_SELECT)
        e = limit_rows(s);
    if (!e && q->verb == VERB_INSERT) {
        drop_conditions(q);
        e = read_conflict(s, texts.on_conflict);
    }
    return e;
}

/* /rest/v1/ itself (8). */
static enum api_action answer_root(struct rest *s)
{
    if (s->r->http->method != HTTP_GET && s->r->http->method != HTTP_HEAD)
        return answer_error(s->c, 405, "PGRST117", BYTES("Unsupported HTTP method"));
    answer_begin(s->c, 200);
    return answer_end(s->c, BYTES("application/openapi+json; charset=utf-8"),
                      BYTES("{\"swagger\":\"2.0\",\"paths\":{},\"definitions\":{}}"));
}

enum api_action rest_begin(struct api_call *c, const struct api_request *r)
{
    struct rest s = {.c = c, .r = r};
    if (!access_rest(c, &r->headers, r->now_us, &c->request.who))
        return API_RESPOND;
    if (r->path.size <= 1)
        return answer_root(&s);
    s.p = (struct parse){.arena = &c->arena,
                         .scratch = &c->scratch,
                         .catalogue = c->api->catalogue,
                         .is_service = c->request.who.role == ROLE_SERVICE};
    enum err e = check_profile(&s);
    if (!e)
        e = find_table(&s);
    if (!e)
        e = start_query(&s);
    if (!e)
        e = read_query(&s);
    if (e)
        return s.p.fault.status ? answer_fault(c, &s.p.fault) : answer_no_memory(c);
    c->request.kind = STORE_QUERY;
    c->request.query = s.q;
    c->step = STEP_REST;
    return s.q->verb == VERB_SELECT ? API_READ : API_WRITE;
}

/* --- the answer --- */

/* How many rows of the page there are: a head has none in its body. */
static uint64_t page_size(const struct api_call *c)
{
    const struct query *q = c->request.query;
    uint64_t total = c->reply.total_count;
    if (!q->is_head)
        return c->reply.row_count;
    uint64_t left = total > q->offset ? total - q->offset : 0;
    return left < q->limit ? left : q->limit;
}

/* from-to/total, with * for what is not there or not known (2). */
static void put_range(struct api_call *c)
{
    const struct query *q = c->request.query;
    struct buf *h = &c->response.headers;
    uint64_t count = q->verb == VERB_SELECT ? page_size(c) : 0;
    buf_put_literal(h, "Content-Range: ");
    if (count) {
        buf_put_u64(h, q->offset);
        buf_put_char(h, '-');
        buf_put_u64(h, q->offset + count - 1);
    } else {
        buf_put_char(h, '*');
    }
    buf_put_char(h, '/');
    if (q->wants_count)
        buf_put_u64(h, q->verb == VERB_SELECT ? c->reply.total_count : c->reply.row_count);
    else
        buf_put_char(h, '*');
    buf_put_literal(h, "\r\n");
}

static int status_of(const struct api_call *c)
{
    const struct query *q = c->request.query;
    switch (q->verb) {
    case VERB_SELECT:
        return q->wants_count && page_size(c) < c->reply.total_count ? 206 : 200;
    case VERB_INSERT:
        return q->conflict == CONFLICT_MERGE && c->reply.row_count && !c->reply.inserted_count
                   ? 200
                   : 201;
    case VERB_UPDATE:
    case VERB_DELETE:
        break;
    }
    return q->select.item_count ? 200 : 204;
}

static enum api_action answer_refusal(struct api_call *c)
{
    struct fault f = fault_of_store(&c->reply.error);
    if (f.status == 403 && c->request.who.role == ROLE_ANON)
        f.status = 401;
    return answer_fault(c, &f);
}

enum api_action rest_resume(struct api_call *c)
{
    const struct query *q = c->request.query;
    if (c->reply.error.status)
        return answer_refusal(c);
    answer_begin(c, status_of(c));
    put_range(c);
    answer_put_seq(c);
    if (!q->select.item_count)
        return answer_end(c, BYTES(""), BYTES(""));
    return answer_end(c, q->is_single ? ANSWER_OBJECT : ANSWER_JSON, buf_bytes(&c->reply.body));
}
