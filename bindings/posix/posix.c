#include "posix/posix.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "io/entropy.h"
#include "posix/posix_state.h"

enum { SESSION_MS = 15000, TEXT_MAX = 1024 };

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

/* ---- what goes wrong, in words ---- */

const char *hb_posix_trouble(const struct hb_posix *p)
{
    return p->trouble;
}

static bool is_printable(struct bytes c)
{
    unsigned char first = (unsigned char)c.data[0];
    bool is_c1 = c.size == 2 && first == 0xc2 && (unsigned char)c.data[1] < 0xa0;
    return first >= ' ' && first != 0x7f && !is_c1;
}

/* It has words of the server's, may be cut within a character, and ends on somebody's terminal. */
static void clean(char *text)
{
    struct bytes rest = bytes_of(text);
    while (rest.size > 0) {
        size_t size = utf8_first_size(rest);
        size_t step = size ? size : 1;
        if (size == 0 || !is_printable(bytes_slice(rest, 0, size)))
            memset(text, '?', step);
        text += step;
        rest = bytes_slice(rest, step, rest.size);
    }
}

void posix_trouble(struct hb_posix *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vsnprintf(p->trouble, sizeof(p->trouble), format, args);
    va_end(args);
    clean(p->trouble);
}

void posix_wire_trouble(struct hb_posix *p, const struct wire *w, enum err e)
{
    const char *there = p->target.authority;
    if (e == ERR_NOMEM)
        posix_trouble(p, "%s", hb_error_text(HB_ERR_NOMEM));
    else if (e == ERR_NOT_FOUND)
        posix_trouble(p, "%s cannot be reached: its name is not known", there);
    else if (e == ERR_DENIED)
        posix_trouble(p, "the server's certificate is not accepted: %s", wire_blame(w));
    else if (e == ERR_LIMIT)
        posix_trouble(p, "%s takes nothing of what is sent", there);
    else if (e == ERR_SYNTAX)
        posix_trouble(p, "%s does not speak TLS as it must", there);
    else if (w->state == WIRE_OPEN)
        posix_trouble(p, "the connection to %s was lost", there);
    else
        posix_trouble(p, "%s cannot be reached", there);
}

/* ---- the program's side ---- */

static bool is_for_program(struct hb_posix *p, const struct hb_action *a)
{
    switch (a->type) {
    case HB_OPEN:
        socket_open(p, a);
        return false;
    case HB_CLOSE:
        socket_close(p, a);
        return false;
    case HB_SEND:
        socket_send(p, a);
        return false;
    case HB_FETCH:
        request_fetch(p, a);
        return false;
    case HB_CANCEL:
        request_cancel(p, a->id);
        return false;
    case HB_TOKEN:
        session_renew(p);
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

/* While its name is looked up a wire has none. */
static void add_wire(const struct wire *w, struct pollfd *fds, size_t *count)
{
    if (w->fd >= 0)
        fds[(*count)++] = (struct pollfd){w->fd, wire_events(w), 0};
}

size_t hb_posix_fds(struct hb_posix *p, struct pollfd fds[HB_POSIX_FDS_MAX])
{
    size_t count = 0;
    if (lookup_fd(&p->lookup) >= 0)
        fds[count++] = (struct pollfd){lookup_fd(&p->lookup), POLLIN, 0};
    if (p->socket.is_used)
        add_wire(&p->socket.wire, fds, &count);
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (p->requests[i].purpose != UNUSED)
            add_wire(&p->requests[i].wire, fds, &count);
    }
    return count;
}

int hb_posix_timeout(struct hb_posix *p)
{
    int64_t now = hb_posix_now(), at = p->client ? hb_client_deadline(p->client) : INT64_MAX;
    at = p->token_at < at ? p->token_at : at;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        if (p->requests[i].purpose != UNUSED && p->requests[i].deadline < at)
            at = p->requests[i].deadline;
    }
    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : at - now > INT32_MAX ? INT32_MAX : (int)(at - now);
}

void hb_posix_turn(struct hb_posix *p)
{
    lookup_turn(&p->lookup);
    socket_turn(p);
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        request_turn(p, &p->requests[i]);
    session_turn(p);
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

static enum hb_error fail(struct hb_posix *p, enum hb_error e, const char *what)
{
    posix_trouble(p, "%s", what);
    return e;
}

/* Waits for the answer of the session's request that was begun with `e`. */
static enum hb_error finish(struct hb_posix *p, enum err e)
{
    if (e)
        return e == ERR_NOMEM ? HB_ERR_NOMEM : HB_ERR_NETWORK;
    p->token_at = INT64_MAX;
    while (request_is_any(p, CONFIG) || request_is_any(p, TOKEN))
        hb_posix_wait(p);
    return p->error;
}

static enum hb_error prepare_tls(struct hb_posix *p, const char *ca_file)
{
    p->tls = SSL_CTX_new(TLS_client_method());
    if (!p->tls)
        return fail(p, HB_ERR_NOMEM, "TLS cannot be set up");
    SSL_CTX_set_min_proto_version(p->tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(p->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(p->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int ok = ca_file ? SSL_CTX_load_verify_locations(p->tls, ca_file, NULL)
                     : SSL_CTX_set_default_verify_paths(p->tls);
    if (ok == 1)
        return HB_OK;
    posix_trouble(p, "%s holds no certificates", ca_file ? ca_file : "the system");
    return HB_ERR_INVALID;
}

static enum hb_error prepare(struct hb_posix *p, const struct hb_posix_options *o)
{
    buf_init(&p->email, TEXT_MAX);
    buf_init(&p->password, TEXT_MAX);
    buf_init(&p->apikey, SESSION_BODY_MAX);
    buf_init(&p->refresh, SESSION_BODY_MAX);
    p->token_at = INT64_MAX;
    p->session_ms = o->session_ms ? o->session_ms : SESSION_MS;
    if (wire_target_parse(&p->target, o->url)) {
        posix_trouble(p, "'%s' is not an address like https://bakery.example:8080", o->url);
        return HB_ERR_INVALID;
    }
    lookup_init(&p->lookup, p->target.host, p->target.port);
    buf_put(&p->email, bytes_of(o->email));
    buf_put(&p->password, bytes_of(o->password));
    enum err e = p->email.err ? p->email.err : p->password.err;
    if (e == ERR_NOMEM)
        return fail(p, HB_ERR_NOMEM, hb_error_text(HB_ERR_NOMEM));
    if (e)
        return fail(p, HB_ERR_INVALID, "email or password is too long");
    return p->target.is_tls ? prepare_tls(p, o->ca_file) : HB_OK;
}

static enum hb_error start(struct hb_posix *p)
{
    struct hb_settings settings;
    hb_settings_init(&settings);
    settings.apikey = (struct hb_text){p->apikey.data, p->apikey.size};
    settings.seed = entropy_u64();
    enum hb_error e = hb_client_new(&settings, hb_posix_now(), &p->client);
    if (e)
        return fail(p, e, hb_error_text(e));
    e = finish(p, session_ask_token(p));
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
    enum hb_error e = prepare(p, o);
    if (!e)
        e = finish(p, session_ask_config(p));
    if (!e)
        e = start(p);
    if (e) {
        snprintf(error, HB_POSIX_ERROR_SIZE, "%s", p->trouble);
        hb_posix_free(p);
        return e;
    }
    p->trouble[0] = 0;
    *out = p;
    return HB_OK;
}

void hb_posix_free(struct hb_posix *p)
{
    if (!p)
        return;
    socket_end(&p->socket);
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        request_end(&p->requests[i]);
    lookup_done(&p->lookup);
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
