#include "posix.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/entropy.h"
#include "proto/ws.h"
#include "wire.h"

enum {
    EXCHANGES_MAX = HB_POSIX_FDS_MAX - 1,
    SIGN_IN_MS = 15000,
    FETCH_MS = 60000,
    TOKEN_AGAIN_MS = 5000,
    SIGN_IN_BODY_MAX = 64 * 1024,
    READ_SIZE = 16 * 1024,
    TURN_READS_MAX = 64, /* of one connection in one turn, so that none starves the others */
    MESSAGE_MAX = 4 * 1024 * 1024
};

enum purpose { UNUSED = 0, FETCH, CONFIG, TOKEN };

/* One HTTP request on a connection of its own. */
struct exchange {
    enum purpose purpose;
    uint32_t id;
    int64_t deadline;
    struct wire wire;
    struct buf in;
};

struct socket {
    bool is_used, is_upgraded;
    uint32_t id;
    struct wire wire;
    struct buf head; /* the answer to the opening handshake */
    struct ws_decoder decoder;
    char accept[WS_ACCEPT_SIZE];
};

struct hb_posix {
    struct hb_client *client;
    struct wire_target target;
    SSL_CTX *tls;
    struct socket socket;
    struct exchange exchanges[EXCHANGES_MAX];
    struct buf email, password, apikey, refresh;
    int64_t token_at; /* when to ask for a token again; INT64_MAX: not */
    enum hb_error error;
    char *message; /* while hb_posix_new runs, else NULL */
};

int64_t hb_posix_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t); /* goes on while the machine sleeps */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct hb_client *hb_posix_client(struct hb_posix *p)
{
    return p->client;
}

static void PRINTF_LIKE(3, 4) fail(struct hb_posix *p, enum hb_error e, const char *format, ...)
{
    p->error = e;
    if (!p->message)
        return;
    va_list args;
    va_start(args, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vsnprintf(p->message, HB_POSIX_ERROR_SIZE, format, args);
    va_end(args);
}

/* ---- requests ---- */

static void end_exchange(struct exchange *x)
{
    if (x->purpose == UNUSED)
        return;
    wire_close(&x->wire);
    buf_done(&x->in);
    memset(x, 0, sizeof(*x));
}

static struct exchange *begin_exchange(struct hb_posix *p, enum purpose purpose, size_t max,
                                       enum err *e)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange *x = &p->exchanges[i];
        if (x->purpose != UNUSED)
            continue;
        x->purpose = purpose;
        x->deadline = hb_posix_now() + (purpose == FETCH ? FETCH_MS : SIGN_IN_MS);
        buf_init(&x->in, max + ANSWER_HEAD_MAX + READ_SIZE);
        *e = wire_open(&x->wire, &p->target, p->tls);
        return x;
    }
    *e = ERR_FULL;
    return NULL;
}

static void put_request(struct hb_posix *p, struct buf *out, const char *method, struct bytes path)
{
    buf_put(out, bytes_of(method));
    buf_put(out, path);
    buf_put_literal(out, " HTTP/1.1\r\nHost: ");
    buf_put(out, bytes_of(p->target.authority));
    buf_put_literal(out, "\r\n");
}

static void put_key(struct hb_posix *p, struct buf *out, struct bytes token)
{
    buf_put_literal(out, "Connection: close\r\n");
    if (p->apikey.size) {
        buf_put_literal(out, "apikey: ");
        buf_put(out, buf_bytes(&p->apikey));
        buf_put_literal(out, "\r\n");
    }
    if (token.size) {
        buf_put_literal(out, "Authorization: Bearer ");
        buf_put(out, token);
        buf_put_literal(out, "\r\n");
    }
}

static void put_credentials(struct hb_posix *p, struct buf *body)
{
    buf_put_literal(body, "{");
    if (p->refresh.size) {
        json_put_key(body, BYTES("refresh_token"));
        json_put_string(body, buf_bytes(&p->refresh));
    } else {
        json_put_key(body, BYTES("email"));
        json_put_string(body, buf_bytes(&p->email));
        json_put_key(body, BYTES("password"));
        json_put_string(body, buf_bytes(&p->password));
    }
    buf_put_literal(body, "}");
}

