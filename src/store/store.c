#include "store/schema.h"
#include "store/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_ARENA_MAX = 4 << 20, TEXT_MAX = 64 * 1024 };

void store_reply_init(struct store_reply *r, size_t body_max)
{
    *r = (struct store_reply){0};
    buf_init(&r->body, body_max);
    buf_init(&r->text, TEXT_MAX);
}

void reply_reset(struct store_reply *r)
{
    struct buf body = r->body, text = r->text;
    *r = (struct store_reply){.body = body, .text = text};
    buf_reset(&r->body);
    buf_reset(&r->text);
}

void store_reply_done(struct store_reply *r)
{
    buf_done(&r->body);
    buf_done(&r->text);
    *r = (struct store_reply){0};
}

/* ---- opening ---- */

static bool system_entropy(void *out, size_t size)
{
    return getrandom(out, size, 0) == (ssize_t)size;
}

static enum err store_new(const struct store_config *cfg, struct store **out)
{
    struct store *s = mem_zalloc(sizeof(*s));
    if (!s)
        return ERR_NOMEM;
    static atomic_ullong numbers;
    s->number = 1 + atomic_fetch_add(&numbers, 1);
    s->entropy = cfg->entropy ? cfg->entropy : system_entropy;
    arena_init(&s->arena, STORE_ARENA_MAX);
    if (!cfg->is_in_memory) {
        size_t size = strlen(cfg->folder) + sizeof(STORE_FILE);
        s->path = mem_alloc(size);
        s->folder = mem_copy(bytes_of(cfg->folder));
        if (!s->path || !s->folder) {
            store_close(s);
            return ERR_NOMEM;
        }
        snprintf(s->path, size, "%s" STORE_FILE, cfg->folder);
    }
    *out = s;
    return OK;
}

enum err errno_failed(struct buf *message, const char *what, const char *path)
{
    enum err e = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
    const char *text = strerrordesc_np(errno);
    buf_put(message, bytes_of(what));
    buf_put_char(message, ' ');
    buf_put(message, bytes_of(path));
    buf_put_literal(message, ": ");
    buf_put(message, bytes_of(text ? text : "failed"));
    return e;
}

static enum err load_policies(struct store *s, struct buf *message)
{
    enum err e = policies_new(s->catalogue, &s->policies);
    for (const struct embedded_file *f = embedded_policies; f->name && !e; f++)
        e = policies_add(s->policies, bytes_of(f->name), (struct bytes){f->text, f->size}, message);
    return e;
}

/* Everything that a store knows of its database, over one session. */
static enum err load(struct store *s, struct store_session *session, struct buf *message)
{
    enum err e = schema_load_meta(session, message);
    if (!e)
        e = schema_migrate(session, message);
    if (!e)
        e = catalogue_load(session, &s->catalogue);
    if (!e)
        e = schema_refresh_triggers(session, message);
    return e ? e : load_policies(s, message);
}

static enum err open_file(struct store *s, struct buf *message)
{
    struct store_session *session;
    int version;
    if (access(s->path, R_OK | W_OK))
        return errno_failed(message, "cannot open", s->path);
    enum err e = session_new(s, STORE_WRITER, message, &session);
    if (e)
        return e;
    e = schema_version(session, message, &version);
    if (!e && version == 0) {
        buf_put_literal(message, "the database was never set up");
        e = ERR_NOT_FOUND;
    }
    if (!e)
        e = load(s, session, message);
    session_free(session);
    return e;
}

static enum err open_memory(struct store *s, struct buf *message)
{
    enum err e = session_new(s, STORE_WRITER, message, &s->memory);
    if (!e)
        e = schema_migrate(s->memory, message);
    return e ? e : load(s, s->memory, message);
}

enum err store_open(const struct store_config *cfg, struct buf *message, struct store **out)
{
    struct store *s;
    enum err e = store_new(cfg, &s);
    if (!e) {
        e = cfg->is_in_memory ? open_memory(s, message) : open_file(s, message);
        if (e)
            store_close(s);
        else
            *out = s;
    }
    if (e && message->size == 0)
        buf_put(message, bytes_of(err_text(e)));
    return e;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    session_free(s->memory);
    policies_free(s->policies);
    catalogue_free(s->catalogue);
    arena_done(&s->arena);
    mem_free(s->folder);
    mem_free(s->path);
    mem_free(s);
}

/* ---- making ---- */

/* A file that is there already is made use of only if it is empty: a creation that did not end. */
static enum err make_file(struct store *s, struct buf *message)
{
    if (mkdir(s->folder, 0700) && errno != EEXIST)
        return errno_failed(message, "cannot make the folder", s->folder);
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno_failed(message, "cannot make", s->path);
    close(fd);
    return OK;
}

enum err folder_sync(const char *folder, struct buf *message)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd)) {
        enum err e = errno_failed(message, "cannot sync", folder);
        if (fd >= 0)
            close(fd);
        return e;
    }
    close(fd);
    return OK;
}

static enum err create(struct store *s, struct buf *message)
{
    struct store_session *session;
    int version;
    enum err e = make_file(s, message);
    if (!e)
        e = session_new(s, STORE_WRITER, message, &session);
    if (e)
        return e;
    e = schema_version(session, message, &version);
    if (!e && version > 0) {
        buf_put_literal(message, "there is a database already");
        e = ERR_EXISTS;
    }
    if (!e)
        e = schema_migrate(session, message);
    session_free(session);
    return e ? e : folder_sync(s->folder, message);
}

enum err store_create(const struct store_config *cfg, struct buf *message)
{
    struct store *s;
    if (cfg->is_in_memory)
        return OK; /* store_open makes it */
    enum err e = store_new(cfg, &s);
    if (!e) {
        e = create(s, message);
        store_close(s);
    }
    if (e && message->size == 0)
        buf_put(message, bytes_of(err_text(e)));
    return e;
}

/* ---- what it knows ---- */

const struct catalogue *store_catalogue(const struct store *s)
{
    return s->catalogue;
}

const struct policies *store_policies(const struct store *s)
{
    return s->policies;
}

const struct store_settings *store_settings(const struct store *s)
{
    return &s->settings;
}

struct bytes store_epoch(const struct store *s)
{
    return (struct bytes){s->epoch, STORE_EPOCH_SIZE};
}

const unsigned char *store_secret(const struct store *s)
{
    return s->secret;
}

void store_clock(const struct store *s, int64_t us, struct policy_context *out)
{
    static _Thread_local struct day_cache cache;
    static _Thread_local uint64_t of;
    if (of != s->number)
        cache.is_set = false;
    of = s->number;
    clock_at(&s->settings, us, &cache);
    out->shift = cache.shift;
    out->business_day = (struct bytes){cache.day, cache.day_size};
}

/* ---- sessions ---- */

enum err store_session_open(struct store *s, enum store_access access, struct store_session **out)
{
    struct store_session *session = s->memory;
    if (session && s->memory_is_lent)
        return ERR_FULL;
    enum err e = session ? OK : session_new(s, access, NULL, &session);
    if (!e)
        e = session_prepare_ends(session);
    /* What others write from here on, this session will hand out. */
    if (!e)
        e = session_newest(session, &session->head, &session->last_commit_us);
    if (e) {
        if (!s->memory)
            session_free(session);
        return e;
    }
    s->memory_is_lent = s->memory != NULL;
    *out = session;
    return OK;
}

void store_session_close(struct store_session *s)
{
    if (!s)
        return;
    if (s == s->store->memory)
        s->store->memory_is_lent = false;
    else
        session_free(s);
}
