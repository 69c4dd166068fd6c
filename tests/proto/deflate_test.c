#define ZLIB_CONST
#include "check.h"

#include <zlib.h>

#include "base/mem.h"
#include "proto/deflate.h"

enum { TEXT_MAX = 300000 };

static void both_directions_agree(const struct bytes text, enum deflate_window window)
{
    struct deflater out;
    struct inflater in;
    struct bytes payload, back;
    deflater_init(&out);
    inflater_init(&in);
    for (int i = 0; i < 2; i++) { /* the second must not need the first */
        assert_int_equal(deflater_run(&out, window, text, &payload), OK);
        assert_true(payload.size < text.size);
        struct bytes boxed = check_boxed(payload);
        assert_int_equal(inflater_run(&in, boxed, text.size, &back), OK);
        assert_true(bytes_equal(back, text));
        check_unbox(boxed);
        inflater_done(&in);
    }
    deflater_done(&out);
}

static void what_is_deflated_inflates_to_the_same(void **state)
{
    struct rng r;
    (void)state;
    char *text = mem_alloc(TEXT_MAX);
    assert_non_null(text);
    rng_init(&r, 7);
    for (size_t size = 60; size < TEXT_MAX; size = size * 3 / 2) {
        for (size_t i = 0; i < size; i++)
            text[i] = (char)('a' + rng_below(&r, 5));
        both_directions_agree((struct bytes){text, size}, DEFLATE_WHOLE);
        both_directions_agree((struct bytes){text, size}, DEFLATE_SMALL);
    }
    mem_free(text);
}

/* Two halves of noise that are the same: only a window that reaches back to the first is of use. */
static void the_small_window_does_not_reach_far_back(void **state)
{
    struct rng r;
    struct deflater z;
    struct bytes payload;
    char text[2048];
    (void)state;
    rng_init(&r, 1);
    check_fill(&r, text, 1024);
    memcpy(text + 1024, text, 1024);
    deflater_init(&z);
    assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, (struct bytes){text, 2048}, &payload), OK);
    assert_true(payload.size < 1200);
    assert_int_equal(deflater_run(&z, DEFLATE_SMALL, (struct bytes){text, 2048}, &payload),
                     ERR_LIMIT);
    deflater_done(&z);
}

static void what_would_not_get_smaller_is_left_alone(void **state)
{
    struct rng r;
    struct deflater z;
    struct bytes payload;
    char noise[5000];
    (void)state;
    rng_init(&r, 3);
    check_fill(&r, noise, sizeof(noise));
    deflater_init(&z);
    for (size_t size = 0; size < sizeof(noise); size += 499)
        assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, (struct bytes){noise, size}, &payload),
                         ERR_LIMIT);
    memset(noise, 'x', 100);
    assert_int_equal(deflater_run(&z, DEFLATE_WHOLE, (struct bytes){noise, 100}, &payload), OK);
    assert_int_equal(z.messages, 1);
    assert_int_equal(z.from_bytes, 100);
    assert_int_equal(z.to_bytes, payload.size);
    deflater_done(&z);
}

static void a_broken_message_does_not_harm_the_next(void **state)
{
    struct inflater z;
    struct bytes text;
    (void)state;
    inflater_init(&z);
    assert_int_equal(inflater_run(&z, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), 5, &text), OK);
    check_text(text, "Hello");
    assert_int_equal(inflater_run(&z, BYTES("\xf2\x48\xcd"), 5, &text), ERR_TYPE);
    assert_int_equal(inflater_run(&z, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), 4, &text), ERR_LIMIT);
    assert_int_equal(inflater_run(&z, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), 5, &text), OK);
    check_text(text, "Hello");
    assert_int_equal(z.messages, 2);
    assert_int_equal(z.from_bytes, 14);
    assert_int_equal(z.to_bytes, 10);
    inflater_done(&z);
}

static void nothing_may_be_allowed(void **state)
{
    struct inflater z;
    struct bytes text;
    (void)state;
    inflater_init(&z);
    assert_int_equal(inflater_run(&z, BYTES("\x00"), 0, &text), OK);
    assert_int_equal(text.size, 0);
    assert_int_equal(inflater_run(&z, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), 0, &text), ERR_LIMIT);
    inflater_done(&z);
}

static void empty_final_blocks_without_end_take_no_room(void **state)
{
    struct inflater z;
    struct bytes text;
    char payload[20000];
    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = i % 2 ? 0 : 3;
    inflater_init(&z);
    assert_int_equal(inflater_run(&z, (struct bytes){payload, sizeof(payload)}, 10, &text), OK);
    assert_int_equal(text.size, 0);
    inflater_done(&z);
}

