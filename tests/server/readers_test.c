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
    assert_int_equal(readers_start(f->bakery.store, 2, 10, &r), OK);
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

static void full_queue_gives_the_call_back(void **state)
{
    struct fixture *f = *state;
    struct readers *r;
    struct call c = {.home = &f->box, .action = API_PASSWORD};
    assert_int_equal(readers_start(f->bakery.store, 1, 0, &r), OK);
    assert_int_equal(readers_post(r, &c), ERR_FULL);
    readers_stop(r);
}

static void what_waits_is_done_before_the_end(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 6 };
    struct readers *r;
    struct call calls[COUNT];
    struct mail_list mails;
    assert_int_equal(readers_start(f->bakery.store, 2, COUNT, &r), OK);
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
        cmocka_unit_test(full_queue_gives_the_call_back),
        cmocka_unit_test(what_waits_is_done_before_the_end),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
