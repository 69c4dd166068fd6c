/* The log in the database: replay and trimming. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

enum { HOUR_S = 3600 };

static const int64_t second = 1000000;

static size_t replay(struct kit *k, uint64_t from, size_t max, enum err expected)
{
    struct changes l;
    changes_init(&l);
    assert_int_equal(store_changes_since(k->reader, from, max, &l), expected);
    for (size_t i = 0; i < l.count; i++)
        assert_int_equal(l.items[i]->seq, from + i);
    size_t n = l.count;
    changes_done(&l);
    return n;
}

static void changes_are_replayed_from_anywhere(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    for (int i = 0; i < 10; i++)
        kit_sale(k, &k->rep, 1);
    uint64_t head = k->reply.seq; /* 4 people, 2 of the bread, 30 */
    assert_int_equal(head, 36);
    assert_int_equal(replay(k, 1, 1000, OK), 36);
    assert_int_equal(replay(k, 7, 1000, OK), 30);
    assert_int_equal(replay(k, 7, 5, OK), 5);
    assert_int_equal(replay(k, head, 5, OK), 1);
    assert_int_equal(replay(k, head + 1, 5, OK), 0);
    assert_int_equal(replay(k, UINT64_MAX, 5, OK), 0);
    assert_int_equal(replay(k, 0, 5, ERR_NOT_FOUND), 0); /* there is no change 0 */
}

/* How many there are; the first of them, and the tail, are as expected. */
static size_t page(struct kit *k, uint64_t from, size_t max, size_t bytes_max, uint64_t first,
                   uint64_t expected_tail)
{
    struct changes l;
    uint64_t tail = 0;
    changes_init(&l);
    assert_int_equal(store_changes_page(k->reader, from, max, bytes_max, &l, &tail), OK);
    assert_int_equal(tail, expected_tail);
    for (size_t i = 0; i < l.count; i++)
        assert_int_equal(l.items[i]->seq, first + i);
    size_t n = l.count;
    changes_done(&l);
    return n;
}

static void a_page_holds_what_the_log_still_has_of_it(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    for (int i = 0; i < 10; i++)
        kit_sale(k, &k->rep, 1);
    uint64_t head = k->reply.seq;
    assert_int_equal(page(k, 1, 1000, SIZE_MAX, 1, 1), head);
    assert_int_equal(page(k, 8, 8, SIZE_MAX, 8, 1), 8);
    assert_int_equal(page(k, 0, 8, SIZE_MAX, 1, 1), 7);
    assert_int_equal(page(k, head + 1, 0, 0, 0, 1), 0);
    assert_int_equal(page(k, UINT64_MAX, 8, SIZE_MAX, 0, 1), 0);
    assert_int_equal(store_trim_log(k->writer, k->now_us, INT64_MAX, head - 10, 1000), OK);
    assert_int_equal(page(k, 8, 8, SIZE_MAX, 11, 11), 5);
    assert_int_equal(page(k, 2, 8, SIZE_MAX, 0, 11), 0);
    assert_int_equal(page(k, 2, 9, SIZE_MAX, 0, 11), 0);
    assert_int_equal(page(k, 2, 10, SIZE_MAX, 11, 11), 1);
}

static void a_page_of_big_rows_is_short(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    assert_int_equal(page(k, 1, 100, 1, 1, 1), 1);
    assert_true(page(k, 1, 100, 1000, 1, 1) < 6);
    assert_int_equal(page(k, 1, 100, 0, 1, 1), 0);
}

static void the_log_is_trimmed_by_count_but_never_its_newest(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    for (int i = 0; i < 10; i++)
        kit_sale(k, &k->rep, 1);
    uint64_t head = k->reply.seq;
    assert_int_equal(store_trim_log(k->writer, k->now_us, INT64_MAX, 10, 4), OK);
    replay(k, 4, 100, ERR_NOT_FOUND);
    assert_int_equal(replay(k, 5, 100, OK), head - 4); /* four at a time */
    assert_int_equal(store_trim_log(k->writer, k->now_us, INT64_MAX, 10, 1000), OK);
    assert_int_equal(replay(k, head - 9, 100, OK), 10);
    replay(k, head - 10, 100, ERR_NOT_FOUND);
    assert_int_equal(store_trim_log(k->writer, k->now_us, 0, 0, 1000), OK);
    assert_int_equal(replay(k, head, 100, OK), 1);
    kit_sale(k, &k->rep, 1);
    assert_int_equal(k->changes.items[0]->seq, head + 1);
    kit_assert_sound(k);
}

static void the_log_is_trimmed_by_age(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    k->now_us += HOUR_S * second;
    kit_sale(k, &k->rep, 1);
    uint64_t head = k->reply.seq;
    assert_int_equal(store_trim_log(k->writer, k->now_us, HOUR_S / 2 * second, 1000, 1000), OK);
    assert_int_equal(replay(k, head - 2, 100, OK), 3);
    replay(k, head - 3, 100, ERR_NOT_FOUND);
    assert_int_equal(store_trim_log(k->writer, INT64_MIN, INT64_MAX, 1000, 1000), OK);
}

static void the_staff_is_listed_with_its_seq(void **state)
{
    struct kit *k = *state;
    struct buf out;
    uint64_t seq = 0;
    buf_init(&out, 1 << 16);
    assert_int_equal(store_staff(k->reader, &out, &seq), OK);
    assert_int_equal(seq, 4);
    struct json_value all, row, id;
    struct bytes key;
    int rows = 0;
    assert_int_equal(json_parse(buf_bytes(&out), &all), OK);
    struct json_iter it = json_iter(all);
    while (json_next(&it, &key, &row)) {
        assert_int_equal(json_get(row, BYTES("is_active"), &id), OK);
        assert_int_equal(json_get(row, BYTES("id"), &id), OK);
        rows += json_string_equals(id.raw, bytes_of(k->owner.user_id)) ? 10 : 1;
    }
    assert_int_equal(rows, 13);
    buf_done(&out);
}

static void a_probe_leaves_everything_as_it_was(void **state)
{
    struct kit *k = *state;
    uint64_t before, after;
    assert_int_equal(store_head(k->writer, &before), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(store_probe(k->writer), OK);
    assert_int_equal(store_head(k->writer, &after), OK);
    assert_int_equal(after, before);
}

static void a_checkpoint_by_a_reader_moves_the_log_along(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    for (int i = 0; i < 50; i++) {
        kit_sale(k, &k->rep, 1);
        if (i % 10 == 0)
            assert_int_equal(store_checkpoint(k->reader), OK);
    }
    kit_assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(changes_are_replayed_from_anywhere),
        KIT_TEST(a_page_holds_what_the_log_still_has_of_it),
        KIT_TEST(a_page_of_big_rows_is_short),
        KIT_TEST(the_log_is_trimmed_by_count_but_never_its_newest),
        KIT_TEST(the_log_is_trimmed_by_age),
        KIT_TEST(the_staff_is_listed_with_its_seq),
        KIT_TEST(a_probe_leaves_everything_as_it_was),
        KIT_TEST_FOLDER(a_checkpoint_by_a_reader_moves_the_log_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
