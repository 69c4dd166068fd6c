#include "check.h"

#include <stdio.h>

#include "base/mem.h"
#include "client/replica.h"

enum { ROWS = 100, SIZE = 10000 };

static enum err put(struct replica *r, const char *key, const char *row)
{
    return replica_put(r, bytes_of(key), bytes_of(row));
}

static enum err load(struct replica *r, const char *const (*rows)[2], size_t count)
{
    struct text *texts[8];
    for (size_t i = 0; i < count; i++)
        texts[i] = text_new(bytes_of(rows[i][0]), bytes_of(rows[i][1]));
    return replica_load(r, texts, count);
}

/* "+a 1 -b 2": what a batch says. */
static void check_batch(struct batch *b, const char *want)
{
    struct buf got;
    static const char ops[] = " +~-";
    buf_init(&got, 1 << 20);
    for (size_t i = 0; i < b->count; i++) {
        if (i > 0)
            buf_put_char(&got, ' ');
        buf_put_char(&got, ops[b->deltas[i].op]);
        buf_put(&got, text_key(b->deltas[i].text));
        buf_put(&got, text_row(b->deltas[i].text));
    }
    check_text(buf_bytes(&got), want);
    buf_done(&got);
    batch_done(b);
}

static void check_taken(struct replica *r, const char *want)
{
    struct batch b;
    assert_int_equal(replica_take(r, &b), OK);
    check_batch(&b, want);
    assert_int_equal(r->waiting_count, 0);
}

static void the_last_state_of_a_row_is_told_once(void **state)
{
    (void)state;
    struct replica r;
    replica_init(&r, 0, ROWS, SIZE);
    assert_int_equal(put(&r, "b", "1"), OK);
    assert_int_equal(put(&r, "a", "1"), OK);
    assert_int_equal(put(&r, "b", "2"), OK);
    check_taken(&r, "+a1 +b2");
    assert_int_equal(put(&r, "a", "2"), OK);
    assert_int_equal(put(&r, "a", "3"), OK);
    replica_remove(&r, BYTES("b"));
    check_taken(&r, "~a3 -b2");
    check_taken(&r, "");
    assert_int_equal(r.count, 1);
    replica_done(&r);
}

static void what_is_as_the_host_has_it_is_not_told(void **state)
{
    (void)state;
    struct replica r;
    replica_init(&r, 0, ROWS, SIZE);
    assert_int_equal(put(&r, "a", "1"), OK);
    check_taken(&r, "+a1");
    assert_int_equal(put(&r, "a", "2"), OK);
    assert_int_equal(put(&r, "a", "1"), OK);
    check_taken(&r, "");
    replica_remove(&r, BYTES("a"));
    assert_int_equal(put(&r, "a", "1"), OK);
    check_taken(&r, "");
    replica_remove(&r, BYTES("a"));
    assert_int_equal(put(&r, "a", "2"), OK);
    check_taken(&r, "~a2");
    assert_int_equal(put(&r, "b", "1"), OK);
    replica_remove(&r, BYTES("b"));
    check_taken(&r, "");
    assert_int_equal(r.count, 1);
    replica_done(&r);
}

static void a_snapshot_is_told_as_differences(void **state)
{
    (void)state;
    struct replica r;
    struct batch b;
    static const char *const first[][2] = {{"a", "1"}, {"b", "1"}, {"c", "1"}};
    static const char *const second[][2] = {{"c", "1"}, {"b", "2"}, {"0", "1"}};
    replica_init(&r, 0, ROWS, SIZE);
    assert_int_equal(load(&r, first, 3), OK);
    check_taken(&r, "+a1 +b1 +c1");
    assert_int_equal(put(&r, "never", "told"), OK);
    assert_int_equal(load(&r, second, 3), OK);
    check_taken(&r, "+01 -a1 ~b2");
    assert_int_equal(replica_all(&r, &b), OK);
    check_batch(&b, "+01 +b2 +c1");
    assert_int_equal(r.size, 6);
    assert_int_equal(r.live, 3);
    replica_done(&r);
}

static void a_row_that_is_gone_and_in_the_snapshot_is_there_again(void **state)
{
    (void)state;
    struct replica r;
    static const char *const rows[][2] = {{"a", "1"}};
    replica_init(&r, 0, ROWS, SIZE);
    assert_int_equal(load(&r, rows, 1), OK);
    check_taken(&r, "+a1");
    replica_remove(&r, BYTES("a"));
    assert_int_equal(load(&r, rows, 1), OK);
    check_taken(&r, "");
    assert_int_equal(r.size, 2);
    replica_done(&r);
}