static enum err ask_token(struct hb_posix *p)
{
    enum err e;
    p->token_at = INT64_MAX;
    struct exchange *x = begin_exchange(p, TOKEN, SIGN_IN_BODY_MAX, &e);
    if (!x)
        return e;
    struct buf body;
    buf_init(&body, SIGN_IN_BODY_MAX);
    put_credentials(p, &body);
    struct buf *out = &x->wire.out;
    put_request(p, out, "POST ",
                p->refresh.size ? BYTES("/auth/v1/token?grant_type=refresh_token")
                                : BYTES("/auth/v1/token?grant_type=password"));
    put_key(p, out, (struct bytes){NULL, 0});
    buf_put_literal(out, "Content-Type: application/json\r\nContent-Length: ");
    buf_put_u64(out, body.size);
    buf_put_literal(out, "\r\n\r\n");
    buf_put(out, buf_bytes(&body));
    e = e ? e : body.err;
    buf_done(&body);
    if (e)
        end_exchange(x);
    return e;
}

static enum err ask_config(struct hb_posix *p)
{
    enum err e;
    struct exchange *x = begin_exchange(p, CONFIG, SIGN_IN_BODY_MAX, &e);
    if (!x)
        return e;
    put_request(p, &x->wire.out, "GET ", BYTES("/api/config"));
    put_key(p, &x->wire.out, (struct bytes){NULL, 0});
    buf_put_literal(&x->wire.out, "\r\n");
    if (e)
        end_exchange(x);
    return e;
}

static void tell_fetched(struct hb_posix *p, uint32_t id, unsigned status, const struct answer *a)
{
    uint64_t seq = 0;
    struct bytes epoch = {NULL, 0}, body = {NULL, 0};
    if (a) {
        epoch = answer_header(a, BYTES("HomeBake-Epoch"));
        body = a->body;
        if (bytes_to_u64(answer_header(a, BYTES("HomeBake-Seq")), &seq))
            seq = 0;
    }
    hb_client_fetched(p->client, id, status, seq, (struct hb_text){epoch.data, epoch.size},
                      (struct hb_text){body.data, body.size}, hb_posix_now());
}

static void fetch(struct hb_posix *p, const struct hb_action *a)
{
    enum err e;
    struct exchange *x = begin_exchange(p, FETCH, a->code, &e);
    if (x && !e) {
        x->id = a->id;
        put_request(p, &x->wire.out, "GET ", (struct bytes){a->text.data, a->text.size});
        put_key(p, &x->wire.out, (struct bytes){a->token.data, a->token.size});
        buf_put_literal(&x->wire.out, "\r\n");
        return;
    }
    if (x)
        end_exchange(x);
    tell_fetched(p, a->id, 0, NULL);
}

/* The text member `name` of a JSON object. */
static enum err get_text(struct bytes body, struct bytes name, struct buf *out)
{
    struct json_value v, member;
    if (json_parse(body, &v) || json_get(v, name, &member) || member.type != JSON_STRING)
        return ERR_SYNTAX;
    buf_reset(out);
    json_string_decode(out, member.raw);
    /* It goes into headers: no line may end in it. */
    for (size_t i = 0; i < out->size; i++) {
        if ((unsigned char)out->data[i] < ' ')
            return ERR_SYNTAX;
    }
    return out->err;
}

static void take_token(struct hb_posix *p, struct bytes body)
{
    struct json_value v, member;
    struct buf token;
    int64_t good_s = 0;
    buf_init(&token, SIGN_IN_BODY_MAX);
    if (get_text(body, BYTES("access_token"), &token) ||
        get_text(body, BYTES("refresh_token"), &p->refresh) || json_parse(body, &v) ||
        json_get(v, BYTES("expires_in"), &member) || json_to_i64(member, &good_s) || good_s < 0 ||
        good_s > INT32_MAX) {
        fail(p, HB_ERR_PROTOCOL, "the server's answer to the sign-in cannot be read");
    } else {
        p->error = HB_OK;
        hb_client_set_token(p->client, (struct hb_text){token.data, token.size}, good_s * 1000,
                            hb_posix_now());
    }
    buf_done(&token);
}

static void refuse_token(struct hb_posix *p, const struct answer *a)
{
    struct buf why;
    buf_init(&why, HB_POSIX_ERROR_SIZE);
    bool is_said = a->status < 500 && get_text(a->body, BYTES("msg"), &why) == OK;
    if (a->status < 500)
        buf_reset(&p->refresh); /* the next try is with the password */
    fail(p, a->status >= 500 ? HB_ERR_SERVER : HB_ERR_DENIED,
         "the server refuses the sign-in: %.*s (%u)", is_said ? (int)why.size : 9,
         is_said ? why.data : "no reason", a->status);
    buf_done(&why);
}

