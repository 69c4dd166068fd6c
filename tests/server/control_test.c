#include "server/control.h"

#include <pthread.h>
#include <sys/stat.h>

#include "support.h"

struct fixture {
    struct bakery_folder folder;
    struct bakery bakery;
    struct mailbox box;
    struct mailbox *boxes[1];
    struct writer *writer;
    int listen_fd;
};

static int open_all(void **state)
{
    static struct fixture f;
    uint64_t head;
    make_bakery(&f.folder);
    assert_int_equal(bakery_open_writer(&f.bakery, "test", f.folder.path), OK);
    assert_int_equal(store_head(f.bakery.session, &head), OK);
    assert_int_equal(mailbox_init(&f.box, 100), OK);
    f.boxes[0] = &f.box;
    const struct writer_config c = {.session = f.bakery.session,
                                    .head = head,
                                    .queue_max = 10,
                                    .boxes = f.boxes,
                                    .box_count = 1};
    assert_int_equal(writer_start(&c, &f.writer), OK);
    assert_int_equal(control_listen(f.folder.path, &f.listen_fd), OK);
    *state = &f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    struct mail_list mails;
    struct mail *m;
    control_end(f->folder.path, f->listen_fd);
    writer_stop(f->writer);
    mailbox_take(&f->box, &mails);
    while ((m = mail_list_pop(&mails))) {
        struct changes_mail *c = container_of(m, struct changes_mail, mail);
        for (size_t i = 0; i < c->count; i++)
            change_unref(c->items[i]);
        mem_free(c);
    }
    mailbox_done(&f->box);
    bakery_close(&f->bakery);
    remove_folder(&f->folder);
    return 0;
}

struct question {
    const char *folder, *text;
    struct buf reply;
    enum err result;
};

static void *ask(void *arg)
{
    struct question *q = arg;
    q->result = control_ask(q->folder, bytes_of(q->text), &q->reply);
    return NULL;
}

/* Asks from another thread while this one serves. */
static void serve_one(struct fixture *f, struct question *q)
{
    pthread_t thread;
    q->folder = f->folder.path;
    buf_init(&q->reply, 65536);
    assert_int_equal(pthread_create(&thread, NULL, ask, q), 0);
    control_serve(f->listen_fd, f->writer, NULL, NULL);
    pthread_join(thread, NULL);
}

static void requests_are_carried_out_by_the_writer_and_fed(void **state)
{
    struct fixture *f = *state;
    struct question q = {.text = "{\"do\":\"set_active\",\"email\":\"" OWNER_EMAIL
                                 "\",\"is_active\":false}"};
    serve_one(f, &q);
    assert_int_equal(q.result, OK);
    assert_true(bytes_equal(buf_bytes(&q.reply), BYTES("{\"ok\":true}")));
    buf_done(&q.reply);
    struct mail_list mails;
    mailbox_take(&f->box, &mails);
    assert_int_equal(mails.count, 1);
    struct changes_mail *m = container_of(mail_list_pop(&mails), struct changes_mail, mail);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->items[0]->verb, VERB_UPDATE);
    assert_true(bytes_find(m->items[0]->new_row, BYTES("\"is_active\":false")) <
                m->items[0]->new_row.size);
    change_unref(m->items[0]);
    mem_free(m);
}

static void the_socket_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s/control.sock", f->folder.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_client_that_hangs_up_or_talks_without_end_is_let_go(void **state)
{
    struct fixture *f = *state;
    char path[128];
    int fd;
    snprintf(path, sizeof(path), "%s/control.sock", f->folder.path);
    assert_int_equal(sock_unix_connect(path, &fd), OK);
    close(fd);
    control_serve(f->listen_fd, f->writer, NULL, NULL);
    static char noise[20000];
    memset(noise, 'x', sizeof(noise));
    assert_int_equal(sock_unix_connect(path, &fd), OK);
    say_bytes(fd, noise, sizeof(noise));
    control_serve(f->listen_fd, f->writer, NULL, NULL);
    assert_true(is_ended(fd));
    close(fd);
}

static void without_a_server_nobody_is_found(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct buf reply;
    make_folder(&f);
    buf_init(&reply, 100);
    assert_int_equal(control_ask(f.path, BYTES("{}"), &reply), ERR_NOT_FOUND);
    remove_folder(&f);
}

#define with_all(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_all(requests_are_carried_out_by_the_writer_and_fed),
        with_all(the_socket_is_its_owners_alone),
        with_all(a_client_that_hangs_up_or_talks_without_end_is_let_go),
        cmocka_unit_test(without_a_server_nobody_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
