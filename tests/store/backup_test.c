/* Copies of a store that goes on being written. */
#include "kit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

struct place {
    char parent[64], to[80];
    struct buf message;
};

static void take_place(struct place *p)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(p->parent, sizeof(p->parent), "%.40s/backup-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->parent));
    snprintf(p->to, sizeof(p->to), "%s/copy", p->parent);
    buf_init(&p->message, 4096);
}

static void remove_copy(const char *folder)
{
    static const char *const names[] = {"homebake.db", "homebake.db-wal", "homebake.db-shm"};
    char path[128];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void leave_place(struct place *p)
{
    remove_copy(p->to);
    assert_int_equal(rmdir(p->parent), 0);
    buf_done(&p->message);
}

static int entries(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int count = 0;
    for (const struct dirent *e; (e = readdir(d));)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static enum err back_up(struct kit *k, struct place *p, uint64_t *seq)
{
    const struct store_backup how = {.to = p->to};
    buf_reset(&p->message);
    return store_backup(k->reader, &how, seq, &p->message);
}

struct copy {
    struct store *store;
    struct store_session *session;
};

static void open_copy(struct copy *c, const char *folder)
{
    const struct store_config cfg = {.folder = folder};
    struct buf message;
    buf_init(&message, 4096);
    assert_int_equal(store_open(&cfg, &message, &c->store), OK);
    assert_int_equal(store_session_open(c->store, STORE_WRITER, &c->session), OK);
    buf_done(&message);
}

static void close_copy(struct copy *c)
{
    store_session_close(c->session);
    store_close(c->store);
}

static int sales_in(const struct store_session *s)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(s->db, "SELECT count(*) FROM sales_logs", -1, &st, NULL),
                     0);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int count = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return count;
}

/* So large that it is copied in several steps. */
static void fill(struct kit *k)
{
    kit_bread(k, "Agege");
    for (int i = 0; i < 3; i++)
        kit_sale(k, &k->rep, 1);
    int rc =
        session_exec(k->writer, "CREATE TABLE ballast (x BLOB);"
                                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                                "n WHERE i < 4000)"
                                "INSERT INTO ballast SELECT randomblob(1800) FROM n");
    if (rc)
        fail_msg("%s", sqlite3_errmsg(k->writer->db));
}

