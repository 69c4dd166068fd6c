#include "server/server.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/log.h"
#include "io/sock.h"
#include "server/inspect.h"
#include "server/shard.h"
#include "server/upkeep.h"

enum { SHARDS_MAX = 256, READERS_DEFAULT = 2, STAFF_MAX = 64 * 1024 * 1024 };

struct server {
    struct server_config cfg;
    struct sock_address address;
    struct store *store;
    struct store_session *writing, *keeping;
    struct tls_context *tls;
    struct writer *writer;
    struct readers *readers;
    struct upkeep *upkeep;
    struct shard *shards[SHARDS_MAX];
    struct mailbox *boxes[SHARDS_MAX];
    size_t shard_count; /* made */
    size_t started;     /* running */
    /* the state of the data at the start */
    struct buf staff;
    uint64_t head, tail;
    struct changes recent;
};

static void say(struct buf *message, const char *what, const char *why)
{
    if (message->size)
        return; /* who knew better has spoken */
    buf_put(message, bytes_of(what));
    buf_put_literal(message, ": ");
    buf_put(message, bytes_of(why));
}

static void raise_descriptor_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == l.rlim_max)
        return;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l))
        log_write(LOG_WARN, "server.descriptors", "the limit of open files could not be raised");
}

static unsigned core_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > SHARDS_MAX ? SHARDS_MAX : (unsigned)n;
}

/* The newest changes, so that clients can resume over a restart. */
static enum err load_recent(struct server *s)
{
    uint64_t count = s->cfg.limits.restore_count;
    if (count > s->head)
        count = s->head;
    while (count > 0) {
        enum err e = store_changes_since(s->writing, s->head - count + 1, count, &s->recent);
        if (e != ERR_NOT_FOUND)
            return e;
        count /= 2; /* the log does not reach back as far */
    }
    return OK;
}

static enum err load_tail(struct server *s)
{
    struct changes none = {.count = 0};
    return store_changes_page(s->writing, 0, 0, 0, &none, &s->tail);
}

static enum err open_store(struct server *s, struct buf *message)
{
    struct store_config c = {.folder = s->cfg.folder};
    enum err e = store_open(&c, message, &s->store);
    if (!e)
        e = store_session_open(s->store, STORE_WRITER, &s->writing);
    if (!e)
        e = store_begin_epoch(s->writing);
    if (!e)
        e = store_session_open(s->store, STORE_READER, &s->keeping);
    if (!e)
        e = store_staff(s->writing, &s->staff, &s->head);
    if (!e)
        e = load_recent(s);
    if (!e)
        e = load_tail(s);
    if (e)
        say(message, s->cfg.folder, err_text(e));
    return e;
}

static enum err open_tls(struct server *s, struct buf *message)
{
    if (!s->cfg.tls_cert)
        return OK;
    return tls_context_new(s->cfg.tls_cert, s->cfg.tls_key, message, &s->tls);
}

static const char *listen_fault(enum err e)
{
    switch (e) {
    case ERR_SYNTAX:
        return "not of the form ADDR:PORT";
    case ERR_EXISTS:
        return "another program listens there";
    case ERR_DENIED:
        return "not allowed (ports below 1024 need privileges)";
    case ERR_NOT_FOUND:
        return "no such address on this machine";
    default:
        return err_text(e);
    }
}

/* A port that others share by SO_REUSEPORT would take a part of their connections: looked at first.
 */
static enum err check_address(struct server *s, struct buf *message)
{
    enum err e = sock_address_parse(s->cfg.listen, &s->address);
    if (!e)
        e = sock_probe(&s->address);
    if (e)
        say(message, s->cfg.listen, listen_fault(e));
    return e;
}

static enum err listen_next(struct server *s, int *fd)
{
    enum err e = sock_listen(&s->address, s->cfg.shards > 1, fd);
    if (!e && s->shard_count == 0)
        e = sock_local_address(*fd, &s->address); /* port 0 has become a port */
    return e;
}

