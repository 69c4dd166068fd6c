#include "server/screen.h"

#include <stdio.h>
#include <wchar.h>

#include "base/utf8.h"

enum { COLUMNS_MAX = 24, WIDTH_MIN = 4, WIDTH_MAX = 40, GAP = 2, MARK = 2 };

/* ECMA-48, 8.3.117 (SGR): each begins anew. */
static const char *const styles[SCREEN_STYLES] = {
    [SCREEN_PLAIN] = "\x1b[0m",   [SCREEN_DIM] = "\x1b[0;2m",   [SCREEN_STRONG] = "\x1b[0;1m",
    [SCREEN_GOOD] = "\x1b[0;32m", [SCREEN_WARN] = "\x1b[0;33m", [SCREEN_BAD] = "\x1b[0;1;31m"};

struct pen {
    struct buf *out;
    const struct screen_size *size;
    int left; /* of this line */
    int lines;
    enum screen_style style;
};

/* ---- text ---- */

struct glyph {
    struct bytes text;
    int width;
};

static uint32_t code_of(struct bytes b)
{
    static const unsigned char head[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)b.data[0] & head[b.size];
    for (size_t i = 1; i < b.size; i++)
        code = code << 6 | ((unsigned char)b.data[i] & 0x3f);
    return code;
}

/* The first of the text, and how much of it that was. */
static struct glyph first_glyph(struct bytes text, size_t *taken)
{
    size_t size = utf8_first_size(text);
    *taken = size ? size : 1;
    if (size == 0)
        return (struct glyph){BYTES("\xef\xbf\xbd"), 1};
    uint32_t code = code_of(bytes_slice(text, 0, size));
    int width = wcwidth((wchar_t)code);
    if (width < 0 || code == 0) /* a control character, or one that nobody can draw */
        return (struct glyph){BYTES("?"), 1};
    return (struct glyph){bytes_slice(text, 0, size), width};
}

int screen_width(struct bytes text)
{
    int width = 0;
    for (size_t taken; text.size > 0; text = bytes_slice(text, taken, text.size))
        width += first_glyph(text, &taken).width;
    return width;
}

static void put_style(struct pen *p, enum screen_style style)
{
    if (!p->size->has_colours || p->style == style)
        return;
    p->style = style;
    buf_put(p->out, bytes_of(styles[style]));
}

static void put_spaces(struct pen *p, int count)
{
    for (; count > 0 && p->left > 0; count--, p->left--)
        buf_put_char(p->out, ' ');
}

/* At most `max` columns of it; what is cut ends with an ellipsis.  Returns how many it took. */
static int put_text(struct pen *p, struct bytes text, int max)
{
    int width = screen_width(text), used = 0;
    max = max < p->left ? max : p->left;
    bool is_cut = width > max;
    int room = is_cut ? max - 1 : max;
    for (size_t taken; text.size > 0; text = bytes_slice(text, taken, text.size)) {
        struct glyph g = first_glyph(text, &taken);
        if (used + g.width > room)
            break;
        buf_put(p->out, g.text);
        used += g.width;
    }
    if (is_cut && max > 0) {
        buf_put_literal(p->out, "…");
        used++;
    }
    p->left -= used;
    return used;
}

static void end_line(struct pen *p)
{
    put_style(p, SCREEN_PLAIN);
    buf_put_literal(p->out, "\x1b[K");
    p->lines++;
    p->left = p->size->width;
    if (p->lines < p->size->height)
        buf_put_literal(p->out, "\r\n");
}

static void put_line(struct pen *p, struct bytes text, enum screen_style style)
{
    put_style(p, style);
    put_text(p, text, p->left);
    end_line(p);
}

/* ---- the table ---- */

static int total(const int *widths, size_t count)
{
    int sum = MARK;
    for (size_t i = 0; i < count; i++)
        sum += widths[i] + (i > 0 ? GAP : 0);
    return sum;
}

static size_t widest(const int *widths, size_t count)
{
    size_t found = 0;
    for (size_t i = 1; i < count; i++)
        if (widths[i] > widths[found])
            found = i;
    return found;
}

