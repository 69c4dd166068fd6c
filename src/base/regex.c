/* PCRE2 has two matchers.  The one that backtracks may take exponential time; its limits count only
 * some of its steps, and begin anew at each character of the text.  The other keeps all ways of
 * reading on at once and goes through the text once.  Ours is the other: the pattern is wrapped as
 * `.*?(?:…)` and anchored, so that one call is one walk, and the room for ways (the workspace) is
 * the bound.  It never takes memory or calls itself as long as nothing looks around or back, which
 * is seen to here before PCRE2 reads a pattern. */
#include "base/regex.h"

#include "base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    /* As pcre2_dfa_match lays it out: two lists of ways, three numbers each, behind two numbers. */
    WORKSPACE_SIZE = 2 + REGEX_STATES_MAX * 2 * 3,
    NEST_MAX = 32,
    /* None of the three is ever needed: they make sure of it. */
    CALLS_MAX = 4,
    DEPTH_MAX = 4,
    HEAP_MAX_KB = 64,
    REASON_MAX = 128
};

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

/* ---- what is spoken ---- */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The size of what is escaped, or 0. */
static size_t escape_size(struct bytes rest)
{
    static const struct bytes classes = BYTES_INIT("dDsSwWtnrfA");
    if (rest.size < 2 || (unsigned char)rest.data[1] >= 0x80)
        return 0;
    char c = rest.data[1];
    return !is_letter_or_digit(c) || bytes_find_char(classes, c) < classes.size ? 2 : 0;
}

/* The size of a name like [:alpha:], or 0 when it is none. */
static size_t name_size(struct bytes rest)
{
    size_t i = 2;
    while (i < rest.size && is_letter_or_digit(rest.data[i]))
        i++;
    bool is_name = rest.data[1] == ':' && i > 2;
    return is_name && bytes_starts_with(bytes_slice(rest, i, rest.size), BYTES(":]")) ? i + 2 : 0;
}

/* The size of what stands in a class at the start of `rest`, or 0 when it is not spoken. */
static size_t member_size(struct bytes rest)
{
    static const struct bytes openings = BYTES_INIT(":.=");
    if (rest.data[0] == '\\')
        return escape_size(rest);
    if (rest.data[0] == '[' && rest.size > 1 &&
        bytes_find_char(openings, rest.data[1]) < openings.size)
        return name_size(rest);
    return 1;
}

/* The size of a class with its brackets, or 0 when it does not end or escapes something else. */
static size_t class_size(struct bytes b)
{
    size_t i = 1;
    if (i < b.size && b.data[i] == '^')
        i++;
    if (i < b.size && b.data[i] == ']') /* it is one of the class when it comes first */
        i++;
    while (i < b.size && b.data[i] != ']') {
        size_t size = member_size(bytes_slice(b, i, b.size));
        if (size == 0)
            return 0;
        i += size;
    }
    return i < b.size ? i + 1 : 0;
}

/* The size of what opens a group, or 0. */
static size_t group_size(struct bytes rest)
{
    if (bytes_starts_with(rest, BYTES("(?:")))
        return 3;
    return rest.size > 1 && (rest.data[1] == '?' || rest.data[1] == '*') ? 0 : 1;
}

/* The size of the element at the start of `rest`, or 0 when it is not spoken.  `before` is the first
 * byte of the element before: `a++` is no error to PCRE2, which then never gives back what it took. */
static size_t element_size(struct bytes rest, char before)
{
    static const struct bytes amounts = BYTES_INIT("*+?}");
    switch (rest.data[0]) {
    case '\\':
        return escape_size(rest);
    case '[':
        return class_size(rest);
    case '(':
        return group_size(rest);
    case '+':
        return bytes_find_char(amounts, before) == amounts.size;
    default:
        return utf8_first_size(rest);
    }
}

static enum err fault(struct buf *message, enum err e, struct bytes reason)
{
    buf_put_literal(message, "invalid regular expression: ");
    buf_put(message, reason);
    return e;
}

/* The parentheses must be even by themselves, as the pattern is put between two of ours. */
static enum err check(struct bytes pattern, struct buf *message)
{
    size_t depth = 0, size;
    char before = '(';
    if (pattern.size > REGEX_PATTERN_MAX)
        return fault(message, ERR_LIMIT, BYTES("it is longer than 200 bytes"));
    /* Before `x+` is said as `xx*`, which may make characters of what is none. */
    if (!utf8_is_valid(pattern))
        return fault(message, ERR_SYNTAX, BYTES("it is not UTF-8"));
    for (size_t i = 0; i < pattern.size; i += size) {
        struct bytes rest = bytes_slice(pattern, i, pattern.size);
        size = element_size(rest, before);
        if (size == 0) {
            fault(message, ERR_UNSUPPORTED, BYTES("this is not spoken: "));
            buf_put(message, rest);
            return ERR_UNSUPPORTED;
        }
        before = pattern.data[i];
        if (pattern.data[i] == ')' && depth == 0)
            return fault(message, ERR_SYNTAX, BYTES("parentheses () not balanced"));
        depth += pattern.data[i] == '(';
        depth -= pattern.data[i] == ')';
    }
    return depth ? fault(message, ERR_SYNTAX, BYTES("parentheses () not balanced")) : OK;
}

