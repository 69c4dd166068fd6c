/* Groups of writing requests: isolation, the density of the log, trouble of the store. */
#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite.h"

enum { GROUP = 16 };

struct group {
    struct store_request requests[GROUP];
    struct store_reply replies[GROUP];
    struct store_write writes[GROUP];
};

static void init_group(struct group *g)
{
    for (int i = 0; i < GROUP; i++) {
        store_reply_init(&g->replies[i], 1 << 20);
        g->writes[i] = (struct store_write){&g->requests[i], &g->replies[i]};
    }
}

static void done_group(struct group *g)
{
    for (int i = 0; i < GROUP; i++)
        store_reply_done(&g->replies[i]);
}

static struct query *sale(struct kit *k, int quantity)
{
    char json[256];
    struct query *q = kit_query(k, VERB_INSERT, "sales_logs");
    snprintf(json, sizeof(json), "[{\"bread_type_id\":\"%s\",\"quantity\":%d}]", k->bread,
             quantity);
    kit_set(k, q, json);
    return q;
}

static void a_failing_request_undoes_itself_only_and_leaves_no_hole(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    init_group(&g);
    changes_truncate(&k->changes, 0);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < GROUP; i++) /* every third is refused: by a check, by the policy */
            g.requests[i] =
                kit_request(k, i % 6 == 5 ? &k->anon : &k->rep, sale(k, i % 3 == 1 ? 0 : 1));
        assert_int_equal(store_write(k->writer, g.writes, GROUP, &k->changes), OK);
        for (int i = 0; i < GROUP; i++) {
            int status = i % 6 == 5 ? 401 : i % 3 == 1 ? 400 : 0;
            assert_int_equal(g.replies[i].error.status, status);
        }
    }
    for (size_t i = 0; i < k->changes.count; i++) {
        assert_int_equal(k->changes.items[i]->seq, ++seq);
        if (i)
            assert_true(k->changes.items[i]->commit_us >= k->changes.items[i - 1]->commit_us);
    }
    assert_int_equal(g.replies[0].seq, seq);
    struct store_counters c = store_counters(k->writer);
    assert_int_equal(c.groups, 51);
    assert_int_equal(c.requests, 51 - 1 + 15 * 50 + 1);
    done_group(&g);
    kit_assert_sound(k);
}

static void the_changes_handed_out_are_those_in_the_log(void **state)
{
    struct kit *k = *state;
    struct changes log;
    kit_bread(k, "Agege");
    kit_sale(k, &k->rep, 3);
    changes_init(&log);
    uint64_t first = k->changes.items[0]->seq;
    assert_int_equal(store_changes_since(k->reader, first, 100, &log), OK);
    assert_int_equal(log.count, k->changes.count);
    for (size_t i = 0; i < log.count; i++) {
        const struct change *a = log.items[i], *b = k->changes.items[i];
        assert_int_equal(a->seq, b->seq);
        assert_int_equal(a->verb, b->verb);
        assert_int_equal(a->commit_us, b->commit_us);
        assert_true(a->table == b->table);
        assert_true(bytes_equal(a->new_row, b->new_row));
        assert_true(bytes_equal(a->old_row, b->old_row));
    }
    changes_done(&log);
}

static void the_time_of_commit_rises_even_when_the_clock_does_not(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    int64_t last = k->changes.items[0]->commit_us;
    for (int i = 0; i < 3; i++) {
        k->now_us = KIT_T0 - 3600 * INT64_C(1000000);
        kit_sale(k, &k->rep, 1);
        kit_assert_error(k, 0, NULL);
        assert_true(k->changes.items[0]->commit_us > last);
        assert_int_equal(k->changes.items[0]->commit_us, k->changes.items[2]->commit_us);
        last = k->changes.items[0]->commit_us;
    }
}

static void reading_requests_may_stand_in_a_group(void **state)
{
    struct kit *k = *state;
    static struct group g;
    kit_bread(k, "Agege");
    init_group(&g);
    struct query *read = kit_query(k, VERB_SELECT, "stock");
    kit_want(k, read, "sold");
    g.requests[0] = kit_request(k, &k->rep, sale(k, 2));
    g.requests[1] = kit_request(k, &k->rep, read);
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, g.writes, 2, &k->changes), OK);
    assert_true(bytes_equal(buf_bytes(&g.replies[1].body), BYTES("[{\"sold\":2}]")));
    done_group(&g);
}