static int natural(const struct screen_table *t, size_t column)
{
    int width = screen_width(t->columns[column].title);
    for (size_t row = 0; row < t->row_count; row++) {
        int cell = screen_width(t->cells[row * t->column_count + column].text);
        width = cell > width ? cell : width;
    }
    return width < WIDTH_MAX ? width : WIDTH_MAX;
}

/* How many columns are shown, and how wide each is. */
static size_t fit(const struct screen_table *t, int width, int widths[COLUMNS_MAX])
{
    size_t count = t->column_count < COLUMNS_MAX ? t->column_count : COLUMNS_MAX;
    while (count > 1 && MARK + (int)count * (WIDTH_MIN + GAP) - GAP > width)
        count--;
    for (size_t i = 0; i < count; i++)
        widths[i] = natural(t, i);
    while (total(widths, count) > width && widths[widest(widths, count)] > WIDTH_MIN)
        widths[widest(widths, count)]--;
    return count;
}

static void put_cell(struct pen *p, struct bytes text, int width, bool is_right)
{
    int own = screen_width(text), spare = width - (own < width ? own : width);
    put_spaces(p, is_right ? spare : 0);
    int used = put_text(p, text, width);
    put_spaces(p, width - used - (is_right ? spare : 0));
}

static void put_head(struct pen *p, const struct screen_table *t, const int *widths, size_t count)
{
    put_style(p, SCREEN_STRONG);
    put_spaces(p, MARK);
    for (size_t i = 0; i < count; i++) {
        put_spaces(p, i > 0 ? GAP : 0);
        put_cell(p, t->columns[i].title, widths[i], t->columns[i].is_right);
    }
    end_line(p);
}

static void put_row(struct pen *p, const struct screen_table *t, size_t row, const int *widths,
                    size_t count)
{
    bool is_fresh = t->is_fresh[row];
    put_style(p, is_fresh ? SCREEN_GOOD : SCREEN_PLAIN);
    put_spaces(p, is_fresh ? 0 : MARK);
    if (is_fresh)
        put_text(p, BYTES("* "), MARK);
    for (size_t i = 0; i < count; i++) {
        const struct screen_cell *cell = &t->cells[row * t->column_count + i];
        put_spaces(p, i > 0 ? GAP : 0);
        put_style(p, is_fresh && cell->style == SCREEN_PLAIN ? SCREEN_STRONG : cell->style);
        put_cell(p, cell->text, widths[i], t->columns[i].is_right);
    }
    end_line(p);
}

static void put_rest(struct pen *p, size_t count)
{
    char text[64];
    snprintf(text, sizeof(text), "  … %zu more", count);
    put_line(p, bytes_of(text), SCREEN_DIM);
}

/* On so many lines. */
static void put_table(struct pen *p, const struct screen_table *t, size_t lines)
{
    int widths[COLUMNS_MAX] = {0};
    size_t count = fit(t, p->size->width, widths);
    if (lines < 2)
        return;
    put_head(p, t, widths, count);
    lines--;
    size_t shown = t->row_count <= lines ? t->row_count : lines - 1;
    for (size_t row = 0; row < shown; row++)
        put_row(p, t, row, widths, count);
    if (shown < t->row_count)
        put_rest(p, t->row_count - shown);
}

/* ---- all of it ---- */

void screen_put(struct buf *out, const struct screen *s, const struct screen_size *size)
{
    struct pen p = {.out = out, .size = size, .left = size->width, .style = SCREEN_STYLES};
    buf_put_literal(out, "\x1b[H");
    put_line(&p, s->status.text, s->status.style);
    if (size->height > 3)
        end_line(&p);
    int below = size->height > 2 ? 1 : 0;
    if (s->table.row_count > 0)
        put_table(&p, &s->table, (size_t)(size->height - p.lines - below));
    else if (p.lines + below < size->height)
        put_line(&p, s->empty, SCREEN_DIM);
    while (p.lines < size->height - below)
        end_line(&p);
    if (below)
        put_line(&p, s->hint, SCREEN_DIM);
}
