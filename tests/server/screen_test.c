#include "server/screen.h"

#include <locale.h>
#include <stdio.h>

#include "check.h"

static const struct screen_column columns[] = {{BYTES_INIT("Bread"), false},
                                               {BYTES_INIT("Left"), true}};

static int set_up(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* What is left of a screen without its escape sequences; lines end with \n. */
static void plain(struct bytes drawn, char *out)
{
    for (size_t i = 0; i < drawn.size; i++) {
        if (drawn.data[i] == '\x1b') {
            while (++i < drawn.size &&
                   !(drawn.data[i] >= '@' && drawn.data[i] <= 'z' && drawn.data[i] != '['))
                ;
        } else if (drawn.data[i] != '\r') {
            *out++ = drawn.data[i];
        }
    }
    *out = 0;
}

static void expect(const struct screen *s, int width, int height, const char *want)
{
    const struct screen_size size = {width, height, false};
    struct buf out;
    static char got[1 << 16];
    buf_init(&out, sizeof(got));
    screen_put(&out, s, &size);
    assert_int_equal(out.err, OK);
    plain(buf_bytes(&out), got);
    check_text(bytes_of(got), want);
    buf_done(&out);
}

static struct screen table_of(const struct screen_cell *cells, const bool *fresh, size_t rows)
{
    return (struct screen){.status = {BYTES("Live"), SCREEN_GOOD},
                           .empty = BYTES("nothing"),
                           .hint = BYTES("q"),
                           .table = {columns, 2, cells, fresh, rows}};
}

static const struct screen_cell two[] = {{BYTES_INIT("Rye"), SCREEN_PLAIN},
                                         {BYTES_INIT("12"), SCREEN_PLAIN},
                                         {BYTES_INIT("\xe9\x9d\xa2\xe5\x8c\x85"), SCREEN_PLAIN},
                                         {BYTES_INIT("3"), SCREEN_BAD}};
static const bool none_fresh[2], second_fresh[] = {false, true};

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
    (void)state;
    struct screen s = table_of(two, second_fresh, 2);
    expect(&s, 40, 7,
           "Live\n\n  Bread  Left\n  Rye      12\n* \xe9\x9d\xa2\xe5\x8c\x85      3\n\nq");
    s.table.row_count = 0;
    expect(&s, 40, 4, "Live\n\nnothing\nq");
}

static void what_is_too_wide_is_cut_and_then_left_out(void **state)
{
    (void)state;
    const struct screen_cell cells[] = {{BYTES("A very long name"), SCREEN_PLAIN},
                                        {BYTES("1"), SCREEN_PLAIN}};
    struct screen s = table_of(cells, none_fresh, 1);
    expect(&s, 14, 5, "Live\n\n  Bread   Left\n  A ver\xe2\x80\xa6     1\nq");
    expect(&s, 9, 5, "Live\n\n  Bread  \n  A very\xe2\x80\xa6\nq");
}

static void rows_without_room_are_counted(void **state)
{
    (void)state;
    static struct screen_cell cells[200];
    static bool fresh[100];
    for (size_t i = 0; i < 200; i++)
        cells[i] = (struct screen_cell){BYTES("x"), SCREEN_PLAIN};
    struct screen s = table_of(cells, fresh, 100);
    expect(&s, 30, 6, "Live\n\n  Bread  Left\n  x         x\n  \xe2\x80\xa6 99 more\nq");
    expect(&s, 3, 1, "Li\xe2\x80\xa6");
}

static void nothing_in_a_cell_is_obeyed_by_a_terminal(void **state)
{
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    const struct screen_cell cells[] = {{{bytes, sizeof(bytes)}, SCREEN_PLAIN},
                                        {BYTES("\xc2\x9b"
                                               "2J"),
                                         SCREEN_PLAIN}};
    const struct screen_size size = {400, 6, false};
    struct screen s = table_of(cells, none_fresh, 1);
    struct buf out;
    buf_init(&out, 1 << 16);
    screen_put(&out, &s, &size);
    for (size_t i = 0; i < out.size; i++) {
        unsigned char c = (unsigned char)out.data[i];
        bool is_own = c == '\r' || c == '\n' ||
                      (c == 0x1b && i + 2 < out.size && out.data[i + 1] == '[' &&
                       strchr("HK", out.data[i + 2]));
        assert_true(c >= 0x20 || is_own);
        assert_false(c == 0xc2 && (unsigned char)out.data[i + 1] < 0xa0);
    }
    buf_done(&out);
}

static void no_screen_is_larger_than_the_terminal(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 7);
    for (int round = 0; round < 2000; round++) {
        static char text[20][12];
        struct screen_cell cells[20];
        const bool fresh[10] = {true};
        for (size_t i = 0; i < 20; i++) {
            check_fill(&r, text[i], sizeof(text[i]));
            cells[i] = (struct screen_cell){{text[i], rng_below(&r, sizeof(text[i]))},
                                            (enum screen_style)rng_below(&r, SCREEN_STYLES)};
        }
        const struct screen_size size = {1 + (int)rng_below(&r, 40), 1 + (int)rng_below(&r, 12),
                                         false};
        struct screen s = table_of(cells, fresh, rng_below(&r, 11));
        struct buf out;
        static char got[1 << 16];
        buf_init(&out, sizeof(got));
        screen_put(&out, &s, &size);
        plain(buf_bytes(&out), got);
        struct bytes rest = bytes_of(got), line;
        int lines = 0;
        while (bytes_split(&rest, '\n', &line)) {
            assert_true(screen_width(line) <= size.width);
            lines++;
        }
        assert_true(lines <= size.height);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
        cmocka_unit_test(what_is_too_wide_is_cut_and_then_left_out),
        cmocka_unit_test(rows_without_room_are_counted),
        cmocka_unit_test(nothing_in_a_cell_is_obeyed_by_a_terminal),
        cmocka_unit_test(no_screen_is_larger_than_the_terminal),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
