/* base/json against jansson: over texts made up and then damaged, both must accept the same ones,
 * and what ours reads must be, written again, the same value to jansson. */
#include "base/json.h"

#include "check.h"
#include "json_peer.h"

enum { TEXTS = 20000, TEXT_MAX = 1 << 16 };

/* --- making texts up --- */

static void put_random_string(struct buf *b, struct rng *r)
{
    static const char *const pieces[] = {
        "a",        "bread",
        "\\n",      "\\\\",
        "\\\"",     "\\u0041",
        "\\u20a6",  "\\ud83c\\udf5e",
        "\xc3\xa9", "\xf0\x9f\x8d\x9e",
        "/",        "\\/",
        "\\u0000",  "{",
        "]",        " ",
        ",",        "exactly8",
        "\x7f",
    };
    buf_put_char(b, '"');
    for (uint64_t k = rng_below(r, 5); k-- > 0;)
        buf_put(b, bytes_of(pieces[rng_below(r, CHECK_COUNT(pieces))]));
    buf_put_char(b, '"');
}

static void put_random_space(struct buf *b, struct rng *r)
{
    static const char spaces[] = " \t\r\n";
    while (rng_below(r, 4) == 0)
        buf_put_char(b, spaces[rng_below(r, 4)]);
}

static void put_random_plain(struct buf *b, struct rng *r)
{
    static const char *const plain[] = {"null", "true", "false", "0",     "-0",   "12",
                                        "-7",   "1.5",  "1e5",   "-2E-3", "0.10", "3e+2"};
    if (rng_below(r, 3) == 0)
        put_random_string(b, r);
    else
        buf_put(b, bytes_of(plain[rng_below(r, CHECK_COUNT(plain))]));
}

static void put_random_value(struct buf *b, struct rng *r, unsigned depth)
{
    put_random_space(b, r);
    uint64_t kind = rng_below(r, depth < 5 ? 3 : 1);
    if (kind == 0) {
        put_random_plain(b, r);
    } else {
        buf_put_char(b, kind == 1 ? '[' : '{');
        uint64_t count = rng_below(r, 4);
        for (uint64_t i = 0; i < count; i++) {
            if (i > 0)
                buf_put_char(b, ',');
            put_random_space(b, r);
            if (kind == 2) {
                put_random_string(b, r);
                put_random_space(b, r);
                buf_put_char(b, ':');
            }
            put_random_value(b, r, depth + 1);
        }
        buf_put_char(b, kind == 1 ? ']' : '}');
    }
    put_random_space(b, r);
}

static void damage(struct buf *b, struct rng *r)
{
    static const char spice[] = "{}[]\",:\\utn0-1e. \n\x80\xc3\x01x";
    for (uint64_t k = rng_below(r, 3); k-- > 0 && b->size > 0;)
        b->data[rng_below(r, b->size)] = spice[rng_below(r, sizeof(spice) - 1)];
    if (rng_below(r, 8) == 0)
        b->size = rng_below(r, b->size + 1);
}

/* --- writing again what was read --- */

static void rewrite(struct buf *out, struct json_value v);

static void rewrite_string(struct buf *out, struct bytes raw)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    json_string_decode(&text, raw);
    assert_true(json_string_equals(raw, buf_bytes(&text)));
    json_put_string(out, buf_bytes(&text));
    buf_done(&text);
}

/* Of members with one name only the one that json_get finds. */
static void rewrite_member(struct buf *out, struct json_value object, struct bytes key,
                           struct json_value v)
{
    struct buf name;
    struct json_value found;
    buf_init(&name, TEXT_MAX);
    json_string_decode(&name, key);
    assert_int_equal(json_get(object, buf_bytes(&name), &found), OK);
    if (found.raw.data == v.raw.data) {
        json_put_key(out, buf_bytes(&name));
        rewrite(out, v);
    }
    buf_done(&name);
}

static void rewrite_members(struct buf *out, struct json_value v)
{
    struct json_iter it = json_iter(v);
    struct bytes key;
    struct json_value member;
    buf_put_char(out, v.type == JSON_OBJECT ? '{' : '[');
    for (size_t i = 0; json_next(&it, &key, &member); i++) {
        if (v.type == JSON_OBJECT) {
            rewrite_member(out, v, key, member);
            continue;
        }
        if (i > 0)
            buf_put_char(out, ',');
        rewrite(out, member);
    }
    buf_put_char(out, v.type == JSON_OBJECT ? '}' : ']');
}

static void rewrite(struct buf *out, struct json_value v)
{
    if (v.type == JSON_OBJECT || v.type == JSON_ARRAY)
        rewrite_members(out, v);
    else if (v.type == JSON_STRING)
        rewrite_string(out, v.raw);
    else
        buf_put(out, v.raw);
}

/* Returns whether both accept it. */
static bool compare(struct bytes text)
{
    struct json_value v;
    enum peer_answer want = peer_read(text);
    struct bytes boxed = check_boxed(text);
    enum err e = json_parse(boxed, &v);
    if (want != PEER_OUT_OF_SCOPE && (e == OK) != (want == PEER_ACCEPTED))
        fail_msg("ours: %s: %.*s", err_text(e), (int)text.size, text.data);
    if (e == OK && want == PEER_ACCEPTED) {
        struct buf again;
        buf_init(&again, TEXT_MAX);
        rewrite(&again, v);
        assert_int_equal(again.err, OK);
        if (!peer_is_equal(text, buf_bytes(&again)))
            fail_msg("%.*s became %.*s", (int)text.size, text.data, (int)again.size, again.data);
        buf_done(&again);
    }
    check_unbox(boxed);
    return e == OK && want == PEER_ACCEPTED;
}

static void whole_texts_are_read_as_jansson_reads_them(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 1);
    for (int i = 0; i < TEXTS / 4; i++) {
        struct buf b;
        buf_init(&b, TEXT_MAX);
        put_random_value(&b, &r, 0);
        enum peer_answer want = peer_read(buf_bytes(&b));
        assert_true(compare(buf_bytes(&b)) || want == PEER_OUT_OF_SCOPE);
        buf_done(&b);
    }
}

static void damaged_texts_are_refused_where_jansson_refuses_them(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 2);
    size_t accepted = 0;
    for (int i = 0; i < TEXTS; i++) {
        struct buf b;
        buf_init(&b, TEXT_MAX);
        put_random_value(&b, &r, 0);
        damage(&b, &r);
        accepted += compare(buf_bytes(&b));
        buf_done(&b);
    }
    assert_in_range(accepted, TEXTS / 10, TEXTS * 9 / 10);
}

static void short_texts_are_all_judged_alike(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:\\u0-1e.n \x80\xc3\x01";
    enum { LETTERS = sizeof(alphabet) - 1 };
    for (size_t n = 0; n < (size_t)LETTERS * LETTERS * LETTERS * LETTERS; n++) {
        char text[4];
        size_t rest = n;
        for (size_t i = 0; i < sizeof(text); i++, rest /= LETTERS)
            text[i] = alphabet[rest % LETTERS];
        compare((struct bytes){text, sizeof(text)});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts_are_read_as_jansson_reads_them),
        cmocka_unit_test(damaged_texts_are_refused_where_jansson_refuses_them),
        cmocka_unit_test(short_texts_are_all_judged_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