static void a_copy_is_whole_private_and_sound(void **state)
{
    struct kit *k = *state;
    struct place p;
    struct copy c;
    struct buf report;
    struct stat st;
    uint64_t seq = 0, head;
    take_place(&p);
    fill(k);
    assert_int_equal(back_up(k, &p, &seq), OK);
    assert_int_equal(store_head(k->reader, &head), OK);
    assert_int_equal(seq, head);
    assert_int_equal(entries(p.to), 1);
    assert_int_equal(stat(p.to, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    open_copy(&c, p.to);
    assert_int_equal(store_head(c.session, &head), OK);
    assert_int_equal(seq, head);
    assert_int_equal(sales_in(c.session), 3);
    assert_memory_equal(store_secret(c.store), store_secret(k->store), TOKEN_SECRET_SIZE);
    buf_init(&report, 4096);
    assert_int_equal(store_verify(c.session, &report), OK);
    buf_done(&report);
    close_copy(&c);
    leave_place(&p);
}

struct seller {
    struct kit *kit;
    int steps;
};

static bool sell_meanwhile(void *context, uint64_t copied, uint64_t count)
{
    struct seller *s = context;
    assert_true(copied > 0 && copied <= count);
    kit_sale(s->kit, &s->kit->rep, 1);
    s->steps++;
    return true;
}

static void what_is_sold_meanwhile_is_not_in_it(void **state)
{
    struct kit *k = *state;
    struct place p;
    struct copy c;
    uint64_t seq, before, after;
    take_place(&p);
    fill(k);
    struct seller seller = {.kit = k};
    const struct store_backup how = {.to = p.to, .progress = sell_meanwhile, .context = &seller};
    assert_int_equal(store_head(k->reader, &before), OK);
    assert_int_equal(store_backup(k->reader, &how, &seq, &p.message), OK);
    assert_true(seller.steps >= 3);
    assert_int_equal(seq, before);
    assert_int_equal(sales_in(k->reader), 3 + seller.steps);
    open_copy(&c, p.to);
    assert_int_equal(sales_in(c.session), 3);
    assert_int_equal(store_head(c.session, &after), OK);
    assert_int_equal(after, before);
    close_copy(&c);
    leave_place(&p);
}

/* A reader whose cursor is of the original, or of another copy's later life, must not go on in it. */
static void each_copy_gets_its_epoch_when_it_is_served(void **state)
{
    struct kit *k = *state;
    struct place first, second;
    struct copy c;
    uint64_t seq;
    char of_first[STORE_EPOCH_SIZE];
    take_place(&first);
    take_place(&second);
    assert_int_equal(back_up(k, &first, &seq), OK);
    open_copy(&c, first.to); /* not to serve it */
    const struct store_backup how = {.to = second.to};
    assert_int_equal(store_backup(c.session, &how, &seq, &second.message), OK);
    close_copy(&c);

    open_copy(&c, first.to);
    assert_int_equal(store_begin_epoch(c.session), OK);
    memcpy(of_first, store_epoch(c.store).data, sizeof(of_first));
    assert_memory_not_equal(of_first, store_epoch(k->store).data, sizeof(of_first));
    assert_int_equal(store_begin_epoch(c.session), OK);
    assert_memory_equal(of_first, store_epoch(c.store).data, sizeof(of_first));
    close_copy(&c);
    open_copy(&c, first.to);
    assert_memory_equal(of_first, store_epoch(c.store).data, sizeof(of_first));
    close_copy(&c);
    open_copy(&c, second.to);
    assert_int_equal(store_begin_epoch(c.session), OK);
    assert_memory_not_equal(of_first, store_epoch(c.store).data, sizeof(of_first));
    assert_memory_not_equal(store_epoch(k->store).data, store_epoch(c.store).data,
                            sizeof(of_first));
    close_copy(&c);
    assert_int_equal(store_begin_epoch(k->writer), OK);
    leave_place(&first);
    leave_place(&second);
}

static void nothing_is_written_over(void **state)
{
    struct kit *k = *state;
    struct place p;
    uint64_t seq;
    take_place(&p);
    assert_int_equal(mkdir(p.to, 0755), 0);
    assert_int_equal(back_up(k, &p, &seq), ERR_EXISTS);
    assert_int_equal(entries(p.to), 0);
    buf_put_char(&p.message, '\0');
    assert_non_null(strstr(p.message.data, "/copy is there already"));
    leave_place(&p);

    snprintf(p.to, sizeof(p.to), "/nonexistent/copy");
    buf_init(&p.message, 4096);
    assert_int_equal(back_up(k, &p, &seq), ERR_NOT_FOUND);
    buf_done(&p.message);
}

static bool stop(void *context, uint64_t copied, uint64_t count)
{
    (void)context;
    return copied > count / 2;
}

static void one_that_is_stopped_leaves_nothing(void **state)
{
    struct kit *k = *state;
    struct place p;
    uint64_t seq;
    take_place(&p);
    fill(k);
    const struct store_backup how = {.to = p.to, .progress = stop};
    assert_int_equal(store_backup(k->reader, &how, &seq, &p.message), ERR_CLOSED);
    assert_int_equal(entries(p.parent), 0);
    kit_sale(k, &k->rep, 1); /* and holds nobody up */
    leave_place(&p);
}

static void a_full_disk_leaves_nothing(void **state)
{
    struct kit *k = *state;
    struct place p;
    uint64_t seq;
    struct rlimit before, small;
    take_place(&p);
    fill(k);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){4 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err e = back_up(k, &p, &seq);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(e == ERR_FULL || e == ERR_IO);
    assert_true(p.message.size > 0);
    assert_int_equal(entries(p.parent), 0);
    assert_int_equal(back_up(k, &p, &seq), OK);
    leave_place(&p);
}

static void without_memory_nothing_is_left(void **state)
{
    struct kit *k = *state;
    struct place p;
    uint64_t seq;
    bool is_done = false;
    take_place(&p);
    /* The first ones, which are the copy's own, one by one. */
    for (uint64_t n = 1; !is_done; n += 1 + n / 16) {
        mem_fail_at(n);
        enum err e = back_up(k, &p, &seq);
        is_done = !mem_fail_hit();
        mem_fail_at(0);
        if (e)
            assert_int_equal(entries(p.parent), 0);
        else
            remove_copy(p.to);
    }
    leave_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST_FOLDER(a_copy_is_whole_private_and_sound),
        KIT_TEST_FOLDER(what_is_sold_meanwhile_is_not_in_it),
        KIT_TEST_FOLDER(each_copy_gets_its_epoch_when_it_is_served),
        KIT_TEST_FOLDER(nothing_is_written_over),
        KIT_TEST_FOLDER(one_that_is_stopped_leaves_nothing),
        KIT_TEST_FOLDER(a_full_disk_leaves_nothing),
        KIT_TEST_FOLDER(without_memory_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