static void take_answer(struct hb_posix *p, struct exchange *x, const struct answer *a)
{
    if (x->purpose == FETCH) {
        tell_fetched(p, x->id, a->status, a);
    } else if (x->purpose == CONFIG) {
        p->error = HB_OK;
        if (a->status != 200 || get_text(a->body, BYTES("anon_key"), &p->apikey))
            fail(p, HB_ERR_PROTOCOL, "no HomeBake answers there (%u)", a->status);
    } else if (a->status == 200) {
        take_token(p, a->body);
    } else {
        refuse_token(p, a);
    }
}

static void lose_exchange(struct hb_posix *p, struct exchange *x, enum err e)
{
    if (x->purpose == FETCH)
        tell_fetched(p, x->id, e == ERR_LIMIT ? 413 : 0, NULL);
    else if (e == ERR_DENIED)
        fail(p, HB_ERR_DENIED, "the server's certificate is not accepted");
    else
        fail(p, HB_ERR_NETWORK, "%s cannot be reached", p->target.authority);
}

/* ERR_CLOSED: the answer has ended. */
static enum err step_exchange(struct exchange *x)
{
    enum err e = wire_step(&x->wire);
    for (int i = 0; i < TURN_READS_MAX && (e == OK || e == ERR_AGAIN); i++) {
        size_t got;
        char *at = buf_reserve(&x->in, READ_SIZE);
        if (!at)
            return x->in.err;
        e = wire_recv(&x->wire, at, READ_SIZE, &got);
        if (e)
            return e;
        buf_advance(&x->in, got);
    }
    return e;
}

static void turn_exchange(struct hb_posix *p, struct exchange *x)
{
    struct answer a;
    enum err e = step_exchange(x);
    if ((e == OK || e == ERR_AGAIN) && hb_posix_now() < x->deadline)
        return;
    enum purpose purpose = x->purpose;
    if (e == ERR_CLOSED && answer_parse(&x->in, &a) == OK)
        take_answer(p, x, &a);
    else
        lose_exchange(p, x, e);
    end_exchange(x);
    if (purpose == TOKEN && p->error)
        p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
}

/* ---- the WebSocket ---- */

static void end_socket(struct socket *s)
{
    if (!s->is_used)
        return;
    wire_close(&s->wire);
    buf_done(&s->head);
    ws_decoder_done(&s->decoder);
    memset(s, 0, sizeof(*s));
}

static void lose_socket(struct hb_posix *p, uint32_t code)
{
    uint32_t id = p->socket.id;
    end_socket(&p->socket);
    hb_client_closed(p->client, id, code, hb_posix_now());
}

