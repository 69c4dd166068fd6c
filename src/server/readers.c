#include "server/readers.h"

#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "io/log.h"

struct reader {
    struct readers *all;
    struct store_session *session;
    pthread_t thread;
    bool is_running;
};

struct readers {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct mail_list reads, passwords;
    size_t reads_max, passwords_max;
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
static struct call *take(struct readers *r, bool has_hashed)
{
    struct mail *m;
    pthread_mutex_lock(&r->lock);
    r->hashing -= has_hashed;
    while (!(m = next(r)) && !r->is_stopping)
        pthread_cond_wait(&r->filled, &r->lock);
    pthread_mutex_unlock(&r->lock);
    return m ? container_of(m, struct call, mail) : NULL;
}

static void execute(struct reader *me, struct call *c)
{
    if (c->action == API_PASSWORD) {
        c->api.password_result = password_verify(c->api.password_hash, c->api.password);
        return;
    }
    enum err e = store_read(me->session, &c->api.request, &c->api.reply);
    if (e)
        log_write(LOG_ERROR, "store.read", "%s", err_text(e)); /* the reply carries a 503 */
}

static void send_home(struct call *c)
{
    struct timespec pause = {.tv_nsec = 500 * 1000};
    while (mailbox_post(c->home, &c->mail))
        nanosleep(&pause, NULL); /* the shard empties its box every turn */
}

static void *reader_main(void *arg)
{
    struct reader *me = arg;
    struct call *c;
    bool has_hashed = false;
    while ((c = take(me->all, has_hashed))) {
        has_hashed = c->action == API_PASSWORD;
        execute(me, c);
        send_home(c);
    }
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
    }
    pthread_cond_destroy(&r->filled);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

enum err readers_post(struct readers *r, struct call *c)
{
    bool is_password = c->action == API_PASSWORD;
    struct mail_list *list = is_password ? &r->passwords : &r->reads;
    size_t max = is_password ? r->passwords_max : r->reads_max;
    c->mail.kind = MAIL_CALL;
    pthread_mutex_lock(&r->lock);
    enum err e = list->count >= max ? ERR_FULL : OK;
    if (!e) {
        mail_list_push(list, &c->mail);
        pthread_cond_signal(&r->filled);
    }
    pthread_mutex_unlock(&r->lock);
    return e;
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