/* ---- compiling ---- */

static void *take(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}

static void give(void *block, void *arena)
{
    (void)block, (void)arena;
}

static enum err fault_of(int code, struct buf *message)
{
    PCRE2_UCHAR reason[REASON_MAX];
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return ERR_NOMEM;
    int size = pcre2_get_error_message(code, reason, sizeof(reason));
    struct bytes text = {(const char *)reason, size > 0 ? (size_t)size : 0};
    return fault(message, ERR_SYNTAX, text);
}

static enum err compile(struct bytes wrapped, bool is_nocase, pcre2_general_context *memory,
                        struct buf *message, pcre2_code **out)
{
    uint32_t options = PCRE2_ANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_UTF |
                       PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE;
    size_t at, size = 0;
    int code;
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    if (!context)
        return ERR_NOMEM;
    pcre2_set_parens_nest_limit(context, NEST_MAX);
    *out = pcre2_compile((PCRE2_SPTR)wrapped.data, wrapped.size,
                         options | (is_nocase ? PCRE2_CASELESS : 0), &code, &at, context);
    if (!*out)
        return fault_of(code, message);
    if (pcre2_pattern_info(*out, PCRE2_INFO_SIZE, &size) || size > REGEX_CODE_MAX)
        return fault(message, ERR_LIMIT, BYTES("it is too big"));
    return OK;
}

/* `x+` becomes `xx*`: the matcher counts the turns of a plus, and takes each count for another way.
 * Groups it does not count. */
static size_t put_element(char *out, struct bytes pattern, size_t at, size_t size, bool *is_twice)
{
    size_t end = at + size;
    bool is_group = pattern.data[at] == '(' || pattern.data[at] == ')' || pattern.data[at] == '|';
    memcpy(out, pattern.data + at, size);
    *is_twice = !is_group && end < pattern.size && pattern.data[end] == '+';
    if (!*is_twice)
        return size;
    memcpy(out + size, pattern.data + at, size);
    out[2 * size] = '*';
    return 2 * size + 1;
}

/* `pattern` has been checked. */
static struct bytes wrap(struct bytes pattern, struct arena *arena)
{
    static const struct bytes before = BYTES_INIT(".*?(?:");
    char *text = arena_alloc(arena, before.size + 2 * pattern.size + 1);
    size_t to = before.size;
    if (!text)
        return (struct bytes){NULL, 0};
    memcpy(text, before.data, before.size);
    for (size_t at = 0, size; at < pattern.size; at += size) {
        bool is_twice;
        size = element_size(bytes_slice(pattern, at, pattern.size), '(');
        to += put_element(text + to, pattern, at, size, &is_twice);
        size += is_twice; /* the plus is said */
    }
    text[to++] = ')';
    return (struct bytes){text, to};
}

enum err regex_new(struct bytes pattern, bool is_nocase, struct arena *arena, struct buf *message,
                   struct regex **out)
{
    enum err e = check(pattern, message);
    if (e)
        return e;
    struct regex *r = arena_zalloc(arena, sizeof(*r));
    struct bytes wrapped = wrap(pattern, arena);
    pcre2_general_context *memory = pcre2_general_context_create(take, give, arena);
    if (!r || !wrapped.data || !memory)
        return ERR_NOMEM;
    e = compile(wrapped, is_nocase, memory, message, &r->code);
    if (e)
        return e;
    r->data = pcre2_match_data_create(1, memory);
    r->limits = pcre2_match_context_create(memory);
    if (!r->data || !r->limits)
        return ERR_NOMEM;
    pcre2_set_match_limit(r->limits, CALLS_MAX);
    pcre2_set_depth_limit(r->limits, DEPTH_MAX);
    pcre2_set_heap_limit(r->limits, HEAP_MAX_KB);
    *out = r;
    return OK;
}

/* ---- matching ---- */

static bool is_not_utf8(int code)
{
    return code <= PCRE2_ERROR_UTF8_ERR1 && code >= PCRE2_ERROR_UTF8_ERR21;
}

enum err regex_matches(struct regex *r, struct bytes text, bool *out)
{
    int workspace[WORKSPACE_SIZE];
    if (text.size > REGEX_TEXT_MAX)
        return ERR_LIMIT;
    int code = pcre2_dfa_match(r->code, (PCRE2_SPTR)(text.size ? text.data : ""), text.size, 0,
                               PCRE2_DFA_SHORTEST, r->data, r->limits, workspace, WORKSPACE_SIZE);
    if (code == PCRE2_ERROR_NOMEMORY)
        return ERR_NOMEM;
    if (is_not_utf8(code))
        return ERR_SYNTAX;
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return ERR_LIMIT;
    *out = code >= 0;
    return OK;
}