static void open_socket(struct hb_posix *p, const struct hb_action *a)
{
    struct socket *s = &p->socket;
    char random[16];
    struct buf key;
    end_socket(s);
    s->is_used = true;
    s->id = a->id;
    buf_init(&s->head, ANSWER_HEAD_MAX + READ_SIZE);
    ws_decoder_init(&s->decoder, MESSAGE_MAX);
    ws_decoder_of_client(&s->decoder);
    buf_init(&key, 64);
    entropy_fill(random, sizeof(random));
    base64_encode(&key, (struct bytes){random, sizeof(random)});
    enum err e = wire_open(&s->wire, &p->target, p->tls);
    if (!e)
        e = ws_accept(buf_bytes(&key), s->accept);
    put_request(p, &s->wire.out, "GET ", (struct bytes){a->text.data, a->text.size});
    buf_put_literal(&s->wire.out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    buf_put(&s->wire.out, buf_bytes(&key));
    buf_put_literal(&s->wire.out, "\r\n\r\n");
    buf_done(&key);
    if (e)
        lose_socket(p, 1006);
}

static void send_frame(struct socket *s, enum ws_opcode opcode, struct bytes payload)
{
    uint8_t mask[4];
    entropy_fill(mask, sizeof(mask));
    ws_put_masked(&s->wire.out, opcode, payload, mask);
}

static void close_socket(struct hb_posix *p, uint32_t code)
{
    struct socket *s = &p->socket;
    char payload[2] = {(char)(uint8_t)(code >> 8), (char)(uint8_t)code};
    if (s->is_upgraded) {
        send_frame(s, WS_CLOSE, (struct bytes){payload, sizeof(payload)});
        /* A goodbye that cannot leave now is not waited for. */
        enum err ignored = wire_step(&s->wire);
        (void)ignored;
    }
    end_socket(s);
}

/* False: the connection is over. */
static bool take_frames(struct hb_posix *p, char *data, size_t size)
{
    struct socket *s = &p->socket;
    uint32_t id = s->id;
    struct ws_input in = {data, size};
    struct ws_message m;
    enum err e;
    while ((e = ws_decode(&s->decoder, &in, &m)) == OK) {
        if (m.opcode == WS_TEXT)
            hb_client_message(p->client, id, (struct hb_text){m.payload.data, m.payload.size},
                              hb_posix_now());
        else if (m.opcode == WS_PING)
            send_frame(s, WS_PONG, m.payload);
        else if (m.opcode == WS_CLOSE) {
            lose_socket(p, (uint32_t)m.close_code);
            return false;
        }
    }
    if (e == ERR_AGAIN)
        return true;
    lose_socket(p, e == ERR_LIMIT ? WS_CLOSE_TOO_BIG : WS_CLOSE_PROTOCOL_ERROR);
    return false;
}

/* RFC 6455, 4.1.  False: the connection is over. */
static bool take_handshake(struct hb_posix *p)
{
    struct socket *s = &p->socket;
    struct answer a;
    size_t size;
    enum err e = answer_head(buf_bytes(&s->head), &a, &size);
    if (e == ERR_AGAIN)
        return true;
    struct bytes accept = {s->accept, sizeof(s->accept)};
    if (e || a.status != 101 ||
        !bytes_equal(answer_header(&a, BYTES("Sec-WebSocket-Accept")), accept)) {
        lose_socket(p, 1006);
        return false;
    }
    s->is_upgraded = true;
    hb_client_opened(p->client, s->id, hb_posix_now());
    return take_frames(p, s->head.data + size, s->head.size - size);
}

static void turn_socket(struct hb_posix *p)
{
    struct socket *s = &p->socket;
    char data[READ_SIZE];
    enum err e = wire_step(&s->wire);
    for (int i = 0; i < TURN_READS_MAX && (e == OK || e == ERR_AGAIN); i++) {
        size_t got;
        e = wire_recv(&s->wire, data, sizeof(data), &got);
        if (e == ERR_AGAIN)
            return;
        if (e)
            break;
        if (!s->is_upgraded)
            buf_put(&s->head, (struct bytes){data, got});
        if (s->is_upgraded ? !take_frames(p, data, got) : !take_handshake(p))
            return;
    }
    if (e && e != ERR_AGAIN)
        lose_socket(p, 1006);
}

/* ---- the program's side ---- */

static void cancel(struct hb_posix *p, uint32_t id)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        if (p->exchanges[i].purpose == FETCH && p->exchanges[i].id == id)
            end_exchange(&p->exchanges[i]);
    }
}

static bool is_for_program(struct hb_posix *p, const struct hb_action *a)
{
    bool is_current = p->socket.is_used && p->socket.id == a->id;
    switch (a->type) {
    case HB_OPEN:
        open_socket(p, a);
        return false;
    case HB_CLOSE:
        if (is_current)
            close_socket(p, a->code);
        return false;
    case HB_SEND:
        if (is_current)
            send_frame(&p->socket, WS_TEXT, (struct bytes){a->text.data, a->text.size});
        return false;
    case HB_FETCH:
        fetch(p, a);
        return false;
    case HB_CANCEL:
        cancel(p, a->id);
        return false;
    case HB_TOKEN:
        if (p->token_at == INT64_MAX && ask_token(p))
            p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
        return false;
    case HB_STATUS:
    case HB_FRAME:
    case HB_ROWS:
    case HB_STATE:
    case HB_TROUBLE:
        break;
    }
    return true;
}

bool hb_posix_next(struct hb_posix *p, struct hb_action *out)
{
    while (hb_client_next(p->client, out)) {
        if (is_for_program(p, out))
            return true;
    }
    return false;
}

size_t hb_posix_fds(struct hb_posix *p, struct pollfd fds[HB_POSIX_FDS_MAX])
{
    size_t count = 0;
    if (p->socket.is_used)
        fds[count++] = (struct pollfd){p->socket.wire.fd, wire_events(&p->socket.wire), 0};
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        struct wire *w = &p->exchanges[i].wire;
        if (p->exchanges[i].purpose != UNUSED)
            fds[count++] = (struct pollfd){w->fd, wire_events(w), 0};
    }
    return count;
}

int hb_posix_timeout(struct hb_posix *p)
{
    int64_t now = hb_posix_now(), at = p->client ? hb_client_deadline(p->client) : INT64_MAX;
    at = p->token_at < at ? p->token_at : at;
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        if (p->exchanges[i].purpose != UNUSED && p->exchanges[i].deadline < at)
            at = p->exchanges[i].deadline;
    }
    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : at - now > INT32_MAX ? INT32_MAX : (int)(at - now);
}

