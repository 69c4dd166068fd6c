/* What is accepted must walk to its end, and its strings must survive being written again. */
#include "base/json.h"

#include "base/utf8.h"
#include "fuzz.h"

enum { TEXT_MAX = 1 << 20 };

static void check_string(struct bytes raw)
{
    struct buf text, again, back;
    buf_init(&text, TEXT_MAX);
    buf_init(&again, TEXT_MAX);
    buf_init(&back, TEXT_MAX);
    json_string_decode(&text, raw);
    assert(utf8_is_valid(buf_bytes(&text)));
    assert(json_string_equals(raw, buf_bytes(&text)));
    json_put_string(&again, buf_bytes(&text));
    json_string_decode(&back, buf_bytes(&again));
    assert(bytes_equal(buf_bytes(&back), buf_bytes(&text)));
    buf_done(&text);
    buf_done(&again);
    buf_done(&back);
}

static void check_value(struct json_value v);

static void check_members(struct json_value v)
{
    struct json_iter it = json_iter(v);
    struct bytes key;
    struct json_value member;
    const char *behind = v.raw.data;
    while (json_next(&it, &key, &member)) {
        assert(key.data > behind && member.raw.data >= key.data + key.size);
        behind = member.raw.data + member.raw.size;
        assert(member.raw.size > 0 && behind < v.raw.data + v.raw.size);
        assert((key.size > 0) == (v.type == JSON_OBJECT));
        if (key.size)
            check_string(key);
        check_value(member);
    }
}

static void check_value(struct json_value v)
{
    struct json_value same;
    int64_t n;
    bool b;
    assert(json_parse(v.raw, &same) == OK && same.type == v.type);
    assert(same.raw.data == v.raw.data && same.raw.size == v.raw.size);
    (void)!json_to_i64(v, &n);
    (void)!json_to_bool(v, &b);
    (void)!json_get(v, BYTES("a"), &same);
    if (v.type == JSON_STRING)
        check_string(v.raw);
    check_members(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_value v;
    if (json_parse(fuzz_input(data, size), &v) == OK)
        check_value(v);
    struct buf b;
    buf_init(&b, TEXT_MAX);
    json_put_string(&b, fuzz_input(data, size));
    assert(b.err == OK && json_parse(buf_bytes(&b), &v) == OK && v.type == JSON_STRING);
    buf_done(&b);
    return 0;
}
