#include "server/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "io/clock.h"
#include "io/log.h"

enum { ADMIN_CHANGES_MAX = 4096 };

struct writer {
    struct store_session *session;
    struct mailbox inbox;
    struct mailbox *const *boxes;
    size_t box_count;
    struct mail_list *outgoing; /* one per shard */
    uint64_t head;
    void (*committed)(void *context);
    void *context;
    pthread_t thread;
    struct mail stop;
    pthread_mutex_t lock; /* of the counters and the fault */
    enum err fault;
    struct writer_counters counters;
};

/* One request of a group, whoever asks. */
struct job {
    struct mail *mail;
    struct mailbox *home;
    const struct store_request *request;
    struct store_reply *reply;
    const struct letter *letter; /* of the hub at home; NULL: not from a hub */
};

struct admin_job {
    struct mail mail; /* first */
    admin_run run;
    void *context;
    enum err result;
    sem_t done;
};

/* A full box or no memory holds up the writer, and with it the queue: back-pressure that ends in
 * honest 503s.  Nothing that was committed may be dropped. */
static void wait_a_little(struct writer *w)
{
    struct timespec pause = {.tv_nsec = 500 * 1000};
    pthread_mutex_lock(&w->lock);
    w->counters.waits++;
    pthread_mutex_unlock(&w->lock);
    log_write(LOG_WARN, "writer.waits", "a shard does not keep up, or memory is short");
    nanosleep(&pause, NULL);
}

static struct changes_mail *changes_mail_new(struct writer *w, struct change *const *items,
                                             size_t count)
{
    struct changes_mail *m;
    while (!(m = mem_alloc(sizeof(*m) + count * sizeof(struct change *))))
        wait_a_little(w);
    m->mail = (struct mail){.kind = MAIL_CHANGES};
    m->count = count;
    for (size_t i = 0; i < count; i++)
        m->items[i] = change_ref(items[i]);
    return m;
}

/* What an administrative job changed has been fed already when the next group hands it out. */
static void address_changes(struct writer *w, const struct changes *l)
{
    size_t known = 0;
    while (known < l->count && l->items[known]->seq <= w->head)
        known++;
    size_t count = l->count - known;
    if (count == 0)
        return;
    for (size_t i = 0; i < w->box_count; i++)
        mail_list_push(&w->outgoing[i], &changes_mail_new(w, l->items + known, count)->mail);
    w->head = l->items[l->count - 1]->seq;
}

static size_t box_of(const struct writer *w, const struct mailbox *home)
{
    for (size_t i = 0; i < w->box_count; i++)
        if (w->boxes[i] == home)
            return i;
    abort(); /* a job without a home */
}

/* A broadcast is heard when it is kept, on every shard in the same order. */
static void address_stored(struct writer *w, const struct job *j)
{
    if (j->request->kind != STORE_MESSAGE_ADD || j->reply->error.status)
        return;
    for (size_t i = 0; i < w->box_count; i++) {
        struct stored_mail *m;
        while (!(m = stored_mail_new(j->request, j->reply)))
            wait_a_little(w);
        m->mail.kind = MAIL_STORED;
        m->stored.letter = w->boxes[i] == j->home ? j->letter : NULL;
        mail_list_push(&w->outgoing[i], &m->mail);
    }
}

static void send_all(struct writer *w)
{
    for (size_t i = 0; i < w->box_count; i++) {
        while (mailbox_post_list(w->boxes[i], &w->outgoing[i]))
            wait_a_little(w);
    }
}

static void count_group(struct writer *w, size_t requests, size_t changes, int64_t took_us,
                        enum err e)
{
    struct writer_counters *c = &w->counters;
    int64_t commit_us = store_counters(w->session).commit_us;
    pthread_mutex_lock(&w->lock);
    c->groups++;
    c->requests += requests;
    c->changes += changes;
    c->failed += e != OK;
    w->fault = e;
    if (requests > c->group_max)
        c->group_max = requests;
    histogram_add(&c->group_requests, histogram_sizes, (int64_t)requests, 1);
    histogram_add(&c->group_us, histogram_times, took_us, 1);
    histogram_add(&c->commit_us, histogram_times, commit_us, e == OK);
    pthread_mutex_unlock(&w->lock);
}

static void run_group(struct writer *w, const struct job *jobs, size_t count)
{
    if (count == 0)
        return;
    struct store_write writes[WRITER_GROUP_MAX];
    for (size_t i = 0; i < count; i++)
        writes[i] = (struct store_write){jobs[i].request, jobs[i].reply};
    struct changes changed;
    changes_init(&changed);
    int64_t began_us = clock_now_us();
    enum err e = store_write(w->session, writes, count, &changed);
    int64_t took_us = clock_now_us() - began_us;
    if (e)
        log_write(LOG_ERROR, "store.write", "%s", err_text(e)); /* the replies carry a 503 */
    size_t change_count = changed.count;
    address_changes(w, &changed);
    changes_done(&changed);
    for (size_t i = 0; i < count; i++) {
        address_stored(w, &jobs[i]);
        mail_list_push(&w->outgoing[box_of(w, jobs[i].home)], jobs[i].mail);
    }
    /* Counted before the answers leave: who has one may look. */
    count_group(w, count, change_count, took_us, e);
    send_all(w);
    if (w->committed)
        w->committed(w->context);
}

