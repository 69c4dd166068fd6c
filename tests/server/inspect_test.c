/* Questions to the shards, which are played by a thread here; shard_test.c asks real ones. */
#include "server/inspect.h"

#include <pthread.h>

#include "check.h"
#include "support.h"

enum { BOXES = 3 };

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct mailbox box[BOXES];
    struct mailbox *boxes[BOXES];
    struct writer *writer;
    struct buf reply;
};

static int open_all(void **state)
{
    static struct fixture f;
    uint64_t head;
    make_bakery(&f.folder);
    assert_int_equal(bakery_open_writer(&f.bakery, "test", f.folder.path), OK);
    assert_int_equal(store_head(f.bakery.session, &head), OK);
    for (int i = 0; i < BOXES; i++) {
        assert_int_equal(mailbox_init(&f.box[i], 1), OK);
        f.boxes[i] = &f.box[i];
    }
    const struct writer_config c = {.session = f.bakery.session,
                                    .head = head,
                                    .queue_max = 10,
                                    .boxes = f.boxes,
                                    .box_count = BOXES};
    assert_int_equal(writer_start(&c, &f.writer), OK);
    buf_init(&f.reply, 1 << 20);
    *state = &f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    writer_stop(f->writer);
    for (int i = 0; i < BOXES; i++)
        mailbox_done(&f->box[i]);
    bakery_close(&f->bakery);
    remove_folder(&f->folder);
    buf_done(&f->reply);
    return 0;
}

/* Answers as many inspections as there are in the boxes given: the first has nothing to say. */
static void *answer(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < BOXES; i++) {
        struct mail_list mails;
        mailbox_wait(&f->box[i], &mails);
        struct inspection *x = container_of(mail_list_pop(&mails), struct inspection, mail);
        assert_int_equal(x->mail.kind, MAIL_INSPECT);
        assert_int_equal(x->change->seq, 1);
        if (i) {
            buf_put(&x->out, x->user);
            buf_put_u64(&x->out, (uint64_t)i);
        }
        sem_post(x->answered);
    }
    return NULL;
}

static void ask(struct fixture *f, const char *text)
{
    buf_reset(&f->reply);
    assert_true(inspect_request(f->writer, f->boxes, BOXES, bytes_of(text), &f->reply));
}

static void the_answers_of_all_shards_are_one_list(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer, f), 0);
    ask(f, "{\"do\":\"explain\",\"user\":\"ada\",\"seq\":1}");
    pthread_join(thread, NULL);
    check_text(buf_bytes(&f->reply), "{\"ok\":[ada1,ada2]}");
}

static void a_full_box_is_a_busy_server(void **state)
{
    struct fixture *f = *state;
    struct mail_list mails;
    struct mail other = {.kind = MAIL_DRAIN};
    assert_int_equal(mailbox_post(&f->box[0], &other), OK);
    ask(f, "{\"do\":\"explain\",\"user\":\"ada\",\"seq\":1}");
    check_text(buf_bytes(&f->reply), "{\"error\":\"the server is busy\"}");
    mailbox_take(&f->box[0], &mails);
}

static void what_cannot_be_explained_is_said(void **state)
{
    struct fixture *f = *state;
    ask(f, "{\"do\":\"explain\",\"user\":\"ada\",\"seq\":1000000}");
    check_text(buf_bytes(&f->reply), "{\"error\":\"the log does not hold this change\"}");
    ask(f, "{\"do\":\"explain\",\"seq\":1}");
    check_text(buf_bytes(&f->reply), "{\"error\":\"user and seq are needed\"}");
    ask(f, "{\"do\":\"explain\",\"user\":\"ada\",\"seq\":-1}");
    check_text(buf_bytes(&f->reply), "{\"error\":\"user and seq are needed\"}");
}

static void other_requests_are_left_alone(void **state)
{
    static const char *const texts[] = {"", "{}", "[]", "{\"do\":\"list\"}", "{\"do\":5}"};
    struct fixture *f = *state;
    buf_reset(&f->reply);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++)
        assert_false(inspect_request(f->writer, f->boxes, BOXES, bytes_of(texts[i]), &f->reply));
    assert_int_equal(f->reply.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answers_of_all_shards_are_one_list),
        cmocka_unit_test(a_full_box_is_a_busy_server),
        cmocka_unit_test(what_cannot_be_explained_is_said),
        cmocka_unit_test(other_requests_are_left_alone),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
