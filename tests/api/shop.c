#include "shop.h"

#include "base/json.h"
#include "base/time.h"

enum { LINES_MAX = 16, BUF_MAX = 1 << 20 };

static struct rng entropy_source;

static void entropy(void *out, size_t size)
{
    check_fill(&entropy_source, out, size);
}

static void make_token(struct shop *s, struct buf *out, enum token_kind kind, const char *user_id)
{
    struct claims claims = {.kind = kind,
                            .issued_s = s->now_us / TIME_US_PER_S,
                            .expires_s = s->now_us / TIME_US_PER_S + 3600};
    if (user_id) {
        memcpy(claims.user_id, user_id, UUID_SIZE);
        memcpy(claims.session_id, "99999999-9999-4999-8999-999999999999", UUID_SIZE);
    }
    buf_init(out, BUF_MAX);
    token_sign(out, s->api.secret, &claims, NULL, BYTES("test"));
    assert_int_equal(out->err, OK);
}

static void add_people(struct shop *s)
{
    static const struct store_new_person people[SHOP_PEOPLE] = {
        {.email = BYTES_INIT("ada@example.org"),
         .name = BYTES_INIT("Ada"),
         .role = BYTES_INIT("owner")},
        {.email = BYTES_INIT("ben@example.org"),
         .name = BYTES_INIT("Ben"),
         .role = BYTES_INIT("manager")},
        {.email = BYTES_INIT("cid@example.org"),
         .name = BYTES_INIT("Cid"),
         .role = BYTES_INIT("sales_rep")},
        {.email = BYTES_INIT("dan@example.org"),
         .name = BYTES_INIT("Dan"),
         .role = BYTES_INIT("sales_rep")},
    };
    static char hash[PASSWORD_HASH_SIZE];
    if (!hash[0])
        assert_int_equal(password_hash(BYTES(SHOP_PASSWORD), hash), OK);
    for (int i = 0; i < SHOP_PEOPLE; i++) {
        struct store_new_person p = people[i];
        p.password_hash = bytes_of(hash);
        assert_int_equal(store_person_add(s->session, &p, s->now_us, s->ids[i]), OK);
        make_token(s, &s->people[i], TOKEN_USER, s->ids[i]);
    }
    assert_int_equal(store_person_set_active(s->session, BYTES("dan@example.org"), false), OK);
}

static void seed_directory(struct shop *s)
{
    struct buf rows;
    struct json_value array, row;
    struct bytes key;
    uint64_t seq;
    buf_init(&rows, BUF_MAX);
    assert_int_equal(directory_new(1, &s->directory), OK);
    assert_int_equal(store_staff(s->session, &rows, &seq), OK);
    assert_int_equal(json_parse(buf_bytes(&rows), &array), OK);
    struct json_iter it = json_iter(array);
    while (json_next(&it, &key, &row))
        assert_int_equal(directory_put(s->directory, row.raw), OK);
    buf_done(&rows);
}

static void open_store(struct shop *s)
{
    struct store_config cfg = {.is_in_memory = true};
    struct buf message;
    buf_init(&message, 4096);
    enum err e = store_create(&cfg, &message);
    if (!e)
        e = store_open(&cfg, &message, &s->store);
    if (!e)
        e = store_session_open(s->store, STORE_WRITER, &s->session);
    if (e)
        print_error("%.*s\n", (int)message.size, message.data);
    assert_int_equal(e, OK);
    buf_done(&message);
}

void shop_open(struct shop *s)
{
    *s = (struct shop){.now_us = SHOP_NOW_US};
    rng_init(&entropy_source, 5);
    buf_init(&s->said, BUF_MAX);
    open_store(s);
    s->api = (struct api){
        .catalogue = store_catalogue(s->store),
        .policies = store_policies(s->store),
        .secret = store_secret(s->store),
        .settings = store_settings(s->store),
        .epoch = store_epoch(s->store),
        .limits = api_limits_default,
        .broadcast_max = 100000,
        .version = "0.1.0",
        .entropy = entropy,
    };
    assert_int_equal(token_cache_new(3, &s->api.token_cache), OK);
    assert_int_equal(sign_in_limit_new(3, (struct rate_limit){10, 5000000}, &s->api.sign_in_limit),
                     OK);
    make_token(s, &s->anon, TOKEN_ANON, NULL);
    make_token(s, &s->service, TOKEN_SERVICE, NULL);
    add_people(s);
    seed_directory(s);
    s->api.directory = s->directory;
    api_call_init(&s->call, &s->api);
}

void shop_close(struct shop *s)
{
    api_call_done(&s->call);
    token_cache_free(s->api.token_cache);
    sign_in_limit_free(s->api.sign_in_limit);
    directory_free(s->directory);
    store_session_close(s->session);
    store_close(s->store);
    buf_done(&s->said);
    buf_done(&s->anon);
    buf_done(&s->service);
    for (int i = 0; i < SHOP_PEOPLE; i++)
        buf_done(&s->people[i]);
}

/* --- the pump --- */

static void write_and_follow(struct shop *s)
{
    struct store_write w = {&s->call.request, &s->call.reply};
    struct changes changes;
    char user_id[UUID_SIZE + 1];
    bool touched;
    changes_init(&changes);
    enum err e = store_write(s->session, &w, 1, &changes);
    assert_true(!e || s->call.reply.error.status);
    for (size_t i = 0; i < changes.count; i++)
        assert_int_equal(directory_apply(s->directory, changes.items[i], &touched, user_id), OK);
    changes_done(&changes);
}

