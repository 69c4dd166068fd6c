#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/sha1.h"

static void assert_digest(struct bytes in, const char *hex)
{
    uint8_t digest[SHA1_SIZE];
    char text[2 * SHA1_SIZE + 1] = {0};
    sha1(in, digest);
    for (size_t i = 0; i < SHA1_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    assert_string_equal(text, hex);
}

/* The examples that NIST publishes with FIPS 180, and the empty message. */
static void published_examples_give_their_digests(void **state)
{
    (void)state;
    assert_digest((struct bytes){NULL, 0}, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_digest(BYTES("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest(BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_digest(BYTES("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                        "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
                  "a49b2446a02c645bf419f995b67091253a04a259");
}

static void a_million_letters_give_their_digest(void **state)
{
    (void)state;
    size_t size = 1000000;
    char *text = mem_alloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    assert_digest((struct bytes){text, size}, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    mem_free(text);
}

/* 55 bytes are the most that leave room for the length in one block. */
static void sizes_around_a_block_are_padded_right(void **state)
{
    (void)state;
    char text[64];
    memset(text, 'a', sizeof(text));
    assert_digest((struct bytes){text, 55}, "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    assert_digest((struct bytes){text, 56}, "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    assert_digest((struct bytes){text, 63}, "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
    assert_digest((struct bytes){text, 64}, "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples_give_their_digests),
        cmocka_unit_test(a_million_letters_give_their_digest),
        cmocka_unit_test(sizes_around_a_block_are_padded_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
