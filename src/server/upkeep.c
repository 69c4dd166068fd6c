#include "server/upkeep.h"

#include <pthread.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "io/clock.h"
#include "io/log.h"

enum { TRIM_BITE = 500 /* rows in one job, so that no write waits long */ };

struct upkeep {
    struct store_session *session;
    const struct server_limits *limits;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct writer *writer;
    struct mailbox *const *boxes; /* of the shards */
    size_t box_count;
    bool is_dirty, is_stopping;
    uint64_t trimmed_at; /* the writer's count of changes at the last trim */
    pthread_t thread;
};

static enum err trim(struct store_session *s, void *context)
{
    const struct server_limits *l = context;
    return store_trim_log(s, clock_now_us(), l->log_keep_us, l->log_keep_count, TRIM_BITE);
}

/* A shard that cannot be told finds out by itself when it asks for what is gone. */
static void tell_tail(struct upkeep *u)
{
    struct changes none = {.count = 0};
    uint64_t tail;
    if (store_changes_page(u->session, 0, 0, 0, &none, &tail))
        return;
    for (size_t i = 0; i < u->box_count; i++) {
        struct tail_mail *m = mem_alloc(sizeof(*m));
        if (!m)
            return;
        *m = (struct tail_mail){.mail.kind = MAIL_TAIL, .tail = tail};
        if (mailbox_post(u->boxes[i], &m->mail))
            mem_free(m);
    }
}

static void trim_some(struct upkeep *u, struct writer *w)
{
    uint64_t changes = writer_counters(w).changes;
    uint64_t added = changes - u->trimmed_at;
    if (added < u->limits->trim_every)
        return;
    u->trimmed_at = changes;
    /* As much again as was added: the log shrinks faster than it grows. */
    for (uint64_t done = 0; done < 2 * added; done += TRIM_BITE) {
        struct server_limits l = *u->limits;
        if (writer_run(w, trim, &l))
            break;
    }
    tell_tail(u);
}

static enum err trim_messages(struct store_session *s, void *context)
{
    (void)context;
    return store_trim_messages(s, clock_now_us(), TRIM_BITE);
}

/* What is left pokes us again: to delete is to commit. */
static void trim_expired(struct upkeep *u, struct writer *w)
{
    uint64_t expired = 0;
    enum err e = store_count_expired(u->session, clock_now_us(), 1, &expired);
    if (e)
        log_write(LOG_WARN, "store.count_expired", "%s", err_text(e));
    if (expired && writer_run(w, trim_messages, NULL))
        log_write(LOG_WARN, "store.trim_messages", "expired broadcasts are still there");
}

static struct timespec pause_end(int64_t pause_us)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + pause_us % TIME_US_PER_S * 1000;
    t.tv_sec += pause_us / TIME_US_PER_S + ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

/* Waits for a commit, then a while for more of them.  False: stop. */
static bool wait_for_work(struct upkeep *u, struct writer **w)
{
    pthread_mutex_lock(&u->lock);
    while (!u->is_dirty && !u->is_stopping)
        pthread_cond_wait(&u->changed, &u->lock);
    struct timespec until = pause_end(u->limits->checkpoint_after_us);
    while (!u->is_stopping && pthread_cond_timedwait(&u->changed, &u->lock, &until) == 0)
        continue;
    u->is_dirty = false;
    *w = u->writer;
    bool goes_on = !u->is_stopping;
    pthread_mutex_unlock(&u->lock);
    return goes_on;
}

static void *upkeep_main(void *arg)
{
    struct upkeep *u = arg;
    struct writer *w;
    while (wait_for_work(u, &w)) {
        enum err e = store_checkpoint(u->session);
        if (e && e != ERR_BUSY)
            log_write(LOG_WARN, "store.checkpoint", "%s", err_text(e));
        if (w) {
            /* The job brings us back here, so it is tried until it goes. */
            if (writer_fault(w))
                writer_probe(w);
            trim_some(u, w);
            trim_expired(u, w);
        }
    }
    return NULL;
}

enum err upkeep_start(struct store_session *session, const struct server_limits *limits,
                      struct upkeep **out)
{
    struct upkeep *u = mem_zalloc(sizeof(*u));
    if (!u)
        return ERR_NOMEM;
    u->session = session;
    u->limits = limits;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&u->thread, NULL, upkeep_main, u)) {
        pthread_cond_destroy(&u->changed);
        pthread_mutex_destroy(&u->lock);
        mem_free(u);
        return ERR_LIMIT;
    }
    *out = u;
    return OK;
}

void upkeep_set_writer(struct upkeep *u, struct writer *w, struct mailbox *const *boxes,
                       size_t box_count)
{
    pthread_mutex_lock(&u->lock);
    u->writer = w;
    u->boxes = boxes;
    u->box_count = box_count;
    pthread_mutex_unlock(&u->lock);
}

void upkeep_poke(struct upkeep *u)
{
    pthread_mutex_lock(&u->lock);
    bool is_first = !u->is_dirty;
    u->is_dirty = true;
    if (is_first)
        pthread_cond_signal(&u->changed);
    pthread_mutex_unlock(&u->lock);
}

void upkeep_stop(struct upkeep *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&u->lock);
    u->is_stopping = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->lock);
    pthread_join(u->thread, NULL);
}

void upkeep_free(struct upkeep *u)
{
    if (!u)
        return;
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->lock);
    mem_free(u);
}
