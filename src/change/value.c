/* The column adaptor.  Casts are PostgreSQL's input functions (uuidin, int4in, numeric_in, boolin,
 * …), over the forms in which values are stored here: see enum value_kind in the header. */
#include "change/value.h"

#include "base/time.h"
#include "base/utf8.h"

enum { UUID_TEXT_SIZE = 36, UUID_DIGITS = 32, DATE_SIZE = 10, EXPONENT_MAX = 1000000 };

#define MAGNITUDE_MAX ((uint64_t)INT64_MAX + 1)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes trim(struct bytes b)
{
    while (b.size && is_space(b.data[0]))
        b = bytes_slice(b, 1, b.size);
    while (b.size && is_space(b.data[b.size - 1]))
        b.size--;
    return b;
}

static struct value value_int(int64_t n)
{
    return (struct value){.kind = VALUE_INT, .number = n};
}

static struct value value_text(struct bytes text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}

/* ---- whole numbers ---- */

static enum err int_from_text(struct bytes text, int64_t min, int64_t max, struct value *out)
{
    struct bytes t = trim(text);
    bool is_negative = t.size && t.data[0] == '-';
    if (is_negative || (t.size && t.data[0] == '+'))
        t = bytes_slice(t, 1, t.size);
    if (t.size == 0)
        return ERR_TYPE;
    uint64_t limit = is_negative ? (uint64_t) - (min + 1) + 1 : (uint64_t)max, n = 0;
    bool is_over = false;
    for (size_t i = 0; i < t.size; i++) {
        if (!is_digit(t.data[i]))
            return ERR_TYPE;
        uint64_t digit = (uint64_t)(t.data[i] - '0');
        is_over = is_over || n > (limit - digit) / 10;
        n = is_over ? n : n * 10 + digit;
    }
    if (is_over)
        return ERR_RANGE;
    *out = value_int(is_negative ? (int64_t)(0 - n) : (int64_t)n);
    return OK;
}

/* ---- exact decimals ---- */

/* The digits of a decimal without sign, dot and leading zeros; the value is 0.d1d2d3… × 10^point.
 */
struct decimal {
    bool is_negative;
    const char *at, *end; /* digits, with at most one dot among them */
    int64_t point;
};

static const char *scan_digits(const char *at, const char *end, size_t *count)
{
    while (at < end && is_digit(*at)) {
        at++;
        (*count)++;
    }
    return at;
}

/* e[+-]digits; far exponents are cut to ±EXPONENT_MAX, which no number survives. */
static enum err scan_exponent(const char *at, const char *end, int64_t *out)
{
    *out = 0;
    if (at == end)
        return OK;
    if (*at != 'e' && *at != 'E')
        return ERR_TYPE;
    at++;
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return ERR_TYPE;
    int64_t n = 0;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return ERR_TYPE;
        if (n < EXPONENT_MAX)
            n = n * 10 + (*at - '0');
    }
    *out = is_negative ? -n : n;
    return OK;
}

static enum err scan_decimal(struct bytes text, struct decimal *d)
{
    struct bytes t = trim(text);
    const char *at = t.data, *end = t.data + t.size;
    *d = (struct decimal){.is_negative = at < end && *at == '-'};
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    size_t whole = 0, fraction = 0;
    d->at = at;
    at = scan_digits(at, end, &whole);
    if (at < end && *at == '.')
        at = scan_digits(at + 1, end, &fraction);
    d->end = at;
    int64_t exponent;
    if (whole + fraction == 0 || scan_exponent(at, end, &exponent))
        return ERR_TYPE;
    d->point = (int64_t)whole + exponent;
    for (; d->at < d->end && (*d->at == '0' || *d->at == '.'); d->at++)
        d->point -= *d->at == '0';
    return OK;
}

/* The next digit, or -1 behind the last. */
static int next_digit(struct decimal *d)
{
    if (d->at < d->end && *d->at == '.')
        d->at++;
    return d->at < d->end ? *d->at++ - '0' : -1;
}

/* The digits before 10^-scale as a whole number up to 2^63; what is left in `d` is the rest. */
static enum err take_whole(struct decimal *d, int64_t places, uint64_t *out)
{
    uint64_t n = 0;
    for (int64_t i = 0; i < places; i++) {
        int digit = next_digit(d);
        uint64_t add = digit > 0 ? (uint64_t)digit : 0;
        if (n > (MAGNITUDE_MAX - add) / 10)
            return ERR_RANGE;
        n = n * 10 + add;
    }
    *out = n;
    return OK;
}