/* Feeds what an administrative job has changed: the store's own functions do not hand it over. */
static void feed_since(struct writer *w)
{
    struct changes changed;
    changes_init(&changed);
    do {
        changes_truncate(&changed, 0);
        enum err e = store_changes_since(w->session, w->head + 1, ADMIN_CHANGES_MAX, &changed);
        if (e && e != ERR_NOT_FOUND)
            log_write(LOG_ERROR, "store.changes_since", "%s", err_text(e));
        address_changes(w, &changed);
        send_all(w);
    } while (changed.count == ADMIN_CHANGES_MAX);
    changes_done(&changed);
}

static void run_admin(struct writer *w, struct admin_job *job)
{
    job->result = job->run(w->session, job->context);
    feed_since(w);
    sem_post(&job->done); /* the job is gone from here on */
    if (w->committed)
        w->committed(w->context);
}

static struct job job_of(struct mail *m)
{
    if (m->kind == MAIL_CALL) {
        struct call *c = container_of(m, struct call, mail);
        return (struct job){m, c->home, &c->api.request, &c->api.reply, NULL};
    }
    struct errand *e = container_of(m, struct errand, mail);
    return (struct job){m, e->home, &e->request, &e->reply, e->letter};
}

/* Works through the mail in order.  False: stop. */
static bool work(struct writer *w, struct mail_list *mails)
{
    struct job jobs[WRITER_GROUP_MAX];
    size_t count = 0;
    bool goes_on = true;
    struct mail *m;
    while ((m = mail_list_pop(mails))) {
        int kind = m->kind; /* an administrative job is gone when it is done */
        bool is_request = kind == MAIL_CALL || kind == MAIL_ERRAND;
        if (is_request)
            jobs[count++] = job_of(m);
        if (!is_request || count == WRITER_GROUP_MAX) {
            run_group(w, jobs, count);
            count = 0;
        }
        if (kind == MAIL_ADMIN)
            run_admin(w, container_of(m, struct admin_job, mail));
        if (kind == MAIL_STOP)
            goes_on = false;
    }
    run_group(w, jobs, count);
    return goes_on;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    struct mail_list mails;
    do {
        mailbox_wait(&w->inbox, &mails);
    } while (work(w, &mails));
    return NULL;
}

static void writer_free(struct writer *w)
{
    mailbox_done(&w->inbox);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->outgoing);
    mem_free(w);
}

enum err writer_start(const struct writer_config *cfg, struct writer **out)
{
    struct writer *w = mem_zalloc(sizeof(*w));
    struct mail_list *lists = mem_array(cfg->box_count + 1, sizeof(*lists));
    enum err e = w && lists ? mailbox_init(&w->inbox, cfg->queue_max) : ERR_NOMEM;
    if (e) {
        mem_free(lists);
        mem_free(w);
        return e;
    }
    w->session = cfg->session;
    w->head = cfg->head;
    w->boxes = cfg->boxes;
    w->box_count = cfg->box_count;
    w->outgoing = lists;
    w->committed = cfg->committed;
    w->context = cfg->context;
    w->stop.kind = MAIL_STOP;
    pthread_mutex_init(&w->lock, NULL);
    if (pthread_create(&w->thread, NULL, writer_main, w)) {
        writer_free(w);
        return ERR_LIMIT;
    }
    *out = w;
    return OK;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    while (mailbox_post(&w->inbox, &w->stop))
        wait_a_little(w);
    pthread_join(w->thread, NULL);
    writer_free(w);
}

enum err writer_post(struct writer *w, struct call *c)
{
    c->mail.kind = MAIL_CALL;
    return mailbox_post(&w->inbox, &c->mail);
}

enum err writer_post_errand(struct writer *w, struct errand *e)
{
    e->mail.kind = MAIL_ERRAND;
    return mailbox_post(&w->inbox, &e->mail);
}

enum err writer_run(struct writer *w, admin_run run, void *context)
{
    struct admin_job job = {.mail.kind = MAIL_ADMIN, .run = run, .context = context};
    sem_init(&job.done, 0, 0);
    enum err e = mailbox_post(&w->inbox, &job.mail);
    if (!e) {
        while (sem_wait(&job.done))
            continue; /* a signal */
        e = job.result;
    } else {
        e = ERR_BUSY;
    }
    sem_destroy(&job.done);
    return e;
}

enum err writer_fault(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    enum err e = w->fault;
    pthread_mutex_unlock(&w->lock);
    return e;
}

/* On the writer's thread, so that no group that failed meanwhile is overlooked. */
static enum err probe(struct store_session *s, void *context)
{
    struct writer *w = context;
    enum err e = store_probe(s);
    pthread_mutex_lock(&w->lock);
    w->fault = e;
    pthread_mutex_unlock(&w->lock);
    return e;
}

void writer_probe(struct writer *w)
{
    if (writer_run(w, probe, w) == OK)
        log_write(LOG_INFO, "store.write", "the data can be written again");
}

struct writer_counters writer_counters(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct writer_counters c = w->counters;
    pthread_mutex_unlock(&w->lock);
    c.queued = mailbox_count(&w->inbox);
    return c;
}
