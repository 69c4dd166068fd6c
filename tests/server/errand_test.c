#include "server/errand.h"

#include "base/mem.h"
#include "check.h"

static void an_errand_goes_out_with_room_for_its_answer(void **state)
{
    (void)state;
    struct mailbox *home = (struct mailbox *)&home;
    struct errand *e = errand_new(home, 3);
    assert_ptr_equal(e->home, home);
    assert_null(e->letter);
    buf_put_literal(&e->reply.body, "abc");
    assert_int_equal(e->reply.body.err, OK);
    buf_put_literal(&e->reply.body, "d");
    assert_int_equal(e->reply.body.err, ERR_LIMIT);
    errand_free(e);
    errand_free(NULL);
}

static void what_was_kept_is_what_was_asked(void **state)
{
    (void)state;
    char texts[] = "roomeventpayload";
    struct store_request r = {.message = {.topic = {texts, 4},
                                          .event = {texts + 4, 5},
                                          .payload = {texts + 9, 7},
                                          .is_raw = true}};
    struct store_reply reply = {.message_id = "00000000-0000-7000-8000-000000000001",
                                .message_us = 77};
    struct stored_mail *m = stored_mail_new(&r, &reply);
    memset(texts, '-', sizeof(texts));
    check_text(m->stored.broadcast.topic, "realtime:room");
    check_text(m->stored.broadcast.event, "event");
    check_text(m->stored.broadcast.payload, "payload");
    assert_int_equal(m->stored.broadcast.form, BROADCAST_RAW);
    assert_true(m->stored.broadcast.is_private);
    assert_int_equal(m->stored.number, 77);
    assert_string_equal(m->stored.id, reply.message_id);
    assert_null(m->stored.letter);
    stored_mail_free(m);
    r.message = (struct store_message){.topic = BYTES("x")};
    m = stored_mail_new(&r, &reply);
    check_text(m->stored.broadcast.topic, "realtime:x");
    assert_int_equal(m->stored.broadcast.payload.size, 0);
    assert_int_equal(m->stored.broadcast.form, BROADCAST_JSON);
    stored_mail_free(m);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    struct store_request r = {.message = {.topic = BYTES("x")}};
    struct store_reply reply = {.message_us = 1};
    mem_fail_at(1);
    struct errand *e = errand_new(NULL, 1);
    struct stored_mail *m = stored_mail_new(&r, &reply);
    mem_fail_at(0);
    assert_null(e);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errand_goes_out_with_room_for_its_answer),
        cmocka_unit_test(what_was_kept_is_what_was_asked),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