static void readers_see_their_snapshot_and_its_seq(void **state)
{
    struct kit *k = *state;
    struct store_session *second;
    uint64_t seq = 0;
    assert_int_equal(store_session_open(k->store, STORE_READER, &second), OK);
    kit_bread(k, "Agege");
    for (int i = 1; i <= 20; i++) {
        kit_sale(k, &k->rep, i);
        uint64_t written = k->reply.seq;
        kit_select(k, &k->owner, "sales_logs", "quantity", NULL, NULL);
        assert_int_equal(k->reply.row_count, i);
        assert_int_equal(k->reply.seq, written);
        assert_int_equal(store_head(second, &seq), OK);
        assert_int_equal(seq, written);
    }
    /* An open snapshot does not move. */
    assert_int_equal(session_run(second, FIXED_BEGIN), SQLITE_OK);
    assert_int_equal(store_head(second, &seq), OK);
    uint64_t before = seq;
    kit_sale(k, &k->rep, 1);
    assert_int_equal(store_checkpoint(k->reader), OK);
    assert_int_equal(store_head(second, &seq), OK);
    assert_int_equal(seq, before);
    assert_int_equal(session_run(second, FIXED_COMMIT), SQLITE_OK);
    store_session_close(second);
}

/* What one thread of the test below does until it is told to stop; the number of failures. */
struct watcher {
    struct kit *k;
    const struct query *query; /* NULL: it checkpoints */
    atomic_bool *stop;
    int failures;
};

static bool watch_once(struct watcher *w, struct store_session *s, struct store_reply *r,
                       uint64_t *seq)
{
    struct store_request q = {.kind = *seq % 2 ? STORE_INVENTORY : STORE_QUERY,
                              .who = w->k->rep,
                              .now_us = KIT_T0,
                              .query = w->query};
    uint64_t before = *seq;
    if (!w->query)
        return store_checkpoint(s) == OK;
    if (store_read(s, &q, r) || r->error.status)
        return false;
    *seq = r->seq;
    return r->seq >= before;
}

static void *watch(void *arg)
{
    struct watcher *w = arg;
    struct store_session *s;
    struct store_reply reply;
    uint64_t seq = 0;
    store_reply_init(&reply, 1 << 24);
    if (store_session_open(w->k->store, STORE_READER, &s)) {
        w->failures++;
        return NULL;
    }
    while (!atomic_load(w->stop))
        w->failures += !watch_once(w, s, &reply, &seq);
    store_session_close(s);
    store_reply_done(&reply);
    return NULL;
}

static void threads_read_and_checkpoint_while_one_writes(void **state)
{
    struct kit *k = *state;
    atomic_bool stop = false;
    pthread_t threads[3];
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want_all(k, q);
    struct watcher watchers[3] = {{k, q, &stop, 0}, {k, q, &stop, 0}, {k, NULL, &stop, 0}};
    kit_bread(k, "Agege");
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, watch, &watchers[i]), 0);
    for (int i = 0; i < 200; i++)
        kit_sale(k, &k->rep, 1);
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(watchers[i].failures, 0);
    }
    assert_int_equal(k->reply.seq, 4 + 2 + 3 * 200);
    kit_assert_sound(k);
}

static void changes_of_another_process_come_first(void **state)
{
    struct kit *k = *state;
    struct store_session *other;
    char id[UUID_SIZE + 1];
    const struct store_new_person p = {BYTES("new@example.org"), BYTES("New"), BYTES("sales_rep"),
                                       BYTES("hash")};
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    assert_int_equal(store_session_open(k->store, STORE_WRITER, &other), OK);
    assert_int_equal(store_person_add(other, &p, k->now_us, id), OK);
    kit_sale(k, &k->rep, 1);
    assert_int_equal(k->changes.count, 4);
    assert_int_equal(k->changes.items[0]->seq, seq + 1);
    assert_true(bytes_equal(k->changes.items[0]->table->name, BYTES("users")));
    /* Without a write of its own, too; and when the write is refused. */
    assert_int_equal(store_person_set_active(other, p.email, false), OK);
    kit_sale(k, &k->rep, 0);
    kit_assert_error(k, 400, "23514");
    assert_int_equal(k->changes.count, 1);
    assert_int_equal(store_person_set_active(other, p.email, true), OK);
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, NULL, 0, &k->changes), OK);
    assert_int_equal(k->changes.count, 1);
    assert_int_equal(k->changes.items[0]->seq, seq + 6);
    store_session_close(other);
}

