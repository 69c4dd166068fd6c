#include "server/writer.h"

#include <signal.h>
#include <sys/resource.h>

#include "support.h"

enum { BOXES = 3 };

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct mailbox box[BOXES];
    struct mailbox *boxes[BOXES];
    struct writer *writer;
    uint64_t head;
    sem_t started, go_on;
};

static void start(struct fixture *f, size_t queue_max)
{
    const struct writer_config c = {.session = f->bakery.session,
                                    .head = f->head,
                                    .queue_max = queue_max,
                                    .boxes = f->boxes,
                                    .box_count = BOXES};
    assert_int_equal(writer_start(&c, &f->writer), OK);
}

static int open_all(void **state)
{
    static struct fixture f;
    make_bakery(&f.folder);
    assert_int_equal(bakery_open_writer(&f.bakery, "test", f.folder.path), OK);
    assert_int_equal(store_head(f.bakery.session, &f.head), OK);
    for (int i = 0; i < BOXES; i++) {
        assert_int_equal(mailbox_init(&f.box[i], 100), OK);
        f.boxes[i] = &f.box[i];
    }
    sem_init(&f.started, 0, 0);
    sem_init(&f.go_on, 0, 0);
    *state = &f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < BOXES; i++)
        mailbox_done(&f->box[i]);
    bakery_close(&f->bakery);
    remove_folder(&f->folder);
    return 0;
}

static void call_make(struct call *c, struct mailbox *home)
{
    *c = (struct call){.home = home, .action = API_WRITE};
    store_reply_init(&c->api.reply, 65536);
    /* Ends the sessions of a person: a write that changes no live table. */
    c->api.request =
        (struct store_request){.kind = STORE_SESSION_END,
                               .who = {.role = ROLE_SERVICE},
                               .now_us = 1700000000000000,
                               .user_id = BYTES("00000000-0000-7000-8000-000000000000"),
                               .scope = SCOPE_GLOBAL};
}

/* The one mail in the box. */
static struct mail *take_one(struct mailbox *b)
{
    struct mail_list mails;
    mailbox_wait(b, &mails);
    assert_int_equal(mails.count, 1);
    return mail_list_pop(&mails);
}

static enum err rename_owner(struct store_session *s, void *context)
{
    (void)context;
    enum err e = store_person_set_active(s, BYTES(OWNER_EMAIL), false);
    return e ? e : store_person_set_active(s, BYTES(OWNER_EMAIL), true);
}

/* Keeps the writer busy until the test says otherwise. */
static enum err hold(struct store_session *s, void *context)
{
    (void)s;
    struct fixture *f = context;
    sem_post(&f->started);
    while (sem_wait(&f->go_on))
        continue;
    return ERR_EXPIRED;
}

static void *run_hold(void *context)
{
    struct fixture *f = context;
    assert_int_equal(writer_run(f->writer, hold, f), ERR_EXPIRED);
    return NULL;
}

static pthread_t hold_writer(struct fixture *f)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_hold, f), 0);
    sem_wait(&f->started);
    return thread;
}

static void a_call_comes_home_answered_and_to_no_other_shard(void **state)
{
    struct fixture *f = *state;
    struct call c;
    start(f, 10);
    call_make(&c, f->boxes[1]);
    assert_int_equal(writer_post(f->writer, &c), OK);
    assert_ptr_equal(take_one(&f->box[1]), &c.mail);
    assert_int_equal(c.api.reply.error.status, 0);
    writer_stop(f->writer);
    struct mail_list none;
    mailbox_take(&f->box[0], &none);
    assert_int_equal(none.count, 0);
    store_reply_done(&c.api.reply);
}

static void every_shard_gets_the_changes_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct call c;
    start(f, 10);
    assert_int_equal(writer_run(f->writer, rename_owner, NULL), OK);
    for (int i = 0; i < BOXES; i++) {
        struct changes_mail *m = container_of(take_one(&f->box[i]), struct changes_mail, mail);
        assert_int_equal(m->mail.kind, MAIL_CHANGES);
        assert_int_equal(m->count, 2);
        for (size_t k = 0; k < 2; k++) {
            assert_true(m->items[k]->seq == f->head + 1 + k);
            change_unref(m->items[k]);
        }
        mem_free(m);
    }
    /* The next group must not hand them out again. */
    call_make(&c, f->boxes[0]);
    assert_int_equal(writer_post(f->writer, &c), OK);
    assert_ptr_equal(take_one(&f->box[0]), &c.mail);
    writer_stop(f->writer);
    store_reply_done(&c.api.reply);
}

static void what_waits_is_one_group(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 5 };
    struct call calls[COUNT];
    struct mail_list mails;
    start(f, 10);
    pthread_t holder = hold_writer(f);
    for (int i = 0; i < COUNT; i++) {
        call_make(&calls[i], f->boxes[0]);
        assert_int_equal(writer_post(f->writer, &calls[i]), OK);
    }
    sem_post(&f->go_on);
    mailbox_wait(&f->box[0], &mails);
    assert_int_equal(mails.count, COUNT); /* in one splice */
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(mail_list_pop(&mails), &calls[i].mail);
    struct writer_counters n = writer_counters(f->writer);
    assert_int_equal(n.groups, 1);
    assert_int_equal(n.requests, COUNT);
    assert_int_equal(n.group_max, COUNT);
    pthread_join(holder, NULL);
    writer_stop(f->writer);
    for (int i = 0; i < COUNT; i++)
        store_reply_done(&calls[i].api.reply);
}