void hb_posix_turn(struct hb_posix *p)
{
    if (p->socket.is_used)
        turn_socket(p);
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        if (p->exchanges[i].purpose != UNUSED)
            turn_exchange(p, &p->exchanges[i]);
    }
    if (p->token_at <= hb_posix_now() && ask_token(p))
        p->token_at = hb_posix_now() + TOKEN_AGAIN_MS;
    if (p->client)
        hb_client_tick(p->client, hb_posix_now());
}

void hb_posix_wait(struct hb_posix *p)
{
    struct pollfd fds[HB_POSIX_FDS_MAX];
    size_t count = hb_posix_fds(p, fds);
    (void)poll(fds, (nfds_t)count, hb_posix_timeout(p));
    hb_posix_turn(p);
}

/* ---- life ---- */

static bool is_asking(const struct hb_posix *p)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        if (p->exchanges[i].purpose != UNUSED)
            return true;
    }
    return false;
}

static enum hb_error finish(struct hb_posix *p, enum err e)
{
    if (e)
        fail(p, HB_ERR_NETWORK, "%s cannot be reached", p->target.authority);
    while (is_asking(p))
        hb_posix_wait(p);
    return p->error;
}

static enum hb_error prepare(struct hb_posix *p, const struct hb_posix_options *o)
{
    buf_put(&p->email, bytes_of(o->email));
    buf_put(&p->password, bytes_of(o->password));
    if (p->email.err || p->password.err || wire_target_parse(&p->target, o->url)) {
        fail(p, HB_ERR_INVALID, "'%s' is not an address like https://bakery.example:8080", o->url);
        return p->error;
    }
    if (!p->target.is_tls)
        return HB_OK;
    p->tls = SSL_CTX_new(TLS_client_method());
    if (!p->tls) {
        fail(p, HB_ERR_NOMEM, "TLS cannot be set up");
        return p->error;
    }
    SSL_CTX_set_min_proto_version(p->tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(p->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(p->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int ok = o->ca_file ? SSL_CTX_load_verify_locations(p->tls, o->ca_file, NULL)
                        : SSL_CTX_set_default_verify_paths(p->tls);
    if (ok != 1)
        fail(p, HB_ERR_INVALID, "%s holds no certificates", o->ca_file ? o->ca_file : "the system");
    return p->error;
}

static enum hb_error start(struct hb_posix *p)
{
    struct hb_settings settings;
    hb_settings_init(&settings);
    settings.apikey = (struct hb_text){p->apikey.data, p->apikey.size};
    settings.seed = entropy_u64();
    enum hb_error e = hb_client_new(&settings, hb_posix_now(), &p->client);
    if (e)
        fail(p, e, "%s", hb_error_text(e));
    else
        e = finish(p, ask_token(p));
    if (!e)
        hb_client_start(p->client, hb_posix_now());
    return e;
}

enum hb_error hb_posix_new(const struct hb_posix_options *o, char error[HB_POSIX_ERROR_SIZE],
                           struct hb_posix **out)
{
    struct hb_posix *p = mem_zalloc(sizeof(*p));
    snprintf(error, HB_POSIX_ERROR_SIZE, "%s", hb_error_text(HB_ERR_NOMEM));
    if (!p)
        return HB_ERR_NOMEM;
    p->message = error;
    p->token_at = INT64_MAX;
    buf_init(&p->email, 1024);
    buf_init(&p->password, 1024);
    buf_init(&p->apikey, SIGN_IN_BODY_MAX);
    buf_init(&p->refresh, SIGN_IN_BODY_MAX);
    enum hb_error e = prepare(p, o);
    if (!e)
        e = finish(p, ask_config(p));
    if (!e)
        e = start(p);
    if (e) {
        hb_posix_free(p);
        return e;
    }
    p->message = NULL;
    *out = p;
    return HB_OK;
}

void hb_posix_free(struct hb_posix *p)
{
    if (!p)
        return;
    end_socket(&p->socket);
    for (size_t i = 0; i < EXCHANGES_MAX; i++)
        end_exchange(&p->exchanges[i]);
    hb_client_free(p->client);
    SSL_CTX_free(p->tls);
    buf_done(&p->email);
    if (p->password.data)
        OPENSSL_cleanse(p->password.data, p->password.size);
    buf_done(&p->password);
    buf_done(&p->apikey);
    buf_done(&p->refresh);
    mem_free(p);
}
