#include "check.h"

#include "base/mem.h"
#include "hub/frame.h"
#include "proto/ws.h"

static void frame_holds_head_and_body_in_one_block(void **state)
{
    struct frame *f;
    (void)state;
    assert_int_equal(frame_new(BYTES("ab"), BYTES("cde"), 2, &f), OK);
    check_text(((struct bytes){f->data, f->size}), "abcde");
    assert_int_equal(f->message_count, 2);
    frame_unref(f);
}

static void frame_lives_until_its_last_reference(void **state)
{
    struct frame *f;
    (void)state;
    assert_int_equal(frame_new(BYTES("x"), BYTES(""), 1, &f), OK);
    assert_ptr_equal(frame_ref(f), f);
    frame_unref(f);
    check_text(((struct bytes){f->data, f->size}), "x");
    frame_unref(f);
    frame_unref(NULL);
}

static void frame_without_memory_is_an_error(void **state)
{
    struct frame *f;
    (void)state;
    mem_fail_at(1);
    enum err e = frame_new(BYTES("x"), BYTES(""), 1, &f);
    mem_fail_at(0);
    assert_int_equal(e, ERR_NOMEM);
}

/* Three messages: of 2,000, 10 and 2,000 bytes, the last of which is noise. */
static struct frame *mixed_frame(void)
{
    struct buf wire;
    struct frame *f;
    struct rng r;
    char text[2000];
    buf_init(&wire, 10000);
    memset(text, 'x', sizeof(text));
    ws_put_frame(&wire, WS_TEXT, (struct bytes){text, sizeof(text)});
    ws_put_frame(&wire, WS_TEXT, (struct bytes){text, 10});
    rng_init(&r, 1);
    check_fill(&r, text, sizeof(text));
    ws_put_frame(&wire, WS_BINARY, (struct bytes){text, sizeof(text)});
    assert_int_equal(wire.err, OK);
    assert_int_equal(frame_new(buf_bytes(&wire), BYTES(""), 3, &f), OK);
    buf_done(&wire);
    return f;
}

static void only_messages_that_get_smaller_are_compressed(void **state)
{
    struct deflater z;
    struct inflater back;
    struct bytes text;
    (void)state;
    struct frame *f = mixed_frame();
    deflater_init(&z);
    inflater_init(&back);
    struct frame *twin = frame_deflated(f, DEFLATE_WHOLE, &z, 1000);
    assert_ptr_not_equal(twin, f);
    assert_int_equal(twin->message_count, 3);
    assert_int_equal((uint8_t)twin->data[0], 0xc1);
    size_t size = (size_t)twin->data[1], first = 4 + 2000, rest = f->size - first;
    assert_int_equal(inflater_run(&back, (struct bytes){twin->data + 2, size}, 2000, &text), OK);
    assert_true(bytes_equal(text, (struct bytes){f->data + 4, 2000}));
    assert_int_equal(twin->size, 2 + size + rest);
    assert_memory_equal(twin->data + 2 + size, f->data + first, rest);
    inflater_done(&back);
    deflater_done(&z);
    frame_unref(f);
}

static void a_frame_is_compressed_once_for_each_window(void **state)
{
    struct deflater z;
    (void)state;
    struct frame *f = mixed_frame();
    deflater_init(&z);
    struct frame *whole = frame_deflated(f, DEFLATE_WHOLE, &z, 1000);
    struct frame *small = frame_deflated(f, DEFLATE_SMALL, &z, 1000);
    assert_ptr_not_equal(whole, small);
    assert_ptr_equal(frame_deflated(f, DEFLATE_WHOLE, &z, 1000), whole);
    assert_ptr_equal(frame_deflated(f, DEFLATE_SMALL, &z, 1000), small);
    assert_int_equal(z.messages, 2);
    deflater_done(&z);
    frame_unref(f);
}

static void a_compressed_frame_outlives_the_one_it_was_made_of(void **state)
{
    struct deflater z;
    (void)state;
    struct frame *f = mixed_frame();
    deflater_init(&z);
    struct frame *twin = frame_ref(frame_deflated(f, DEFLATE_WHOLE, &z, 1000));
    deflater_done(&z);
    frame_unref(f);
    assert_int_equal((uint8_t)twin->data[0], 0xc1);
    assert_int_equal(twin->refs, 1);
    frame_unref(twin);
}

static void a_frame_stays_as_it_is_where_nothing_is_to_be_won(void **state)
{
    struct deflater z;
    struct buf wire;
    struct frame *f;
    char text[200];
    (void)state;
    deflater_init(&z);
    buf_init(&wire, 10000);
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 20; i++)
        ws_put_frame(&wire, WS_TEXT, (struct bytes){text, sizeof(text)});
    assert_int_equal(frame_new(buf_bytes(&wire), BYTES(""), 20, &f), OK);
    assert_ptr_equal(frame_deflated(f, DEFLATE_WHOLE, &z, 201), f);
    assert_ptr_equal(frame_deflated(f, DEFLATE_WHOLE, &z, 1), f); /* asked once, decided once */
    assert_ptr_equal(frame_deflated(f, DEFLATE_SMALL, &z, f->size + 1), f);
    assert_ptr_not_equal(frame_deflated(f, DEFLATE_SMALL, &z, 200), f);
    buf_done(&wire);
    deflater_done(&z);
    frame_unref(f);
}

static void control_frames_are_never_compressed(void **state)
{
    struct deflater z;
    struct buf wire;
    struct frame *f;
    char text[125];
    (void)state;
    deflater_init(&z);
    buf_init(&wire, 1000);
    memset(text, 'x', sizeof(text));
    ws_put_frame(&wire, WS_PONG, (struct bytes){text, sizeof(text)});
    assert_int_equal(frame_new(buf_bytes(&wire), BYTES(""), 1, &f), OK);
    assert_ptr_equal(frame_deflated(f, DEFLATE_WHOLE, &z, 1), f);
    buf_done(&wire);
    deflater_done(&z);
    frame_unref(f);
}

static void without_memory_the_frame_goes_as_it_is(void **state)
{
    (void)state;
    bool is_whole = false;
    for (uint64_t n = 1; !is_whole; n++) {
        struct deflater z;
        struct frame *f = mixed_frame();
        deflater_init(&z);
        mem_fail_at(n);
        struct frame *twin = frame_deflated(f, DEFLATE_WHOLE, &z, 1000);
        is_whole = !mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(twin->message_count, 3);
        assert_true(twin == f || twin->size < f->size);
        assert_true(!is_whole || twin != f);
        assert_true(n < 40);
        deflater_done(&z);
        frame_unref(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_holds_head_and_body_in_one_block),
        cmocka_unit_test(frame_lives_until_its_last_reference),
        cmocka_unit_test(frame_without_memory_is_an_error),
        cmocka_unit_test(only_messages_that_get_smaller_are_compressed),
        cmocka_unit_test(a_frame_is_compressed_once_for_each_window),
        cmocka_unit_test(a_compressed_frame_outlives_the_one_it_was_made_of),
        cmocka_unit_test(a_frame_stays_as_it_is_where_nothing_is_to_be_won),
        cmocka_unit_test(control_frames_are_never_compressed),
        cmocka_unit_test(without_memory_the_frame_goes_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