static void both_survive_a_lack_of_memory(void **state)
{
    char text[500];
    (void)state;
    memset(text, 'x', sizeof(text));
    enum err e = ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        struct deflater out;
        struct inflater in;
        struct bytes payload = {NULL, 0}, back;
        deflater_init(&out);
        inflater_init(&in);
        mem_fail_at(n);
        e = deflater_run(&out, DEFLATE_WHOLE, (struct bytes){text, sizeof(text)}, &payload);
        if (!e)
            e = inflater_run(&in, payload, 1000, &back);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 40);
        deflater_done(&out);
        inflater_done(&in);
    }
}

/* By zlib itself: what a browser does. */
static void check_gunzip(struct bytes packed, struct bytes text)
{
    z_stream s = {.next_in = (const Bytef *)packed.data, .avail_in = (uInt)packed.size};
    char *back = mem_alloc(text.size + 1);
    assert_non_null(back);
    assert_int_equal(inflateInit2(&s, 15 + 16), Z_OK);
    s.next_out = (Bytef *)back;
    s.avail_out = (uInt)text.size + 1;
    assert_int_equal(inflate(&s, Z_FINISH), Z_STREAM_END);
    assert_int_equal(s.avail_in, 0);
    assert_true(bytes_equal((struct bytes){back, text.size + 1 - s.avail_out}, text));
    inflateEnd(&s);
    mem_free(back);
}

static void a_body_is_packed_as_gzip_behind_what_stands_there(void **state)
{
    struct rng r;
    struct gzipper z;
    struct buf out;
    (void)state;
    char *text = mem_alloc(TEXT_MAX);
    assert_non_null(text);
    rng_init(&r, 7);
    gzipper_init(&z);
    buf_init(&out, TEXT_MAX);
    for (size_t size = 100; size < TEXT_MAX; size = size * 3 / 2) {
        for (size_t i = 0; i < size; i++)
            text[i] = (char)('a' + rng_below(&r, 5));
        buf_reset(&out);
        buf_put_literal(&out, "before");
        assert_int_equal(gzipper_run(&z, (struct bytes){text, size}, &out), OK);
        struct bytes all = buf_bytes(&out);
        assert_true(all.size < size + 6 && bytes_starts_with(all, BYTES("before")));
        check_gunzip(bytes_slice(all, 6, all.size), (struct bytes){text, size});
    }
    gzipper_done(&z);
    buf_done(&out);
    mem_free(text);
}

static void a_body_that_would_not_get_smaller_or_does_not_fit_is_left_alone(void **state)
{
    struct rng r;
    struct gzipper z;
    struct buf out;
    char text[5000];
    (void)state;
    rng_init(&r, 3);
    check_fill(&r, text, sizeof(text));
    gzipper_init(&z);
    buf_init(&out, 10000);
    buf_put_literal(&out, "before");
    for (size_t size = 0; size < sizeof(text); size += 499)
        assert_int_equal(gzipper_run(&z, (struct bytes){text, size}, &out), ERR_LIMIT);
    check_text(buf_bytes(&out), "before");
    memset(text, 'x', sizeof(text));
    buf_done(&out);
    buf_init(&out, 100);
    assert_int_equal(gzipper_run(&z, (struct bytes){text, sizeof(text)}, &out), ERR_LIMIT);
    assert_int_equal(out.size, 0);
    gzipper_done(&z);
    buf_done(&out);
}

static void packing_survives_a_lack_of_memory(void **state)
{
    char text[5000];
    enum err e = ERR_NOMEM;
    (void)state;
    memset(text, 'x', sizeof(text));
    for (unsigned n = 1; e; n++) {
        struct gzipper z;
        struct buf out;
        gzipper_init(&z);
        buf_init(&out, sizeof(text));
        mem_fail_at(n);
        e = gzipper_run(&z, (struct bytes){text, sizeof(text)}, &out);
        bool hit = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, hit ? ERR_NOMEM : OK);
        assert_true(n < 40);
        gzipper_done(&z);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_deflated_inflates_to_the_same),
        cmocka_unit_test(the_small_window_does_not_reach_far_back),
        cmocka_unit_test(what_would_not_get_smaller_is_left_alone),
        cmocka_unit_test(a_broken_message_does_not_harm_the_next),
        cmocka_unit_test(nothing_may_be_allowed),
        cmocka_unit_test(empty_final_blocks_without_end_take_no_room),
        cmocka_unit_test(both_survive_a_lack_of_memory),
        cmocka_unit_test(a_body_is_packed_as_gzip_behind_what_stands_there),
        cmocka_unit_test(a_body_that_would_not_get_smaller_or_does_not_fit_is_left_alone),
        cmocka_unit_test(packing_survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
