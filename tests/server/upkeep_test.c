#include "server/upkeep.h"

#include <sched.h>
#include <sys/stat.h>

#include "support.h"

#define NOW_US INT64_C(1700000000000000)

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct store_session *keeping;
    struct server_limits limits;
};

static int open_all(void **state)
{
    static struct fixture f;
    make_bakery(&f.folder);
    server_limits_init(&f.limits);
    assert_int_equal(bakery_open_writer(&f.bakery, "test", f.folder.path), OK);
    *state = &f;
    assert_int_equal(store_session_open(f.bakery.store, STORE_READER, &f.keeping), OK);
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    store_session_close(f->keeping);
    bakery_close(&f->bakery);
    remove_folder(&f->folder);
    return 0;
}

/* The database file's part of the data: what a checkpoint moves there. */
static struct timespec file_time(const struct fixture *f)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s/homebake.db", f->folder.path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mtim;
}

static bool is_later(struct timespec a, struct timespec b)
{
    return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void a_commit_is_moved_into_the_file(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    f->limits.checkpoint_after_us = 0;
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    assert_int_equal(store_person_set_active(f->bakery.session, BYTES(OWNER_EMAIL), false), OK);
    struct timespec before = file_time(f);
    upkeep_poke(u);
    for (int i = 0; i < 100000000 && !is_later(file_time(f), before); i++)
        sched_yield();
    assert_true(is_later(file_time(f), before));
    upkeep_stop(u);
    upkeep_free(u);
}

static uint64_t expired(struct store_session *s)
{
    uint64_t count;
    assert_int_equal(store_count_expired(s, INT64_MAX, 10, &count), OK);
    return count;
}

/* One that nobody hears any more. */
static void store_old_broadcast(struct fixture *f)
{
    struct store_request r = {.kind = STORE_MESSAGE_ADD,
                              .who = {.role = ROLE_SERVICE},
                              .now_us = 1,
                              .message = {.topic = BYTES("x"), .ttl_us = 1},
                              .message_limits = {10, 10, 10, 1000}};
    struct store_reply reply;
    struct store_write write = {&r, &reply};
    struct changes changes;
    changes_init(&changes);
    store_reply_init(&reply, 0);
    assert_int_equal(store_write(f->bakery.session, &write, 1, &changes), OK);
    assert_int_equal(reply.error.status, 0);
    store_reply_done(&reply);
    changes_done(&changes);
}

static void broadcasts_past_their_time_are_deleted(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    struct store_session *looking;
    struct writer_config c = {.session = f->bakery.session, .queue_max = 10};
    struct writer *w;
    store_old_broadcast(f);
    assert_int_equal(store_session_open(f->bakery.store, STORE_READER, &looking), OK);
    assert_int_equal(expired(looking), 1);
    assert_int_equal(store_head(f->bakery.session, &c.head), OK);
    assert_int_equal(writer_start(&c, &w), OK);
    f->limits.checkpoint_after_us = 0;
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    upkeep_set_writer(u, w, NULL, 0);
    upkeep_poke(u);
    for (int i = 0; i < 100000000 && expired(looking) > 0; i++)
        sched_yield();
    assert_int_equal(expired(looking), 0);
    upkeep_stop(u);
    writer_stop(w);
    upkeep_free(u);
    store_session_close(looking);
}

static void the_end_does_not_wait_for_the_pause(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    f->limits.checkpoint_after_us = INT64_C(3600000000); /* the test's own time limit is shorter */
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    upkeep_poke(u);
    upkeep_stop(u);
    upkeep_poke(u);
    upkeep_free(u);
    upkeep_stop(NULL);
    upkeep_free(NULL);
}

static enum err fill(struct store_session *s, void *context)
{
    return store_demo(s, *(const int64_t *)context, 1);
}

/* Takes mail until one of that kind has come. */
static struct mail *next_of(struct mailbox *box, int kind)
{
    struct mail_list mails;
    struct mail *m, *found = NULL;
    while (!found) {
        mailbox_wait(box, &mails);
        while ((m = mail_list_pop(&mails))) {
            if (m->kind == kind)
                found = m;
            if (m->kind != MAIL_CHANGES)
                continue;
            struct changes_mail *c = container_of(m, struct changes_mail, mail);
            for (size_t i = 0; i < c->count; i++)
                change_unref(c->items[i]);
            mem_free(c);
        }
    }
    return found;
}

/* The writer counts what it hands out with the next group. */
static uint64_t count_changes(struct writer *w, struct mailbox *box)
{
    struct call c = {.home = box, .action = API_WRITE};
    store_reply_init(&c.api.reply, 65536);
    c.api.request = (struct store_request){.kind = STORE_SESSION_END,
                                           .who = {.role = ROLE_SERVICE},
                                           .user_id = BYTES("00000000-0000-4000-8000-000000000001"),
                                           .scope = SCOPE_GLOBAL,
                                           .now_us = NOW_US};
    assert_int_equal(writer_post(w, &c), OK);
    assert_ptr_equal(next_of(box, MAIL_CALL), &c.mail);
    store_reply_done(&c.api.reply);
    return writer_counters(w).changes;
}

static void shards_are_told_where_a_trimmed_log_begins(void **state)
{
    struct fixture *f = *state;
    struct upkeep *u;
    struct writer *w;
    struct mailbox box, *boxes[] = {&box};
    uint64_t head;
    int64_t now_us = NOW_US;
    assert_int_equal(mailbox_init(&box, 10000), OK);
    assert_int_equal(store_head(f->bakery.session, &head), OK);
    struct writer_config cfg = {.session = f->bakery.session,
                                .head = head,
                                .queue_max = 10,
                                .boxes = boxes,
                                .box_count = 1};
    f->limits.checkpoint_after_us = 0;
    f->limits.log_keep_us = INT64_MAX;
    f->limits.log_keep_count = 100;
    f->limits.trim_every = 1000;
    assert_int_equal(writer_start(&cfg, &w), OK);
    assert_int_equal(writer_run(w, fill, &now_us), OK);
    uint64_t changes = count_changes(w, &box);
    assert_in_range(changes, 1000, 1000000);
    assert_int_equal(upkeep_start(f->keeping, &f->limits, &u), OK);
    upkeep_set_writer(u, w, boxes, 1);
    upkeep_poke(u);
    struct tail_mail *told = container_of(next_of(&box, MAIL_TAIL), struct tail_mail, mail);
    assert_int_equal(told->tail, head + changes - 99);
    mem_free(told);
    upkeep_stop(u);
    writer_stop(w);
    upkeep_free(u);
    mailbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_is_moved_into_the_file, open_all, close_all),
        cmocka_unit_test_setup_teardown(broadcasts_past_their_time_are_deleted, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_the_pause, open_all, close_all),
        cmocka_unit_test_setup_teardown(shards_are_told_where_a_trimmed_log_begins, open_all,
                                        close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
