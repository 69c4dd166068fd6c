/* The demo bakery. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All entries as one text. */
static struct bytes entries(struct kit *k)
{
    static const char columns[] =
        "id,bread_type_id,quantity,unit_price,discount,returned,shift,created_at";
    return bytes_of(kit_select(k, &k->owner, "sales_logs", columns, NULL, NULL));
}

static void a_week_is_played_and_adds_up(void **state)
{
    struct kit *k = *state;
    assert_int_equal(store_demo(k->writer, k->now_us, 1), OK);
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, NULL, 0, &k->changes), OK);
    assert_true(k->changes.count > 1000);
    assert_int_equal(k->changes.items[0]->commit_us, k->now_us);
    kit_select(k, &k->owner, "bread_types", "name", NULL, NULL);
    assert_int_equal(k->reply.row_count, 8);
    kit_select(k, &k->owner, "production_logs", "quantity", NULL, NULL);
    assert_int_equal(k->reply.row_count, 7 * 2 * 8);
    kit_select(k, &k->owner, "sales_logs", "quantity", NULL, NULL);
    assert_true(k->reply.row_count > 500);
    struct query *q = kit_query(k, VERB_SELECT, "sales_logs");
    kit_want(k, q, "created_at");
    kit_where(k, q, "created_at", OP_GT, "2026-11-22T09:00:00.000004Z");
    kit_run(k, &k->owner, q);
    kit_assert_body(k, "[]"); /* nothing in the future */
    q = kit_query(k, VERB_SELECT, "production_logs");
    kit_want(k, q, "id");
    kit_where(k, q, "recorded_by", OP_EQ, k->rep.user_id);
    kit_run(k, &k->owner, q);
    kit_assert_body(k, "[]"); /* reps do not bake */
    kit_assert_sound(k);
}

static void the_same_seed_gives_the_same_bakery(void **state)
{
    struct kit a, b, c;
    (void)state;
    kit_open_memory(&a);
    kit_open_memory(&b);
    kit_open_memory(&c);
    assert_int_equal(store_demo(a.writer, KIT_T0, 5), OK);
    assert_int_equal(store_demo(b.writer, KIT_T0, 5), OK);
    assert_int_equal(store_demo(c.writer, KIT_T0, 6), OK);
    assert_true(bytes_equal(entries(&a), entries(&b)));
    assert_false(bytes_equal(entries(&a), entries(&c)));
    kit_close(&a);
    kit_close(&b);
    kit_close(&c);
}

static void a_bakery_with_breads_is_left_alone(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    assert_int_equal(store_demo(k->writer, KIT_T0, 1), ERR_EXISTS);
    kit_select(k, &k->owner, "bread_types", "name", NULL, NULL);
    assert_int_equal(k->reply.row_count, 1);
}

static void without_people_nobody_bakes(void **state)
{
    struct store *s;
    struct store_session *session;
    struct buf message;
    const struct store_config cfg = {.is_in_memory = true};
    (void)state;
    buf_init(&message, 4096);
    assert_int_equal(store_open(&cfg, &message, &s), OK);
    assert_int_equal(store_session_open(s, STORE_WRITER, &session), OK);
    assert_int_equal(store_demo(session, KIT_T0, 1), ERR_NOT_FOUND);
    store_session_close(session);
    store_close(s);
    buf_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_week_is_played_and_adds_up),
        cmocka_unit_test(the_same_seed_gives_the_same_bakery),
        KIT_TEST(a_bakery_with_breads_is_left_alone),
        cmocka_unit_test(without_people_nobody_bakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
