#include "server/readers.h"

#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "io/log.h"
#include "proto/deflate.h"

enum {
    FETCH_ROOM = 256,     /* behind a full queue of reads */
    PACKED_MAX = 16 << 20 /* what would hold up a reader is not compressed */
};

struct reader {
    struct readers *all;
    struct store_session *session;
    struct gzipper gzipper;
    pthread_t thread;
    bool is_running;
};

struct readers {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct mail_list reads, passwords;
    size_t reads_max, passwords_max;
    size_t gzip_min;
    size_t hashing; /* threads that check a password now */
    struct readers_counters counters;
    bool is_stopping;
    size_t count;
    struct reader threads[];
};

/* The next call for a thread, or NULL.  Checking a password takes as long as hundreds of reads, and
 * anybody can ask for it: so one thread is left for the reads, and an only thread does them
 * first. */
static struct mail *next(struct readers *r)
{
    bool has_password = r->passwords.count > 0;
    bool may_hash = has_password && r->hashing + 1 < r->count;
    if (!may_hash && r->reads.count > 0) {
        r->counters.reads++;
        return mail_list_pop(&r->reads);
    }
    if (!may_hash && (!has_password || r->hashing > 0))
        return NULL;
    r->hashing++;
    r->counters.passwords++;
    return mail_list_pop(&r->passwords);
}

/* NULL: stop.  What this thread must leave then is for those that are hashing. */
static struct mail *take(struct readers *r, bool has_hashed)
{
    struct mail *m;
    pthread_mutex_lock(&r->lock);
    r->hashing -= has_hashed;
    while (!(m = next(r)) && !r->is_stopping)
        pthread_cond_wait(&r->filled, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return m;
}

static void fetch(struct reader *me, struct fetch_mail *f)
{
    f->error = store_changes_page(me->session, f->from, f->change_max, f->bytes_max, &f->changes,
                                  &f->tail);
    if (f->error)
        log_write(LOG_ERROR, "store.fetch", "%s", err_text(f->error));
}

static void read_store(struct reader *me, const struct store_request *request,
                       struct store_reply *reply)
{
    enum err e = store_read(me->session, request, reply);
    if (e)
        log_write(LOG_ERROR, "store.read", "%s", err_text(e)); /* the reply carries a 503 */
}

static void send_home(struct mailbox *home, struct mail *m)
{
    struct timespec pause = {.tv_nsec = 500 * 1000};
    while (mailbox_post(home, m))
        nanosleep(&pause, NULL); /* the shard empties its box every turn */
}

/* Here, and not where the connections are, which would wait for it. */
static void pack(struct reader *me, struct call *c)
{
    size_t size = c->api.reply.body.size;
    buf_reset(&c->packed);
    if (!c->accepts_gzip || me->all->gzip_min == 0 || size < me->all->gzip_min || size > PACKED_MAX)
        return;
    if (gzipper_run(&me->gzipper, buf_bytes(&c->api.reply.body), &c->packed))
        buf_reset(&c->packed); /* it goes out as it is */
}

static void execute(struct reader *me, struct call *c)
{
    if (c->action == API_PASSWORD) {
        c->api.password_result = password_verify(c->api.password_hash, c->api.password);
        return;
    }
    read_store(me, &c->api.request, &c->api.reply);
    pack(me, c);
}

/* Was it a password? */
static bool do_job(struct reader *me, struct mail *m)
{
    if (m->kind == MAIL_FETCH) {
        struct fetch_mail *f = container_of(m, struct fetch_mail, mail);
        fetch(me, f);
        send_home(f->home, m);
        return false;
    }
    if (m->kind == MAIL_ERRAND) {
        struct errand *e = container_of(m, struct errand, mail);
        read_store(me, &e->request, &e->reply);
        send_home(e->home, m);
        return false;
    }
    struct call *c = container_of(m, struct call, mail);
    bool is_password = c->action == API_PASSWORD;
    execute(me, c);
    send_home(c->home, m);
    return is_password;
}

static void *reader_main(void *arg)
{
    struct reader *me = arg;
    struct mail *m;
    bool has_hashed = false;
    while ((m = take(me->all, has_hashed)))
        has_hashed = do_job(me, m);
    return NULL;
}

static enum err reader_start(struct reader *me, struct store *s)
{
    enum err e = store_session_open(s, STORE_READER, &me->session);
    if (e)
        return e;
    me->is_running = pthread_create(&me->thread, NULL, reader_main, me) == 0;
    return me->is_running ? OK : ERR_LIMIT;
}

enum err readers_start(struct store *s, size_t count, const struct server_limits *l,
                       struct readers **out)
{
    struct readers *r = mem_zalloc(sizeof(*r) + count * sizeof(r->threads[0]));
    if (!r)
        return ERR_NOMEM;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->filled, NULL);
    r->reads_max = l->reads_queued_max;
    r->passwords_max = l->passwords_queued_max;
    r->gzip_min = l->gzip_min;
    r->count = count;
    enum err e = OK;
    for (size_t i = 0; i < count && !e; i++) {
        r->threads[i].all = r;
        e = reader_start(&r->threads[i], s);
    }
    if (e) {
        readers_stop(r);
        return e;
    }
    *out = r;
    return OK;
}

void readers_stop(struct readers *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->is_stopping = true;
    pthread_cond_broadcast(&r->filled);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        if (r->threads[i].is_running)
            pthread_join(r->threads[i].thread, NULL);
        if (r->threads[i].session)
            store_session_close(r->threads[i].session);
        gzipper_done(&r->threads[i].gzipper);
    }
    pthread_cond_destroy(&r->filled);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static enum err post(struct readers *r, struct mail_list *list, size_t max, struct mail *m)
{
    pthread_mutex_lock(&r->lock);
    enum err e = list->count >= max ? ERR_FULL : OK;
    if (!e) {
        mail_list_push(list, m);
        pthread_cond_signal(&r->filled);
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}

enum err readers_post(struct readers *r, struct call *c)
{
    c->mail.kind = MAIL_CALL;
    if (c->action == API_PASSWORD)
        return post(r, &r->passwords, r->passwords_max, &c->mail);
    return post(r, &r->reads, r->reads_max, &c->mail);
}

enum err readers_post_fetch(struct readers *r, struct fetch_mail *f)
{
    f->mail.kind = MAIL_FETCH;
    return post(r, &r->reads, r->reads_max + FETCH_ROOM, &f->mail);
}

enum err readers_post_errand(struct readers *r, struct errand *e)
{
    e->mail.kind = MAIL_ERRAND;
    return post(r, &r->reads, r->reads_max, &e->mail);
}

struct readers_counters readers_counters(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    struct readers_counters c = r->counters;
    c.reads_queued = r->reads.count;
    c.passwords_queued = r->passwords.count;
    pthread_mutex_unlock(&r->lock);
    return c;
}
