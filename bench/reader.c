#include "reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS = 256, TAIL = 40 };

void reader_sum_add(struct reader_sum *s, uint64_t seq)
{
    s->count++;
    s->hash = (s->hash ^ seq) * UINT64_C(1099511628211); /* FNV-1a, a seq at a time */
}

void readers_init(struct readers *r, const struct homebake *home, int count)
{
    *r = (struct readers){.home = home,
                          .poll = epoll_create1(EPOLL_CLOEXEC),
                          .count = count,
                          .items = load_array((size_t)count, sizeof(*r->items))};
    if (r->poll < 0)
        load_fail("epoll_create1");
}

void readers_done(struct readers *r)
{
    for (int i = 0; i < r->count; i++) {
        if (r->items[i].state != READER_OFFLINE)
            close(r->items[i].fd);
        frames_done(&r->items[i].frames);
    }
    close(r->poll);
    free(r->items);
}

int readers_live(const struct readers *r)
{
    int count = 0;
    for (int i = 0; i < r->count; i++)
        count += r->items[i].state == READER_LIVE;
    return count;
}

static void go_offline(struct reader *m)
{
    close(m->fd); /* which takes it out of the epoll set */
    frames_done(&m->frames);
    m->state = READER_OFFLINE;
}

/* ---- the way in ---- */

static void watch(struct readers *r, struct reader *m, int op, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)(m - r->items)};
    if (epoll_ctl(r->poll, op, m->fd, &e) != 0)
        load_fail("epoll_ctl");
}

static void start_connecting(struct readers *r, struct reader *m)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(r->home->port)};
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m->fd < 0)
        load_fail("socket");
    setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    m->state = READER_CONNECTING;
    if (connect(m->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        r->retries++;
        go_offline(m);
        return;
    }
    watch(r, m, EPOLL_CTL_ADD, EPOLLOUT);
}

void readers_connect(struct readers *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->items[i].state == READER_OFFLINE)
            start_connecting(r, &r->items[i]);
}

static enum err upgrade(struct readers *r, struct reader *m)
{
    char path[2048], request[4096];
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(m->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error)
        return ERR_CLOSED;
    homebake_put_path(r->home, path, sizeof(path));
    wire_send(m->fd, request, wire_put_upgrade(request, sizeof(request), path, NULL));
    watch(r, m, EPOLL_CTL_MOD, EPOLLIN);
    m->state = READER_UPGRADING;
    return OK;
}

/* Who joins for the first time names an epoch that never was: from seq 0 of the real one, all that the
 * log holds would be replayed. */
static enum err join(struct readers *r, struct reader *m)
{
    const char *epoch = m->has_begun ? m->epoch : "none yet";
    char config[256], text[6000];
    enum err e = wire_take_head(m->fd);
    if (e)
        return e;
    snprintf(
        config, sizeof(config),
        "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_"
        "logs\"}],\"presence\":{\"enabled\":false},\"resume\":{\"epoch\":\"%s\",\"seq\":%llu}}",
        epoch, (unsigned long long)m->cursor);
    size_t size =
        homebake_put_join(r->home, (int)(m - r->items), 1, "herd", config, text, sizeof(text));
    wire_send_frame(m->fd, WIRE_TEXT, text, size);
    m->state = READER_JOINING;
    return OK;
}

/* ---- what comes in ---- */

/* The number behind the last `"seq":` of a text, and where it ends; false when there is none. */
static bool find_seq(struct bytes text, uint64_t *seq, const char **end)
{
    static const char name[] = "\"seq\":";
    const char *found = NULL;
    struct bytes rest = text;
    while (rest.size > 0) {
        const char *at = memmem(rest.data, rest.size, name, sizeof(name) - 1);
        if (!at)
            break;
        found = at + sizeof(name) - 1;
        rest = bytes_slice(rest, (size_t)(found - rest.data), rest.size);
    }
    if (!found)
        return false;
    *seq = 0;
    for (; found < text.data + text.size && *found >= '0' && *found <= '9'; found++)
        *seq = *seq * 10 + (uint64_t)(*found - '0');
    *end = found;
    return true;
}

static bool has(struct bytes text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static void learn_epoch(struct reader *m, struct bytes reply)
{
    const struct bytes name = BYTES("\"resume\":{\"epoch\":\"");
    size_t at = bytes_find(reply, name);
    if (at == reply.size)
        load_fail("a join was answered without an epoch");
    struct bytes rest = bytes_slice(reply, at + name.size, reply.size);
    snprintf(m->epoch, sizeof(m->epoch), "%.*s", (int)bytes_find_char(rest, '"'), rest.data);
}

static void take_reply(struct readers *r, struct reader *m, struct bytes reply)
{
    uint64_t seq;
    const char *end;
    if (!has(reply, "\"status\":\"ok\"") || !find_seq(reply, &seq, &end)) {
        fprintf(stderr, "%.*s\n", (int)reply.size, reply.data);
        load_fail("a join was refused");
    }
    if (!m->has_begun) {
        learn_epoch(m, reply);
        m->first = m->cursor = seq;
        m->has_begun = true;
    } else if (!has(reply, "\"replayed\":true")) {
        r->not_resumed++;
    }
    m->state = READER_LIVE;
    m->live_ns = load_now_ns();
}

/* The seq of a change is the last member of its last object: behind it stand brackets only. */
static void take_change(struct readers *r, struct reader *m, struct bytes payload)
{
    uint64_t seq;
    const char *end;
    size_t skip = payload.size > TAIL ? payload.size - TAIL : 0;
    if (!find_seq(bytes_slice(payload, skip, payload.size), &seq, &end) || *end != '}')
        return;
    r->doubled += seq <= m->cursor;
    m->cursor = seq;
    reader_sum_add(&m->seen, seq);
}

static void on_payload(void *context, struct bytes payload)
{
    struct readers *r = context;
    struct reader *m = r->reading;
    if (m->state == READER_JOINING && has(payload, "\"phx_reply\""))
        take_reply(r, m, payload);
    else
        take_change(r, m, payload);
}

static enum err read_frames(struct readers *r, struct reader *m)
{
    static char data[1 << 16];
    ssize_t n = recv(m->fd, data, sizeof(data), 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? ERR_AGAIN : ERR_CLOSED;
    r->reading = m;
    frames_feed(&m->frames, (struct bytes){data, (size_t)n}, on_payload, r);
    return OK;
}

static enum err step(struct readers *r, struct reader *m)
{
    switch (m->state) {
    case READER_CONNECTING:
        return upgrade(r, m);
    case READER_UPGRADING:
        return join(r, m);
    case READER_JOINING:
    case READER_LIVE:
        return read_frames(r, m);
    default:
        return OK; /* it went offline in this very turn */
    }
}

void readers_turn(struct readers *r, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(r->poll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct reader *m = &r->items[events[i].data.u32];
        enum err e = step(r, m);
        if (!e || e == ERR_AGAIN)
            continue;
        r->retries += m->state != READER_LIVE;
        go_offline(m);
    }
}

void readers_cut(struct readers *r)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < r->count; i++) {
        if (r->items[i].state == READER_OFFLINE)
            continue;
        setsockopt(r->items[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        go_offline(&r->items[i]);
    }
}