static void a_full_disk_fails_the_group_with_503_and_the_session_lives_on(void **state)
{
    struct kit *k = *state;
    static struct group g;
    char limit[64];
    init_group(&g);
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(k->writer->db, "PRAGMA page_count", -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d", sqlite3_column_int(stmt, 0));
    sqlite3_finalize(stmt);
    assert_int_equal(session_exec(k->writer, limit), SQLITE_OK);
    bool is_full = false;
    uint64_t last = seq;
    for (int n = 0; n < 200 && !is_full; n++) {
        for (int i = 0; i < GROUP; i++)
            g.requests[i] = kit_request(k, &k->rep, sale(k, 1));
        changes_truncate(&k->changes, 0);
        enum err e = store_write(k->writer, g.writes, GROUP, &k->changes);
        for (int i = 0; i < GROUP; i++)
            is_full = is_full || g.replies[i].error.status == 503;
        if (e) {
            assert_int_equal(k->changes.count, 0);
            for (int i = 0; i < GROUP; i++)
                assert_int_equal(g.replies[i].error.status, 503);
        }
        for (size_t i = 0; i < k->changes.count; i++)
            assert_int_equal(k->changes.items[i]->seq, ++last);
    }
    assert_true(is_full);
    kit_assert_sound(k);
    assert_int_equal(session_exec(k->writer, "PRAGMA max_page_count = 1000000"), SQLITE_OK);
    kit_sale(k, &k->rep, 1);
    kit_assert_error(k, 0, NULL);
    assert_int_equal(k->changes.items[0]->seq, last + 1);
    done_group(&g);
}

static void a_writer_that_waits_in_vain_answers_503(void **state)
{
    struct kit *k = *state;
    struct store_session *other;
    kit_bread(k, "Agege");
    assert_int_equal(store_session_open(k->store, STORE_WRITER, &other), OK);
    assert_int_equal(session_run(other, FIXED_BEGIN_WRITE), SQLITE_OK);
    sqlite3_busy_timeout(k->writer->db, 1);
    struct store_request r = kit_request(k, &k->rep, sale(k, 1));
    struct store_write w = {&r, &k->reply};
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, &w, 1, &k->changes), ERR_BUSY);
    kit_assert_error(k, 503, "55P03");
    assert_int_equal(k->changes.count, 0);
    store_session_close(other);
    kit_sale(k, &k->rep, 1);
    kit_assert_error(k, 0, NULL);
}

static void a_reader_does_not_write(void **state)
{
    struct kit *k = *state;
    struct store_request r = kit_request(k, &k->service, kit_query(k, VERB_DELETE, "users"));
    struct store_write w = {&r, &k->reply};
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->reader, &w, 1, &k->changes), ERR_UNSUPPORTED);
    kit_assert_error(k, 503, NULL);
}

static void every_failing_allocation_of_a_write_leaves_the_log_dense(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    uint64_t seq = k->reply.seq;
    struct query *q = sale(k, 1);
    kit_want_all(k, q);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct store_request r = kit_request(k, &k->rep, q);
        struct store_reply reply;
        struct store_write w = {&r, &reply};
        struct changes out;
        changes_init(&out);
        store_reply_init(&reply, 1 << 20);
        mem_fail_at(n);
        enum err e = store_write(k->writer, &w, 1, &out);
        is_done = !mem_fail_hit();
        mem_fail_at(0);
        assert_true(sqlite3_get_autocommit(k->writer->db)); /* the next group can begin */
        if (e || reply.error.status)
            assert_int_equal(out.count, 0);
        else
            assert_int_equal(out.count, 3);
        for (size_t i = 0; i < out.count; i++)
            assert_int_equal(out.items[i]->seq, ++seq);
        changes_done(&out);
        store_reply_done(&reply);
        assert_true(n < 3000);
    }
    kit_sale(k, &k->rep, 1);
    kit_assert_error(k, 0, NULL);
    kit_assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_failing_request_undoes_itself_only_and_leaves_no_hole),
        KIT_TEST(the_changes_handed_out_are_those_in_the_log),
        KIT_TEST(the_time_of_commit_rises_even_when_the_clock_does_not),
        KIT_TEST(reading_requests_may_stand_in_a_group),
        KIT_TEST_FOLDER(readers_see_their_snapshot_and_its_seq),
        KIT_TEST_FOLDER(threads_read_and_checkpoint_while_one_writes),
        KIT_TEST_FOLDER(changes_of_another_process_come_first),
        KIT_TEST(a_full_disk_fails_the_group_with_503_and_the_session_lives_on),
        KIT_TEST_FOLDER(a_writer_that_waits_in_vain_answers_503),
        KIT_TEST_FOLDER(a_reader_does_not_write),
        KIT_TEST_FOLDER(every_failing_allocation_of_a_write_leaves_the_log_dense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
