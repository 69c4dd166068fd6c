#include "server/assets.h"

#include "support.h"

struct fixture {
    struct http_parser *parser;
    struct buf headers;
    struct bytes body;
    int status;
};

static int open_all(void **state)
{
    static struct fixture f;
    assert_int_equal(http_parser_new(16384, 1024, &f.parser), OK);
    buf_init(&f.headers, 65536);
    *state = &f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    http_parser_free(f->parser);
    buf_done(&f->headers);
    return 0;
}

/* `line` is "GET /path"; `fields` are whole header lines. */
static void ask(struct fixture *f, const struct asset_set *set, const char *line,
                const char *fields)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: shop.example:8080\r\n%s\r\n", line, fields);
    struct bytes in = bytes_of(text);
    http_parser_reset(f->parser);
    assert_int_equal(http_parse(f->parser, &in), OK);
    buf_reset(&f->headers);
    f->status = assets_answer(set, http_parser_request(f->parser), &f->headers, &f->body);
    buf_put_char(&f->headers, 0);
    assert_int_equal(f->headers.err, OK);
}

static bool has(const struct fixture *f, const char *line)
{
    return strstr(f->headers.data, line) != NULL;
}

static const char *etag_of(const struct fixture *f)
{
    static char etag[128];
    const char *at = strstr(f->headers.data, "ETag: ");
    assert_non_null(at);
    snprintf(etag, sizeof(etag), "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
    return etag;
}

static void the_entry_page_is_checked_anew_and_strictly_bounded(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "GET /", "");
    assert_int_equal(f->status, 200);
    assert_true(bytes_starts_with(f->body, BYTES("<!doctype html>")));
    assert_true(has(f, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_true(has(f, "Cache-Control: no-cache\r\n"));
    assert_true(has(f, "X-Content-Type-Options: nosniff\r\n"));
    assert_true(has(f, "Referrer-Policy: "));
    assert_true(has(f, "Cross-Origin-Opener-Policy: same-origin\r\n"));
    assert_true(has(
        f, "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "));
    assert_true(has(f, "connect-src 'self' ws://shop.example:8080 wss://shop.example:8080; "));
    assert_true(has(f, "frame-ancestors 'none'\r\n"));
}

static void hashed_files_may_be_kept_for_ever(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "GET /assets/app-12345678.js", "");
    assert_int_equal(f->status, 200);
    assert_true(has(f, "Content-Type: text/javascript; charset=utf-8\r\n"));
    assert_true(has(f, "immutable\r\n"));
}

static void the_best_coding_that_is_accepted_is_sent(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *accept, *coding;
    } cases[] = {
        {"gzip, deflate, br", "br"},    {"gzip", "gzip"},   {"BR;q=0.5", "br"},
        {"br;q=0, gzip", "gzip"},       {"identity", NULL}, {"", NULL},
        {"br;q=0.000, gzip;q=0", NULL}, {"brotli", NULL},   {"gzip;x=1;q=0.001", "gzip"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char field[128], coding[64];
        snprintf(field, sizeof(field), "Accept-Encoding: %s\r\n", cases[i].accept);
        snprintf(coding, sizeof(coding), "Content-Encoding: %s\r\n",
                 cases[i].coding ? cases[i].coding : "");
        ask(f, &assets_fixture, "GET /index.html", field);
        assert_int_equal(has(f, "Content-Encoding: "), cases[i].coding != NULL);
        assert_true(!cases[i].coding || has(f, coding));
        assert_true(has(f, "Vary: Accept-Encoding\r\n"));
    }
}

static void what_does_not_get_smaller_is_sent_as_it_is(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "GET /tiny.txt", "Accept-Encoding: br, gzip\r\n");
    assert_int_equal(f->status, 200);
    assert_true(bytes_equal(f->body, BYTES("x")));
    assert_false(has(f, "Content-Encoding"));
    assert_false(has(f, "Vary"));
    ask(f, &assets_fixture, "GET /logo.png", "Accept-Encoding: br, gzip\r\n");
    assert_true(has(f, "Content-Type: image/png\r\n"));
    assert_false(has(f, "Content-Encoding"));
}