/* As a full disk does: nothing that is written reaches its file. */
static void let_files_grow(bool may_grow)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = may_grow ? l.rlim_max : 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_disk_that_takes_nothing_is_a_fault_until_it_does(void **state)
{
    struct fixture *f = *state;
    struct call c;
    start(f, 10);
    assert_int_equal(writer_fault(f->writer), OK);
    call_make(&c, f->boxes[0]);
    c.api.request = (struct store_request){.kind = STORE_MESSAGE_ADD,
                                           .who = {.role = ROLE_SERVICE},
                                           .now_us = 1700000000000000,
                                           .message = {.topic = BYTES("x"), .payload = BYTES("1")},
                                           .message_limits = {10, 10, 10, 1000}};
    let_files_grow(false);
    assert_int_equal(writer_post(f->writer, &c), OK);
    assert_ptr_equal(take_one(&f->box[0]), &c.mail);
    assert_int_equal(c.api.reply.error.status, 503);
    assert_int_not_equal(writer_fault(f->writer), OK);
    assert_int_equal(writer_counters(f->writer).failed, 1);
    writer_probe(f->writer);
    assert_int_not_equal(writer_fault(f->writer), OK);
    let_files_grow(true);
    writer_probe(f->writer);
    assert_int_equal(writer_fault(f->writer), OK);
    writer_stop(f->writer);
    store_reply_done(&c.api.reply);
}

static struct errand *kept(struct fixture *f, const struct letter *letter, enum role role)
{
    struct errand *e = errand_new(&f->box[1], 0);
    e->letter = (struct letter *)(uintptr_t)letter;
    e->request = (struct store_request){.kind = STORE_MESSAGE_ADD,
                                        .who = {.role = role},
                                        .now_us = 1700000000000000,
                                        .message = {.topic = BYTES("x"), .payload = BYTES("1")},
                                        .message_limits = {10, 10, 10, 1000}};
    return e;
}

static struct stored_mail *stored_of(struct mail *m)
{
    assert_int_equal(m->kind, MAIL_STORED);
    return container_of(m, struct stored_mail, mail);
}

static void every_shard_hears_a_stored_broadcast_before_its_sender_is_told(void **state)
{
    struct fixture *f = *state;
    const struct letter *letter = (const struct letter *)&letter;
    struct mail_list mails;
    start(f, 10);
    struct errand *good = kept(f, letter, ROLE_SERVICE), *bad = kept(f, letter, ROLE_ANON);
    assert_int_equal(writer_post_errand(f->writer, good), OK);
    assert_int_equal(writer_post_errand(f->writer, bad), OK);
    writer_stop(f->writer);
    for (int i = 0; i < BOXES; i++) {
        mailbox_take(&f->box[i], &mails);
        assert_int_equal(mails.count, i == 1 ? 3 : 1);
        struct stored_mail *m = stored_of(mail_list_pop(&mails));
        assert_int_equal(m->stored.number, good->reply.message_us);
        assert_ptr_equal(m->stored.letter, i == 1 ? letter : NULL);
        stored_mail_free(m);
        if (i != 1)
            continue;
        assert_ptr_equal(mail_list_pop(&mails), &good->mail);
        assert_ptr_equal(mail_list_pop(&mails), &bad->mail);
    }
    assert_int_equal(good->reply.error.status, 0);
    assert_int_equal(bad->reply.error.status, 401);
    errand_free(good);
    errand_free(bad);
}

static void a_call_that_stores_a_broadcast_is_heard_everywhere(void **state)
{
    struct fixture *f = *state;
    struct mail_list mails;
    struct call c;
    call_make(&c, &f->box[0]);
    c.api.request = (struct store_request){.kind = STORE_MESSAGE_ADD,
                                           .who = {.role = ROLE_SERVICE},
                                           .now_us = 1700000000000000,
                                           .message = {.topic = BYTES("x"), .payload = BYTES("1")},
                                           .message_limits = {10, 10, 10, 1000}};
    start(f, 10);
    assert_int_equal(writer_post(f->writer, &c), OK);
    writer_stop(f->writer);
    for (int i = 0; i < BOXES; i++) {
        mailbox_take(&f->box[i], &mails);
        struct stored_mail *m = stored_of(mail_list_pop(&mails));
        assert_null(m->stored.letter);
        stored_mail_free(m);
        assert_ptr_equal(mail_list_pop(&mails), i == 0 ? &c.mail : NULL);
    }
    store_reply_done(&c.api.reply);
}

static void full_queue_gives_the_call_back(void **state)
{
    struct fixture *f = *state;
    struct call calls[3];
    start(f, 2);
    pthread_t holder = hold_writer(f);
    for (int i = 0; i < 3; i++) {
        call_make(&calls[i], f->boxes[0]);
        assert_int_equal(writer_post(f->writer, &calls[i]), i < 2 ? OK : ERR_FULL);
    }
    assert_int_equal(writer_run(f->writer, rename_owner, NULL), ERR_BUSY);
    sem_post(&f->go_on);
    pthread_join(holder, NULL);
    writer_stop(f->writer); /* what was taken is done first */
    struct mail_list mails;
    mailbox_take(&f->box[0], &mails);
    assert_int_equal(mails.count, 2);
    for (int i = 0; i < 3; i++)
        store_reply_done(&calls[i].api.reply);
}

#define with_all(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_all(a_call_comes_home_answered_and_to_no_other_shard),
        with_all(every_shard_gets_the_changes_once_and_in_order),
        with_all(what_waits_is_one_group),
        with_all(a_disk_that_takes_nothing_is_a_fault_until_it_does),
        with_all(every_shard_hears_a_stored_broadcast_before_its_sender_is_told),
        with_all(a_call_that_stores_a_broadcast_is_heard_everywhere),
        with_all(full_queue_gives_the_call_back),
    };
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