static void two_rows_of_one_key_are_no_snapshot(void **state)
{
    (void)state;
    struct replica r;
    static const char *const rows[][2] = {{"a", "1"}, {"b", "1"}, {"a", "2"}};
    replica_init(&r, 0, ROWS, SIZE);
    assert_int_equal(put(&r, "x", "1"), OK);
    assert_int_equal(load(&r, rows, 3), ERR_SYNTAX);
    check_taken(&r, "+x1");
    replica_done(&r);
}

static void rows_and_bytes_are_bounded(void **state)
{
    (void)state;
    struct replica r;
    static const char *const rows[][2] = {{"a", "1"}, {"b", "1"}, {"c", "1"}};
    replica_init(&r, 0, 2, 12);
    assert_int_equal(load(&r, rows, 3), ERR_LIMIT);
    assert_int_equal(put(&r, "a", "1"), OK);
    assert_int_equal(put(&r, "b", "12345678901"), ERR_LIMIT);
    assert_int_equal(put(&r, "b", "1"), OK);
    check_taken(&r, "+a1 +b1");
    assert_int_equal(put(&r, "c", "1"), ERR_LIMIT);
    assert_int_equal(put(&r, "a", "12345678901"), ERR_LIMIT);
    assert_int_equal(r.live, 2);
    check_taken(&r, "");
    replica_remove(&r, BYTES("a"));
    assert_int_equal(put(&r, "c", "1"), OK);
    check_taken(&r, "-a1 +c1");
    replica_done(&r);
}

/* Nobody asks for what has changed, for a long time. */
static void what_waits_is_bounded_by_the_rows_there_are(void **state)
{
    (void)state;
    struct replica r;
    char key[8];
    replica_init(&r, 0, 10, SIZE);
    for (int round = 0; round < 1000; round++) {
        snprintf(key, sizeof(key), "%d", round);
        assert_int_equal(put(&r, key, "1"), OK);
        if (round >= 10) {
            snprintf(key, sizeof(key), "%d", round - 5);
            replica_remove(&r, bytes_of(key));
        } else if (round % 2) {
            replica_remove(&r, bytes_of(key));
        }
        assert_in_range(r.count, 0, 20);
    }
    replica_done(&r);
}

static void a_feed_passes_on_and_keeps_nothing(void **state)
{
    (void)state;
    struct replica r;
    struct batch b;
    replica_init(&r, HB_DELETE, 2, SIZE);
    assert_int_equal(put(&r, "b", "1"), OK);
    assert_int_equal(put(&r, "a", "1"), OK);
    assert_int_equal(put(&r, "c", "1"), ERR_LIMIT);
    check_taken(&r, "-b1 -a1");
    assert_int_equal(r.count, 0);
    assert_int_equal(r.size, 0);
    assert_int_equal(replica_all(&r, &b), OK);
    check_batch(&b, "");
    assert_int_equal(put(&r, "c", "1"), OK);
    replica_clear_feed(&r);
    check_taken(&r, "");
    replica_done(&r);
}

static enum err scenario(struct replica *r)
{
    struct batch b;
    struct text *texts[2] = {text_new(BYTES("a"), BYTES("2")), text_new(BYTES("c"), BYTES("1"))};
    if (!texts[0] || !texts[1]) {
        text_unref(texts[0]);
        text_unref(texts[1]);
        return ERR_NOMEM;
    }
    enum err e = replica_load(r, texts, 2);
    if (!e)
        e = put(r, "d", "1");
    if (!e)
        e = replica_take(r, &b);
    if (!e) {
        batch_done(&b);
        e = replica_all(r, &b);
    }
    if (!e)
        batch_done(&b);
    return e;
}

static void without_memory_everything_stays_as_it_was(void **state)
{
    (void)state;
    bool has_passed = false;
    for (uint64_t n = 1; !has_passed; n++) {
        struct replica r;
        replica_init(&r, 0, ROWS, SIZE);
        assert_int_equal(put(&r, "a", "1"), OK);
        assert_int_equal(put(&r, "b", "1"), OK);
        check_taken(&r, "+a1 +b1");
        mem_fail_at(n);
        enum err e = scenario(&r);
        has_passed = !mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_passed ? OK : ERR_NOMEM);
        assert_int_equal(scenario(&r), OK);
        assert_int_equal(r.count, 3);
        replica_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_state_of_a_row_is_told_once),
        cmocka_unit_test(what_is_as_the_host_has_it_is_not_told),
        cmocka_unit_test(a_snapshot_is_told_as_differences),
        cmocka_unit_test(a_row_that_is_gone_and_in_the_snapshot_is_there_again),
        cmocka_unit_test(two_rows_of_one_key_are_no_snapshot),
        cmocka_unit_test(rows_and_bytes_are_bounded),
        cmocka_unit_test(what_waits_is_bounded_by_the_rows_there_are),
        cmocka_unit_test(a_feed_passes_on_and_keeps_nothing),
        cmocka_unit_test(without_memory_everything_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