static enum err make_shards(struct server *s, struct buf *message)
{
    const struct server_limits *l = &s->cfg.limits;
    struct shard_config c = {
        .limits = l,
        .store = s->store,
        .tls = s->tls,
        .assets = s->cfg.assets,
        .staff = buf_bytes(&s->staff),
        .head = s->head,
        .tail = s->tail,
        .recent = &s->recent,
        .connections_max = l->connections_max / s->cfg.shards + 1,
        .count = s->cfg.shards,
        .version = SERVER_VERSION,
    };
    while (s->shard_count < s->cfg.shards) {
        int fd;
        enum err e = listen_next(s, &fd);
        if (e) {
            say(message, s->cfg.listen, listen_fault(e));
            return e;
        }
        c.index = (uint32_t)s->shard_count;
        e = shard_new(&c, fd, &s->shards[s->shard_count]);
        if (e) {
            say(message, "a shard", err_text(e));
            return e;
        }
        s->boxes[s->shard_count] = shard_inbox(s->shards[s->shard_count]);
        s->shard_count++;
    }
    return OK;
}

static void committed(void *context)
{
    upkeep_poke(context);
}

static enum err start_threads(struct server *s)
{
    const struct server_limits *l = &s->cfg.limits;
    enum err e = upkeep_start(s->keeping, l, &s->upkeep);
    struct writer_config w = {
        .session = s->writing,
        .head = s->head,
        .queue_max = l->writes_queued_max,
        .boxes = s->boxes,
        .box_count = s->shard_count,
        .committed = committed,
        .context = s->upkeep,
    };
    if (!e)
        e = writer_start(&w, &s->writer);
    if (!e)
        upkeep_set_writer(s->upkeep, s->writer, s->boxes, s->shard_count);
    if (!e)
        e = readers_start(s->store, s->cfg.readers, l, &s->readers);
    for (size_t i = 0; i < s->shard_count && !e; i++)
        e = shard_connect(s->shards[i], s->writer, s->readers, s->shards, s->shard_count);
    while (!e && s->started < s->shard_count) {
        e = shard_start(s->shards[s->started]);
        if (!e)
            s->started++;
    }
    return e;
}

static void settle(struct server *s)
{
    unsigned cores = core_count();
    if (s->cfg.shards == 0)
        s->cfg.shards = cores;
    if (s->cfg.shards > SHARDS_MAX)
        s->cfg.shards = SHARDS_MAX;
    if (s->cfg.readers == 0)
        s->cfg.readers = READERS_DEFAULT;
    /* Few arenas: a thread's own is worth less than the memory it keeps. */
    mallopt(M_ARENA_MAX, (int)(cores < 4 ? 4 : cores));
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    raise_descriptor_limit();
}

enum err server_start(const struct server_config *cfg, struct buf *message, struct server **out)
{
    struct server *s = mem_zalloc(sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    s->cfg = *cfg;
    buf_init(&s->staff, STAFF_MAX);
    changes_init(&s->recent);
    settle(s);
    enum err e = check_address(s, message);
    if (!e)
        e = open_tls(s, message);
    if (!e)
        e = open_store(s, message);
    if (!e)
        e = make_shards(s, message);
    if (!e)
        e = start_threads(s);
    if (e) {
        say(message, "the server could not start", err_text(e));
        server_stop(s);
        return e;
    }
    buf_done(&s->staff);
    changes_done(&s->recent);
    *out = s;
    return OK;
}

void server_put_url(struct buf *out, const struct server *s)
{
    buf_put(out, s->tls ? BYTES("https://") : BYTES("http://"));
    sock_address_put(out, &s->address);
}

struct writer *server_writer(struct server *s)
{
    return s->writer;
}

bool server_answer(void *server, struct bytes request, struct buf *reply)
{
    struct server *s = server;
    return inspect_request(s->writer, s->boxes, s->shard_count, request, reply);
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->started; i++)
        shard_drain(s->shards[i]);
    for (size_t i = 0; i < s->started; i++)
        shard_join(s->shards[i]);
    readers_stop(s->readers);
    upkeep_stop(s->upkeep); /* it uses the writer, which pokes it to the last */
    writer_stop(s->writer);
    upkeep_free(s->upkeep);
    for (size_t i = 0; i < s->shard_count; i++)
        shard_free(s->shards[i]);
    if (s->keeping)
        store_session_close(s->keeping);
    if (s->writing)
        store_session_close(s->writing);
    store_close(s->store);
    tls_context_free(s->tls);
    buf_done(&s->staff);
    changes_done(&s->recent);
    mem_free(s);
}
