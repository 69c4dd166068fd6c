/* A regular expression in the first line, behind a byte that says whether case counts, and a text
 * in the rest.  What is spoken and decided is what PCRE2's matcher that backtracks says, where its
 * limits let it say anything. */
#include "base/regex.h"

#include "base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "fuzz.h"

enum { STEPS_MAX = 10000, PEER_TEXT_MAX = 200 };

static void compare(struct bytes pattern, bool is_nocase, struct bytes text, bool is_match)
{
    uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_UTF | PCRE2_UCP;
    int code;
    size_t at;
    pcre2_code *peer = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size,
                                     options | (is_nocase ? PCRE2_CASELESS : 0), &code, &at, NULL);
    assert(peer);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(limits, STEPS_MAX);
    code = pcre2_match(peer, (PCRE2_SPTR)text.data, text.size, 0, 0, data, limits);
    assert(code < PCRE2_ERROR_PARTIAL || is_match == (code >= 0));
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = fuzz_input(data, size);
    bool is_nocase = in.size > 0 && (in.data[0] & 1), is_match = false;
    size_t end = bytes_find_char(in, '\n');
    struct bytes pattern = bytes_slice(in, 1, end), text = bytes_slice(in, end + 1, in.size);
    struct arena arena;
    struct buf message;
    struct regex *r;
    arena_init(&arena, 1 << 20);
    buf_init(&message, 4096);
    enum err e = regex_new(pattern, is_nocase, &arena, &message, &r);
    assert(!e || message.size > 0);
    if (!e) {
        e = regex_matches(r, text, &is_match);
        assert(!e || e == ERR_LIMIT || (e == ERR_SYNTAX && !utf8_is_valid(text)));
        if (!e && text.size <= PEER_TEXT_MAX)
            compare(pattern, is_nocase, text, is_match);
    }
    buf_done(&message);
    arena_done(&arena);
    return 0;
}