static bool has_rest(struct decimal d)
{
    for (int digit; (digit = next_digit(&d)) >= 0;)
        if (digit > 0)
            return true;
    return false;
}

/* |value| × 10^scale as its whole part, and what is below it. */
struct scaled {
    bool is_negative;
    uint64_t whole;
    bool has_more, is_half; /* below: anything; a half at least */
};

static enum err scan_scaled(struct bytes text, uint8_t scale, struct scaled *out)
{
    struct decimal d;
    enum err e = scan_decimal(text, &d);
    if (e)
        return e;
    *out = (struct scaled){.is_negative = d.is_negative};
    if (d.at == d.end)
        return OK; /* zero, whatever its exponent */
    int64_t places = d.point + scale;
    e = take_whole(&d, places, &out->whole);
    if (e)
        return e;
    out->has_more = has_rest(d);
    out->is_half = places >= 0 && next_digit(&d) >= 5;
    return OK;
}

static enum err signed_value(bool is_negative, uint64_t magnitude, struct value *out)
{
    if (magnitude > (uint64_t)INT64_MAX + is_negative)
        return ERR_RANGE;
    *out = value_int(is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
    return OK;
}

static bool is_over_precision(uint64_t n, uint8_t precision)
{
    if (precision == 0)
        return false;
    for (uint8_t i = 0; i < precision; i++)
        n /= 10;
    return n > 0;
}

/* Of a query: exact, or between two storable neighbours. */
static enum err numeric_between(const struct column *c, struct bytes text, struct value *out)
{
    struct scaled n;
    enum err e = scan_scaled(text, c->scale, &n);
    if (!e)
        e = signed_value(n.is_negative, n.whole + (n.is_negative && n.has_more), out);
    if (!e)
        out->is_between = n.has_more;
    return e;
}

/* To be stored: rounded half away from zero, and within the declared precision. */
static enum err numeric_rounded(const struct column *c, struct bytes text, struct value *out)
{
    struct scaled n;
    enum err e = scan_scaled(text, c->scale, &n);
    if (e)
        return e;
    uint64_t rounded = n.whole + n.is_half;
    return is_over_precision(rounded, c->precision) ? ERR_RANGE
                                                    : signed_value(n.is_negative, rounded, out);
}

static void put_decimal(struct buf *out, int64_t n, uint8_t scale)
{
    uint64_t unit = 1, size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    for (uint8_t i = 0; i < scale; i++)
        unit *= 10;
    if (n < 0)
        buf_put_char(out, '-');
    buf_put_u64(out, size / unit);
    if (scale == 0)
        return;
    buf_put_char(out, '.');
    buf_put_u64_padded(out, size % unit, scale);
}

/* ---- the other types ---- */

/* PostgreSQL takes every beginning that can be only one of the words. */
static bool is_word(struct bytes t, struct bytes word, size_t size_min)
{
    return t.size >= size_min && t.size <= word.size &&
           bytes_equal_nocase(t, bytes_slice(word, 0, t.size));
}

static enum err bool_from_text(struct bytes text, struct value *out)
{
    struct bytes t = trim(text);
    bool yes = is_word(t, BYTES("true"), 1) || is_word(t, BYTES("yes"), 1) ||
               is_word(t, BYTES("on"), 2) || bytes_equal(t, BYTES("1"));
    bool no = is_word(t, BYTES("false"), 1) || is_word(t, BYTES("no"), 1) ||
              is_word(t, BYTES("off"), 2) || bytes_equal(t, BYTES("0"));
    if (!yes && !no)
        return ERR_TYPE;
    *out = value_int(yes);
    return OK;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* 32 hex digits, a hyphen allowed behind every fourth, braces round all of it. */
static enum err scan_uuid(struct bytes text, char out[UUID_TEXT_SIZE])
{
    if (text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}')
        text = bytes_slice(text, 1, text.size - 1);
    size_t at = 0, to = 0;
    for (int digits = 0; digits < UUID_DIGITS; digits++) {
        if (digits == 8 || digits == 12 || digits == 16 || digits == 20)
            out[to++] = '-';
        if (digits && digits % 4 == 0 && at < text.size && text.data[at] == '-')
            at++;
        int n = at < text.size ? hex_digit(text.data[at++]) : -1;
        if (n < 0)
            return ERR_TYPE;
        out[to++] = "0123456789abcdef"[n];
    }
    return at == text.size ? OK : ERR_TYPE;
}

static enum err uuid_from_text(struct bytes text, struct arena *scratch, struct value *out)
{
    char canonical[UUID_TEXT_SIZE];
    enum err e = scan_uuid(text, canonical);
    if (e)
        return e;
    struct bytes id = {canonical, UUID_TEXT_SIZE};
    if (bytes_equal(id, text)) {
        *out = value_text(text);
        return OK;
    }
    struct bytes copy = arena_copy(scratch, id);
    if (!copy.data)
        return ERR_NOMEM;
    *out = value_text(copy);
    return OK;
}

static enum err timestamp_from_text(struct bytes text, struct value *out)
{
    int64_t us;
    enum err e = time_parse_timestamptz(trim(text), &us);
    if (e)
        return e == ERR_RANGE ? ERR_RANGE : ERR_TYPE;
    *out = value_int(us);
    return OK;
}

/* A time is taken too: its date, as it stands there. */
static enum err date_from_text(struct bytes text, struct value *out)
{
    struct bytes t = trim(text);
    int64_t days, us;
    if (t.size > DATE_SIZE && time_parse_timestamptz(t, &us) == OK)
        t = bytes_slice(t, 0, DATE_SIZE);
    enum err e = time_parse_date(t, &days);
    if (e)
        return e == ERR_RANGE ? ERR_RANGE : ERR_TYPE;
    *out = value_text(t);
    return OK;
}

/* Does JSON text say \u0000 anywhere?  PostgreSQL's text cannot hold it (22P05). */
static bool has_escaped_nul(struct bytes raw)
{
    static const struct bytes zeros = BYTES_INIT("\\u0000");
    for (size_t i = bytes_find_char(raw, '\\'); i + zeros.size <= raw.size;) {
        if (raw.data[i] != '\\')
            i++;
        else if (memcmp(raw.data + i, zeros.data, zeros.size) == 0)
            return true;
        else
            i += 2;
    }
    return false;
}

static enum err jsonb_from_text(struct bytes text, struct value *out)
{
    struct json_value v;
    enum err e = json_parse(text, &v);
    if (e)
        return e == ERR_LIMIT ? e : ERR_TYPE;
    if (has_escaped_nul(v.raw))
        return ERR_SYNTAX;
    *out = value_text(v.raw);
    return OK;
}

static enum err text_from_text(struct bytes text, struct value *out)
{
    if (bytes_find_char(text, '\0') < text.size || !utf8_is_valid(text))
        return ERR_SYNTAX;
    *out = value_text(text);
    return OK;
}

/* All types whose casts do not depend on where the text stands; numeric and text do. */
static enum err from_text(const struct column *c, struct bytes text, struct arena *scratch,
                          struct value *out)
{
    switch (c->type) {
    case TYPE_UUID:
        return uuid_from_text(text, scratch, out);
    case TYPE_INT4:
        return int_from_text(text, INT32_MIN, INT32_MAX, out);
    case TYPE_INT8:
        return int_from_text(text, INT64_MIN, INT64_MAX, out);
    case TYPE_BOOL:
        return bool_from_text(text, out);
    case TYPE_TIMESTAMPTZ:
        return timestamp_from_text(text, out);
    case TYPE_DATE:
        return date_from_text(text, out);
    case TYPE_JSONB:
        return jsonb_from_text(text, out);
    case TYPE_TEXT:
    case TYPE_NUMERIC:
        break;
    }
    return ERR_TYPE;
}

enum err value_from_text(const struct column *c, struct bytes text, struct arena *scratch,
                         struct value *out)
{
    if (c->type == TYPE_TEXT)
        return text_from_text(text, out);
    if (c->type == TYPE_NUMERIC)
        return numeric_between(c, text, out);
    return from_text(c, text, scratch, out);
}

/* ---- JSON ---- */

static enum err decode_string(struct bytes raw, struct arena *scratch, struct bytes *out)
{
    struct bytes inner = bytes_slice(raw, 1, raw.size - 1);
    if (bytes_find_char(inner, '\\') == inner.size) {
        *out = inner;
        return OK;
    }
    if (has_escaped_nul(inner))
        return ERR_SYNTAX;
    struct buf text;
    buf_init(&text, raw.size);
    json_string_decode(&text, raw);
    struct bytes copy = {NULL, 0};
    if (!text.err)
        copy = arena_copy(scratch, buf_bytes(&text));
    buf_done(&text);
    if (!copy.data)
        return ERR_NOMEM;
    *out = copy;
    return OK;
}

static enum err jsonb_from_json(struct bytes raw, struct value *out)
{
    if (has_escaped_nul(raw))
        return ERR_SYNTAX;
    *out = value_text(raw);
    return OK;
}

enum err value_from_json(const struct column *c, struct json_value v, struct arena *scratch,
                         struct value *out)
{
    if (v.type == JSON_NULL) {
        *out = (struct value){.kind = VALUE_NULL};
        return OK;
    }
    if (c->type == TYPE_JSONB)
        return jsonb_from_json(v.raw, out);
    struct bytes text = v.raw;
    enum err e = v.type == JSON_STRING ? decode_string(v.raw, scratch, &text) : OK;
    if (e)
        return e;
    if (c->type == TYPE_NUMERIC)
        return numeric_rounded(c, text, out);
    if (c->type != TYPE_TEXT)
        return from_text(c, text, scratch, out);
    /* A string was valid UTF-8 already; objects and arrays keep their escapes as text. */
    *out = value_text(text);
    return OK;
}

static void put_int(struct buf *out, const struct column *c, int64_t n)
{
    if (c->type == TYPE_BOOL)
        buf_put(out, n ? BYTES("true") : BYTES("false"));
    else if (c->type == TYPE_NUMERIC)
        put_decimal(out, n, c->scale);
    else if (c->type == TYPE_TIMESTAMPTZ)
        time_put_timestamptz(out, n);
    else
        buf_put_i64(out, n);
}

void value_put_json(struct buf *out, const struct column *c, struct value v)
{
    bool is_quoted = c->type == TYPE_TIMESTAMPTZ;
    if (v.kind == VALUE_NULL) {
        buf_put_literal(out, "null");
    } else if (v.kind == VALUE_INT) {
        if (is_quoted)
            buf_put_char(out, '"');
        put_int(out, c, v.number);
        if (is_quoted)
            buf_put_char(out, '"');
    } else if (c->type == TYPE_JSONB) {
        buf_put(out, v.text);
    } else {
        json_put_string(out, v.text);
    }
}

void value_put_text(struct buf *out, const struct column *c, struct value v)
{
    if (v.kind == VALUE_INT)
        put_int(out, c, v.number);
    else if (v.kind == VALUE_TEXT)
        buf_put(out, v.text);
}

static int compare_numbers(struct value a, struct value b)
{
    if (a.number != b.number)
        return a.number < b.number ? -1 : 1;
    /* number < the true value of a between < number + 1 */
    if (b.is_between)
        return -1;
    return a.is_between ? 1 : 0;
}

int value_compare(struct value a, struct value b)
{
    return a.kind == VALUE_INT ? compare_numbers(a, b) : bytes_compare(a.text, b.text);
}

/* ---- messages ---- */

static struct bytes message_name(enum column_type t)
{
    switch (t) {
    case TYPE_INT4:
        return BYTES("integer");
    case TYPE_INT8:
        return BYTES("bigint");
    case TYPE_BOOL:
        return BYTES("boolean");
    case TYPE_TIMESTAMPTZ:
        return BYTES("timestamp with time zone");
    case TYPE_JSONB:
        return BYTES("json");
    case TYPE_UUID:
    case TYPE_TEXT:
    case TYPE_NUMERIC:
    case TYPE_DATE:
        break;
    }
    return column_type_name(t);
}

static void put_quoted(struct buf *out, struct bytes text)
{
    buf_put_char(out, '"');
    buf_put(out, text);
    buf_put_char(out, '"');
}

static void put_range_error(struct buf *out, const struct column *c, struct bytes text)
{
    if (c->type == TYPE_NUMERIC) {
        buf_put_literal(out, "numeric field overflow");
    } else if (c->type == TYPE_INT4 || c->type == TYPE_INT8) {
        buf_put_literal(out, "value ");
        put_quoted(out, text);
        buf_put_literal(out, " is out of range for type ");
        buf_put(out, message_name(c->type));
    } else {
        buf_put_literal(out, "date/time field value out of range: ");
        put_quoted(out, text);
    }
}

/* Is it the range that is wrong?  Only types that need no memory for their casts have one. */
static bool is_out_of_range(const struct column *c, struct bytes text)
{
    struct value v;
    if (c->type == TYPE_UUID || c->type == TYPE_TEXT || c->type == TYPE_JSONB)
        return false;
    if (c->type == TYPE_NUMERIC)
        return numeric_rounded(c, text, &v) == ERR_RANGE;
    return from_text(c, text, NULL, &v) == ERR_RANGE;
}

void value_put_cast_error(struct buf *out, const struct column *c, struct bytes text)
{
    if (is_out_of_range(c, text)) {
        put_range_error(out, c, text);
        return;
    }
    buf_put_literal(out, "invalid input syntax for type ");
    buf_put(out, message_name(c->type));
    if (c->type == TYPE_JSONB)
        return;
    buf_put_literal(out, ": ");
    put_quoted(out, text);
}
