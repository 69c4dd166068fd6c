#include "hub/letter.h"

#include "check.h"

#include "base/mem.h"

static void a_letter_has_texts_of_its_own(void **state)
{
    (void)state;
    char texts[] = "realtime:xeventpayload12";
    struct letter *l, from = {.conn = {3, 4},
                              .broadcast = {.topic = {texts, 10},
                                            .event = {texts + 10, 5},
                                            .payload = {texts + 15, 7},
                                            .form = BROADCAST_RAW},
                              .ref = {texts + 22, 1},
                              .join_ref = {texts + 23, 1},
                              .ttl_us = 7,
                              .wants_ack = true};
    assert_int_equal(letter_new(&from, &l), OK);
    memset(texts, '-', sizeof(texts));
    check_text(l->broadcast.topic, "realtime:x");
    check_text(letter_topic(l), "x");
    check_text(l->broadcast.event, "event");
    check_text(l->broadcast.payload, "payload");
    check_text(l->ref, "1");
    check_text(l->join_ref, "2");
    assert_int_equal(l->conn.generation, 4);
    assert_int_equal(l->size, 24);
    assert_true(l->wants_ack);
    letter_free(l);
}

static void what_is_not_there_stays_so(void **state)
{
    (void)state;
    struct letter *l, from = {.broadcast = {.topic = BYTES("realtime:")}};
    assert_int_equal(letter_new(&from, &l), OK);
    assert_null(l->ref.data);
    assert_null(l->join_ref.data);
    assert_int_equal(letter_topic(l).size, 0);
    letter_free(l);
    letter_free(NULL);
}

static void a_wish_has_its_topic(void **state)
{
    (void)state;
    char topic[] = "realtime:a b";
    struct wish *w, from = {.topic = {topic, 12}, .number = 9, .since_us = 5};
    assert_int_equal(wish_new(&from, &w), OK);
    memset(topic, '-', sizeof(topic));
    check_text(w->topic, "realtime:a b");
    check_text(wish_topic(w), "a b");
    assert_int_equal(w->number, 9);
    wish_free(w);
    wish_free(NULL);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    struct letter *l, letter = {.broadcast = {.topic = BYTES("realtime:x")}};
    struct wish *w, wish = {.topic = BYTES("realtime:x")};
    mem_fail_at(1);
    enum err first = letter_new(&letter, &l), second = wish_new(&wish, &w);
    mem_fail_at(0);
    assert_int_equal(first, ERR_NOMEM);
    assert_int_equal(second, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_has_texts_of_its_own),
        cmocka_unit_test(what_is_not_there_stays_so),
        cmocka_unit_test(a_wish_has_its_topic),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
