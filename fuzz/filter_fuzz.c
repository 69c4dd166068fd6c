/* A filter, and behind the first newline a row.  Whatever is refused has a sentence; whatever is
 * taken gives the same answer twice, and is refused by an absent row unless it is no filter at all.
 */
#include "hub/filter.h"

#include "fuzz.h"

static struct column columns[] = {
    {.name = BYTES_INIT("i"), .type = TYPE_INT4},
    {.name = BYTES_INIT("t"), .type = TYPE_TEXT},
    {.name = BYTES_INIT("b"), .type = TYPE_BOOL},
    {.name = BYTES_INIT("u"), .type = TYPE_UUID},
    {.name = BYTES_INIT("z"), .type = TYPE_TIMESTAMPTZ},
    {.name = BYTES_INIT("n"), .type = TYPE_NUMERIC, .scale = 2},
    {.name = BYTES_INIT("d"), .type = TYPE_DATE},
    {.name = BYTES_INIT("j"), .type = TYPE_JSONB},
};

static const struct table table = {.name = BYTES_INIT("t"),
                                   .columns = columns,
                                   .column_count = sizeof(columns) / sizeof(columns[0])};

static void try_row(const struct filter *f, struct bytes row, struct arena *scratch)
{
    struct json_value v;
    if (json_parse(row, &v) || v.type != JSON_OBJECT)
        return;
    bool is_in = false, is_in_again = false;
    enum err e = filter_matches(f, v.raw, scratch, &is_in);
    assert(filter_matches(f, v.raw, scratch, &is_in_again) == e && is_in_again == is_in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = fuzz_input(data, size);
    size_t end = bytes_find_char(in, '\n');
    struct arena arena, scratch;
    struct buf message;
    struct filter f;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    buf_init(&message, 4096);
    enum err e = filter_parse(&table, bytes_slice(in, 0, end), &arena, &message, &f);
    assert(!e || e == ERR_NOMEM || message.size > 0);
    if (!e) {
        bool is_match = false;
        assert(!filter_matches(&f, (struct bytes){NULL, 0}, &scratch, &is_match));
        assert(is_match == (f.count == 0));
        try_row(&f, bytes_slice(in, end + 1, in.size), &scratch);
    }
    buf_done(&message);
    arena_done(&arena);
    arena_done(&scratch);
    return 0;
}