static void hear(struct shop *s)
{
    assert_true(s->call.broadcast_count > 0);
    for (size_t i = 0; i < s->call.broadcast_count; i++) {
        const struct api_broadcast *b = &s->call.broadcasts[i];
        buf_put(&s->said, b->is_private ? BYTES("private|") : BYTES(""));
        buf_put(&s->said, b->is_raw ? BYTES("raw|") : BYTES(""));
        buf_put(&s->said, b->topic);
        buf_put_char(&s->said, '|');
        buf_put(&s->said, b->event);
        buf_put_char(&s->said, '|');
        buf_put(&s->said, b->payload);
        buf_put_char(&s->said, '\n');
    }
    assert_int_equal(s->said.err, OK);
}

static enum api_action perform(struct shop *s, enum api_action action)
{
    if (s->is_busy) {
        api_refuse_busy(&s->call);
        return API_RESPOND;
    }
    if (action == API_READ) {
        enum err e = store_read(s->session, &s->call.request, &s->call.reply);
        assert_true(!e || s->call.reply.error.status);
        s->reads++;
    } else if (action == API_BROADCAST) {
        hear(s);
    } else if (action == API_WRITE) {
        write_and_follow(s);
        s->writes++;
    } else {
        s->call.password_result = password_verify(s->call.password_hash, s->call.password);
        s->passwords++;
    }
    return api_resume(&s->call, s->now_us);
}

struct sending {
    struct http_header lines[LINES_MAX];
    size_t count;
    struct buf bearer;
};

static void add_line(struct sending *out, const char *name, struct bytes value)
{
    assert_true(out->count < LINES_MAX);
    out->lines[out->count++] = (struct http_header){bytes_of(name), value};
}

static void add_lines(struct sending *out, const struct shop *s, const struct shop_request *r)
{
    *out = (struct sending){0};
    buf_init(&out->bearer, BUF_MAX);
    if (!r->has_no_key)
        add_line(out, "apikey", buf_bytes(r->key ? r->key : &s->anon));
    if (r->token) {
        buf_put_literal(&out->bearer, "Bearer ");
        buf_put(&out->bearer, buf_bytes(r->token));
        add_line(out, "Authorization", buf_bytes(&out->bearer));
    }
    for (size_t i = 0; i < CHECK_COUNT(r->headers) && r->headers[i][0]; i++)
        add_line(out, r->headers[i][0], bytes_of(r->headers[i][1]));
}

int shop_send(struct shop *s, const struct shop_request *r)
{
    struct sending sending;
    add_lines(&sending, s, r);
    struct bytes target = bytes_of(r->target);
    size_t mark = bytes_find_char(target, '?');
    struct bytes body = check_boxed(r->body ? bytes_of(r->body) : BYTES(""));
    struct http_request http = {.method = r->method,
                                .target = target,
                                .path = bytes_slice(target, 0, mark),
                                .query = bytes_slice(target, mark + 1, target.size),
                                .headers = sending.lines,
                                .header_count = sending.count,
                                .body = body};
    s->reads = s->writes = s->passwords = 0;
    buf_reset(&s->said);
    api_call_reset(&s->call);
    mem_fail_at(s->fail_at);
    enum api_action action = api_begin(&s->call, &http, s->now_us);
    s->has_failed = mem_fail_hit();
    mem_fail_at(0);
    while (action != API_RESPOND)
        action = perform(s, action);
    check_unbox(body);
    buf_done(&sending.bearer);
    return s->call.response.status;
}

struct bytes shop_body(const struct shop *s)
{
    return s->call.response.body;
}

struct bytes shop_header(const struct shop *s, const char *name)
{
    struct bytes rest = buf_bytes(&s->call.response.headers), line;
    while (bytes_split(&rest, '\n', &line)) {
        struct bytes value = bytes_slice(line, 0, line.size - (line.size > 0)), key;
        if (bytes_split(&value, ':', &key) && bytes_equal_nocase(key, bytes_of(name)))
            return bytes_trim(value);
    }
    return (struct bytes){NULL, 0};
}

struct bytes shop_member(const struct shop *s, const char *name)
{
    struct json_value object, v;
    if (json_parse(shop_body(s), &object) || json_get(object, bytes_of(name), &v))
        return (struct bytes){NULL, 0};
    return v.type == JSON_STRING ? bytes_slice(v.raw, 1, v.raw.size - 1) : v.raw;
}

/* REST and the dated auth errors have `code`, the others `error_code`. */
static bool has_code(const struct shop *s, const char *code)
{
    return bytes_equal(shop_member(s, "code"), bytes_of(code)) ||
           bytes_equal(shop_member(s, "error_code"), bytes_of(code));
}

void shop_expect(struct shop *s, const struct shop_request *r, int status, const char *code)
{
    int got = shop_send(s, r);
    if (got == status && (!code || has_code(s, code)))
        return;
    print_error("%s: got %d %.*s, want %d %s\n", r->target, got, (int)shop_body(s).size,
                shop_body(s).data ? shop_body(s).data : "", status, code ? code : "");
    fail();
}

void shop_insert(struct shop *s, const char *target, const char *body)
{
    struct shop_request r = {
        .method = HTTP_POST, .target = target, .body = body, .key = &s->service};
    shop_expect(s, &r, 201, NULL);
}
