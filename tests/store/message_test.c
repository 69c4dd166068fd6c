/* Stored broadcasts: what is kept, for how long, and what is given back. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/sqlite.h"

static const struct store_message_limits roomy = {1000, 100, 100000, INT64_C(3600) * 1000000};

static struct store_request adding(struct kit *k, const struct identity *who, const char *topic,
                                   const char *payload)
{
    return (struct store_request){
        .kind = STORE_MESSAGE_ADD,
        .who = *who,
        .now_us = k->now_us,
        .message = {.topic = bytes_of(topic), .event = BYTES("e"), .payload = bytes_of(payload)},
        .message_limits = roomy};
}

static void run(struct kit *k, const struct store_request *r)
{
    struct store_write w = {r, &k->reply};
    changes_truncate(&k->changes, 0);
    assert_int_equal(store_write(k->writer, &w, 1, &k->changes), OK);
}

static void add(struct kit *k, const char *topic, const char *payload)
{
    struct store_request r = adding(k, &k->owner, topic, payload);
    run(k, &r);
    kit_assert_error(k, 0, NULL);
}

/* The payloads of the newest `max` since then, each with a blank behind it. */
static void expect_since(struct kit *k, const char *topic, int64_t since_us, uint32_t max,
                         size_t bytes_max, const char *want)
{
    struct store_request r = {.kind = STORE_MESSAGE_LIST,
                              .who = k->owner,
                              .now_us = k->now_us,
                              .message = {.topic = bytes_of(topic)},
                              .messages_since_us = since_us,
                              .messages_max = max,
                              .messages_bytes_max = bytes_max};
    struct store_message m;
    struct buf text;
    size_t at = 0;
    buf_init(&text, 100000);
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    kit_assert_error(k, 0, NULL);
    while (store_next_message(&k->reply, &at, &m)) {
        assert_true(uuid_is_valid(bytes_of(m.id)));
        buf_put(&text, m.payload);
        buf_put_char(&text, ' ');
    }
    buf_put_char(&text, '\0');
    assert_string_equal(text.data, want);
    buf_done(&text);
}

static void expect(struct kit *k, const char *topic, const char *want)
{
    expect_since(k, topic, 0, 25, 100000, want);
}

