#include "server/readers.h"

#include "support.h"

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct mailbox box;
};

static int open_all(void **state)
{
    static struct fixture f;
    make_bakery(&f.folder);
    assert_int_equal(mailbox_init(&f.box, 100), OK);
    *state = &f;
    assert_int_equal(bakery_open(&f.bakery, "test", f.folder.path), OK);
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    bakery_close(&f->bakery);
    mailbox_done(&f->box);
    remove_folder(&f->folder);
    return 0;
}

static enum err start(struct fixture *f, size_t threads, size_t queue_max, struct readers **out)
{
    struct server_limits l;
    server_limits_init(&l);
    l.reads_queued_max = l.passwords_queued_max = queue_max;
    return readers_start(f->bakery.store, threads, &l, out);
}

static void wait_for_call(struct fixture *f, const struct call *c)
{
    struct mail_list mails;
    mailbox_wait(&f->box, &mails);
    assert_int_equal(mails.count, 1);
    assert_ptr_equal(mails.first, &c->mail);
}

static void reads_and_passwords_come_home_done(void **state)
{
    struct fixture *f = *state;
    struct readers *r;
    struct call c = {.home = &f->box, .action = API_READ};
    assert_int_equal(start(f, 2, 10, &r), OK);
    store_reply_init(&c.api.reply, 65536);
    c.api.request = (struct store_request){.kind = STORE_PERSON,
                                           .who = {.role = ROLE_SERVICE},
                                           .now_us = 1700000000000000,
                                           .email = BYTES(OWNER_EMAIL)};
    assert_int_equal(readers_post(r, &c), OK);
    wait_for_call(f, &c);
    assert_true(c.api.reply.has_person);
    char hash[PASSWORD_HASH_SIZE] = {0};
    memcpy(hash, c.api.reply.person.password_hash.data, c.api.reply.person.password_hash.size);
    c.action = API_PASSWORD;
    c.api.password_hash = hash;
    c.api.password = BYTES(OWNER_PASSWORD);
    c.api.password_result = ERR_IO;
    assert_int_equal(readers_post(r, &c), OK);
    wait_for_call(f, &c);
    assert_int_equal(c.api.password_result, OK);
    c.api.password = BYTES("three and twenty");
    assert_int_equal(readers_post(r, &c), OK);
    wait_for_call(f, &c);
    assert_int_equal(c.api.password_result, ERR_DENIED);
    readers_stop(r);
    store_reply_done(&c.api.reply);
}

static void a_page_of_the_log_comes_home(void **state)
{
    struct fixture *f = *state;
    struct readers *r;
    struct mail_list mails;
    uint64_t head;
    struct fetch_mail page = {.home = &f->box, .change_max = 10, .bytes_max = SIZE_MAX};
    struct call read = {.home = &f->box, .action = API_READ};
    assert_int_equal(store_head(f->bakery.session, &head), OK);
    assert_int_equal(start(f, 1, 0, &r), OK);
    page.from = head;
    assert_int_equal(readers_post(r, &read), ERR_FULL);
    assert_int_equal(readers_post_fetch(r, &page), OK); /* it has room of its own */
    mailbox_wait(&f->box, &mails);
    assert_int_equal(mails.count, 1);
    assert_ptr_equal(mails.first, &page.mail);
    assert_int_equal(page.error, OK);
    assert_int_equal(page.tail, 1);
    assert_int_equal(page.changes.count, 1);
    assert_int_equal(page.changes.items[0]->seq, head);
    changes_done(&page.changes);
    readers_stop(r);
}

static void an_errand_comes_home_with_what_was_found(void **state)
{
    struct fixture *f = *state;
    struct readers *r;
    struct mail_list mails;
    struct errand *e = errand_new(&f->box, 65536);
    e->request = (struct store_request){.kind = STORE_MESSAGE_LIST,
                                        .who = {.role = ROLE_SERVICE},
                                        .message = {.topic = BYTES("x")},
                                        .messages_max = 5,
                                        .messages_bytes_max = 1000};
    e->reply.row_count = 7;
    assert_int_equal(start(f, 1, 10, &r), OK);
    assert_int_equal(readers_post_errand(r, e), OK);
    mailbox_wait(&f->box, &mails);
    assert_ptr_equal(mail_list_pop(&mails), &e->mail);
    assert_int_equal(e->reply.row_count, 0);
    assert_int_equal(e->reply.error.status, 0);
    readers_stop(r);
    assert_int_equal(start(f, 1, 0, &r), OK);
    assert_int_equal(readers_post_errand(r, e), ERR_FULL);
    readers_stop(r);
    errand_free(e);
}

static void full_queue_gives_the_call_back(void **state)
{
    struct fixture *f = *state;
    struct readers *r;
    struct call c = {.home = &f->box, .action = API_PASSWORD};
    assert_int_equal(start(f, 1, 0, &r), OK);
    assert_int_equal(readers_post(r, &c), ERR_FULL);
    c.action = API_READ;
    assert_int_equal(readers_post(r, &c), ERR_FULL);
    readers_stop(r);
}

/* A crowd of sign-ins, and behind them a read: how many of them came home before it. */
static size_t passwords_before_a_read(struct fixture *f, size_t threads)
{
    enum { CROWD = 12 };
    struct readers *r;
    struct call crowd[CROWD];
    struct call read = {.home = &f->box, .action = API_READ};
    struct mail_list mails;
    size_t before = 0;
    assert_int_equal(start(f, threads, CROWD, &r), OK);
    store_reply_init(&read.api.reply, 65536);
    read.api.request = (struct store_request){
        .kind = STORE_PERSON, .who = {.role = ROLE_SERVICE}, .email = BYTES(OWNER_EMAIL)};
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct call){.home = &f->box, .action = API_PASSWORD};
        crowd[i].api.password = BYTES("x");
        assert_int_equal(readers_post(r, &crowd[i]), OK);
    }
    /* The crowd's queue may be full: reads have their own. */
    assert_int_equal(readers_post(r, &read), OK);
    for (bool is_home = false; !is_home;) {
        mailbox_wait(&f->box, &mails);
        for (struct mail *m; !is_home && (m = mail_list_pop(&mails));) {
            is_home = m == &read.mail;
            before += !is_home;
        }
    }
    readers_stop(r);
    mailbox_take(&f->box, &mails);
    store_reply_done(&read.api.reply);
    return before;
}

static void a_read_does_not_wait_for_a_crowd_of_sign_ins(void **state)
{
    for (size_t threads = 1; threads <= 3; threads++)
        assert_in_range(passwords_before_a_read(*state, threads), 0, 5);
}

static void what_waits_is_done_before_the_end(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 6 };
    struct readers *r;
    struct call calls[COUNT];
    struct mail_list mails;
    assert_int_equal(start(f, 2, COUNT, &r), OK);
    for (int i = 0; i < COUNT; i++) {
        calls[i] = (struct call){.home = &f->box, .action = API_PASSWORD};
        calls[i].api.password = BYTES("x");
        assert_int_equal(readers_post(r, &calls[i]), OK);
    }
    readers_stop(r);
    mailbox_take(&f->box, &mails);
    assert_int_equal(mails.count, COUNT);
    readers_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_passwords_come_home_done),
        cmocka_unit_test(a_page_of_the_log_comes_home),
        cmocka_unit_test(an_errand_comes_home_with_what_was_found),
        cmocka_unit_test(full_queue_gives_the_call_back),
        cmocka_unit_test(a_read_does_not_wait_for_a_crowd_of_sign_ins),
        cmocka_unit_test(what_waits_is_done_before_the_end),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
