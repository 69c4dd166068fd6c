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
    struct mail_list queue;
    size_t queue_max;
    bool is_stopping;
    size_t count;
    struct reader threads[];
};

/* NULL: stop. */
static struct call *take(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->queue.count == 0 && !r->is_stopping)
        pthread_cond_wait(&r->filled, &r->lock);
    struct mail *m = mail_list_pop(&r->queue);
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
    while ((c = take(me->all))) {
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

enum err readers_start(struct store *s, size_t count, size_t queue_max, struct readers **out)
{
    struct readers *r = mem_zalloc(sizeof(*r) + count * sizeof(r->threads[0]));
    if (!r)
        return ERR_NOMEM;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->filled, NULL);
    r->queue_max = queue_max;
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
    c->mail.kind = MAIL_CALL;
    pthread_mutex_lock(&r->lock);
    enum err e = r->queue.count >= r->queue_max ? ERR_FULL : OK;
    if (!e) {
        mail_list_push(&r->queue, &c->mail);
        pthread_cond_signal(&r->filled);
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}