static void a_page_the_browser_has_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    char fields[256];
    ask(f, &assets_fixture, "GET /", "Accept-Encoding: br\r\n");
    snprintf(fields, sizeof(fields), "Accept-Encoding: br\r\nIf-None-Match: \"x\", W/%s\r\n",
             etag_of(f));
    ask(f, &assets_fixture, "GET /", fields);
    assert_int_equal(f->status, 304);
    assert_int_equal(f->body.size, 0);
    assert_true(has(f, "Cache-Control: no-cache\r\n"));
    /* Another form is another representation. */
    snprintf(fields, sizeof(fields), "If-None-Match: %s\r\n", etag_of(f));
    ask(f, &assets_fixture, "GET /", fields);
    assert_int_equal(f->status, 200);
    ask(f, &assets_fixture, "GET /", "If-None-Match: *\r\n");
    assert_int_equal(f->status, 304);
}

static void routes_of_the_pages_get_the_entry_page(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "GET /reports/today", "Accept: text/html,*/*;q=0.8\r\n");
    assert_int_equal(f->status, 200);
    assert_true(bytes_starts_with(f->body, BYTES("<!doctype html>")));
    ask(f, &assets_fixture, "GET /reports", "Accept: application/json\r\n");
    assert_int_equal(f->status, 404);
    ask(f, &assets_fixture, "GET /missing.js", "Accept: text/html\r\n");
    assert_int_equal(f->status, 404);
    ask(f, &assets_fixture, "GET /reports", "Accept: text/html;q=0\r\n");
    assert_int_equal(f->status, 404);
}

static void paths_do_not_lead_out(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "GET /../../../../etc/passwd", "Accept: text/html\r\n");
    assert_int_equal(f->status, 404);
    ask(f, &assets_fixture, "GET /assets/../index.html", "");
    assert_int_equal(f->status, 404);
    ask(f, &assets_fixture, "GET /%69ndex.html", "");
    assert_int_equal(f->status, 404);
}

static void other_methods_are_refused(void **state)
{
    struct fixture *f = *state;
    ask(f, &assets_fixture, "POST /", "Content-Length: 0\r\n");
    assert_int_equal(f->status, 405);
    assert_true(has(f, "Allow: GET, HEAD\r\n"));
}

static void a_strange_host_stays_out_of_the_policy(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a;script-src *\r\n\r\n";
    struct bytes in = bytes_of(text);
    http_parser_reset(f->parser);
    enum err e = http_parse(f->parser, &in);
    if (e) /* the parser may well refuse it first */
        return;
    buf_reset(&f->headers);
    assets_answer(&assets_fixture, http_parser_request(f->parser), &f->headers, &f->body);
    buf_put_char(&f->headers, 0);
    assert_false(has(f, "script-src *"));
    assert_true(has(f, "connect-src 'self';"));
}

static void without_pages_the_program_says_how_to_build_them(void **state)
{
    struct fixture *f = *state;
    const struct asset_set none = {assets_fixture.items, 0};
    ask(f, &none, "GET /", "Accept-Encoding: br, gzip\r\n");
    assert_int_equal(f->status, 200);
    assert_true(bytes_find(f->body, BYTES("npm run build")) < f->body.size);
    assert_false(has(f, "Content-Encoding"));
    ask(f, &none, "GET /index.html", "");
    assert_int_equal(f->status, 404);
}

#define with_all(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_all(the_entry_page_is_checked_anew_and_strictly_bounded),
        with_all(hashed_files_may_be_kept_for_ever),
        with_all(the_best_coding_that_is_accepted_is_sent),
        with_all(what_does_not_get_smaller_is_sent_as_it_is),
        with_all(a_page_the_browser_has_is_not_sent_again),
        with_all(routes_of_the_pages_get_the_entry_page),
        with_all(paths_do_not_lead_out),
        with_all(other_methods_are_refused),
        with_all(a_strange_host_stays_out_of_the_policy),
        with_all(without_pages_the_program_says_how_to_build_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