static int64_t number(struct kit *k, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(k->writer->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static void messages_come_back_in_their_order_and_topic(void **state)
{
    struct kit *k = *state;
    add(k, "x", "1");
    char first[UUID_SIZE + 1];
    memcpy(first, k->reply.message_id, sizeof(first));
    int64_t first_us = k->reply.message_us;
    assert_int_equal(first_us, k->now_us);
    add(k, "y", "2");
    k->now_us -= 1000000; /* a clock that is put back */
    add(k, "x", "3");
    assert_true(k->reply.message_us > first_us + 1);
    assert_string_not_equal(k->reply.message_id, first);
    assert_int_equal(k->changes.count, 0); /* no change of the feed */
    expect(k, "x", "1 3 ");
    expect(k, "y", "2 ");
    expect(k, "z", "");
    kit_assert_sound(k);
}

static void a_message_is_given_back_as_it_was(void **state)
{
    struct kit *k = *state;
    static const char bytes[] = {'\0', '\xff', 'a', '\0'};
    struct store_request r = adding(k, &k->rep, "x", "{\"a\":\"\xc3\xb6\"}");
    struct store_message m;
    size_t at = 0;
    run(k, &r);
    r.message.payload = (struct bytes){bytes, sizeof(bytes)};
    r.message.is_raw = true;
    r.message.event = BYTES("");
    run(k, &r);
    r.message.payload = BYTES("");
    run(k, &r);
    assert_int_equal(number(k, "SELECT count(*) FROM messages WHERE sender IS NOT NULL"), 3);
    struct store_request list = {.kind = STORE_MESSAGE_LIST,
                                 .who = k->rep,
                                 .now_us = k->now_us,
                                 .message = {.topic = BYTES("x")},
                                 .messages_max = 25,
                                 .messages_bytes_max = 1000};
    assert_int_equal(store_read(k->reader, &list, &k->reply), OK);
    assert_true(store_next_message(&k->reply, &at, &m));
    assert_true(bytes_equal(m.payload, BYTES("{\"a\":\"\xc3\xb6\"}")));
    assert_true(bytes_equal(m.event, BYTES("e")));
    assert_false(m.is_raw);
    assert_true(store_next_message(&k->reply, &at, &m));
    assert_true(bytes_equal(m.payload, (struct bytes){bytes, sizeof(bytes)}));
    assert_int_equal(m.event.size, 0);
    assert_true(m.is_raw);
    assert_true(store_next_message(&k->reply, &at, &m));
    assert_int_equal(m.payload.size, 0);
    assert_true(m.is_raw);
    assert_false(store_next_message(&k->reply, &at, &m));
}

static void the_newest_are_given_that_fit(void **state)
{
    struct kit *k = *state;
    static const char *const payloads[] = {"1", "22", "333", "4444"};
    for (int i = 0; i < 4; i++) {
        add(k, "x", payloads[i]);
        k->now_us++;
    }
    expect_since(k, "x", 0, 3, 1000, "22 333 4444 ");
    expect_since(k, "x", k->now_us - 2, 25, 1000, "333 4444 ");
    expect_since(k, "x", k->now_us + 1, 25, 1000, "");
    expect_since(k, "x", 0, 25, 7, "333 4444 ");
    expect_since(k, "x", 0, 25, 3, "");
}

static void what_is_over_is_not_given_and_then_deleted(void **state)
{
    struct kit *k = *state;
    uint64_t count = 0;
    struct store_request r = adding(k, &k->owner, "x", "short");
    r.message.ttl_us = 10;
    run(k, &r);
    r.message.payload = BYTES("long");
    r.message.ttl_us = roomy.keep_us * 2; /* no longer than messages are kept */
    run(k, &r);
    assert_int_equal(number(k, "SELECT max(expires_at - inserted_at) FROM messages"),
                     roomy.keep_us);
    expect(k, "x", "short long ");
    k->now_us += 10;
    expect(k, "x", "long ");
    assert_int_equal(store_count_expired(k->reader, k->now_us, 10, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_trim_messages(k->writer, k->now_us, 10), OK);
    assert_int_equal(number(k, "SELECT count(*) FROM messages"), 1);
    k->now_us += roomy.keep_us;
    expect(k, "x", "");
    add(k, "x", "new");
    assert_int_equal(store_count_expired(k->reader, k->now_us, 10, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_trim_messages(k->writer, k->now_us, 0), OK);
    assert_int_equal(number(k, "SELECT count(*) FROM messages"), 2);
    assert_int_equal(store_trim_messages(k->writer, k->now_us, 10), OK);
    expect(k, "x", "new ");
    kit_assert_sound(k);
}

static void a_topic_keeps_its_newest(void **state)
{
    struct kit *k = *state;
    static const char *const payloads[] = {"1", "2", "3"};
    add(k, "y", "y");
    for (int i = 0; i < 3; i++) {
        struct store_request r = adding(k, &k->owner, "x", payloads[i]);
        r.message_limits.per_topic_max = 2;
        run(k, &r);
    }
    expect(k, "x", "2 3 ");
    expect(k, "y", "y ");
    kit_assert_sound(k);
}

static void all_together_keep_to_their_bytes(void **state)
{
    struct kit *k = *state;
    char topic[8];
    for (int i = 0; i < 100; i++) {
        snprintf(topic, sizeof(topic), "t%d", i);
        struct store_request r = adding(k, &k->owner, topic, "0123456789");
        r.message_limits.bytes_max = 505;
        run(k, &r);
        kit_assert_error(k, 0, NULL);
        assert_true(number(k, "SELECT sum(length(payload)) FROM messages") <= 505);
    }
    expect(k, "t0", "");
    expect(k, "t99", "0123456789 ");
    kit_assert_sound(k);
}

static void what_is_too_big_is_refused(void **state)
{
    struct kit *k = *state;
    struct store_request r = adding(k, &k->owner, "x", "12345");
    r.message_limits.payload_max = 4;
    run(k, &r);
    kit_assert_error(k, 413, "54000");
    r.message_limits.payload_max = 5;
    r.message_limits.bytes_max = 4;
    run(k, &r);
    kit_assert_error(k, 413, "54000");
    r = adding(k, &k->owner, "", "1");
    run(k, &r);
    kit_assert_error(k, 422, "22023");
    expect(k, "x", "");
}

static void the_policies_are_asked_again(void **state)
{
    struct kit *k = *state;
    struct store_request r = adding(k, &k->rep, "owner:x", "1");
    run(k, &r);
    kit_assert_error(k, 403, "42501");
    r = adding(k, &k->anon, "x", "1");
    run(k, &r);
    kit_assert_error(k, 401, "42501");
    r = adding(k, &k->service, "owner:x", "1");
    run(k, &r);
    kit_assert_error(k, 0, NULL);
    struct store_request list = {.kind = STORE_MESSAGE_LIST,
                                 .who = k->rep,
                                 .message = {.topic = BYTES("owner:x")},
                                 .messages_max = 25,
                                 .messages_bytes_max = 1000};
    assert_int_equal(store_read(k->reader, &list, &k->reply), OK);
    kit_assert_error(k, 403, "42501");
    assert_int_equal(store_person_set_active(k->writer, BYTES("rita@example.org"), false), OK);
    r = adding(k, &k->rep, "x", "1");
    run(k, &r);
    assert_int_equal(k->reply.error.status, 401);
}

static void a_reader_adds_nothing(void **state)
{
    struct kit *k = *state;
    struct store_request r = adding(k, &k->owner, "x", "1");
    assert_int_equal(store_read(k->reader, &r, &k->reply), OK);
    kit_assert_error(k, 405, "25006");
}

static void one_that_fails_takes_only_itself_away(void **state)
{
    struct kit *k = *state;
    struct store_reply other;
    struct store_request good = adding(k, &k->owner, "x", "1"), bad = adding(k, &k->anon, "x", "2");
    store_reply_init(&other, 1000);
    struct store_write writes[] = {{&good, &k->reply}, {&bad, &other}, {&good, &k->reply}};
    assert_int_equal(store_write(k->writer, writes, 3, &k->changes), OK);
    assert_int_equal(other.error.status, 401);
    expect(k, "x", "1 1 ");
    store_reply_done(&other);
}

static void memory_may_end_at_any_point(void **state)
{
    struct kit *k = *state;
    struct store_request r = adding(k, &k->owner, "x", "1");
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct store_write w = {&r, &k->reply};
        mem_fail_at(n);
        enum err e = store_write(k->writer, &w, 1, &k->changes);
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_true(e == OK || has_failed);
        assert_true(k->reply.error.status == 0 || has_failed);
    }
    kit_assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(messages_come_back_in_their_order_and_topic),
        KIT_TEST(a_message_is_given_back_as_it_was),
        KIT_TEST(the_newest_are_given_that_fit),
        KIT_TEST_FOLDER(what_is_over_is_not_given_and_then_deleted),
        KIT_TEST(a_topic_keeps_its_newest),
        KIT_TEST(all_together_keep_to_their_bytes),
        KIT_TEST(what_is_too_big_is_refused),
        KIT_TEST(the_policies_are_asked_again),
        KIT_TEST_FOLDER(a_reader_adds_nothing),
        KIT_TEST(one_that_fails_takes_only_itself_away),
        KIT_TEST(memory_may_end_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
