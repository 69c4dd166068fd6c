#include "server/assets.h"

#include <stdlib.h>

enum { HOST_MAX = 255 };

static const char missing_pages[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>HomeBake</title>"
    "<h1>HomeBake is running</h1>"
    "<p>This program was built without its pages. To build them, run <code>npm ci</code> and "
    "<code>npm run build</code> in the folder <code>web/</code>, then <code>meson setup "
    "--reconfigure</code> "
    "and <code>ninja</code>; or simply <code>./run</code>, which does all of that.</p>"
    "<p>The programming interfaces under <code>/rest/v1</code>, <code>/auth/v1</code>, "
    "<code>/api</code> and "
    "<code>/realtime/v1</code> are complete.</p></html>\n";

static const struct asset missing_index = {
    .path = "/index.html",
    .type = "text/html; charset=utf-8",
    .hash = "none",
    .plain = {missing_pages, sizeof(missing_pages) - 1},
};

static int compare_path(const void *key, const void *item)
{
    return bytes_compare(*(const struct bytes *)key, bytes_of(((const struct asset *)item)->path));
}

static const struct asset *find(const struct asset_set *set, struct bytes path)
{
    return bsearch(&path, set->items, set->count, sizeof(set->items[0]), compare_path);
}

static const struct asset *find_index(const struct asset_set *set)
{
    const struct asset *a = find(set, BYTES("/index.html"));
    return a ? a : &missing_index;
}

/* One form of an asset, as it goes out. */
struct form {
    struct bytes body;
    struct bytes coding; /* size 0: identity */
    struct bytes suffix; /* of the ETag: another form is another representation */
};

static struct form choose_form(const struct asset *a, const struct http_request *r)
{
    struct bytes accepted = http_header(r, BYTES("accept-encoding"));
    if (a->brotli.size && http_list_accepts(accepted, BYTES("br")))
        return (struct form){a->brotli, BYTES("br"), BYTES("-br")};
    if (a->gzip.size && http_list_accepts(accepted, BYTES("gzip")))
        return (struct form){a->gzip, BYTES("gzip"), BYTES("-gz")};
    return (struct form){a->plain, BYTES(""), BYTES("")};
}

static void put_etag(struct buf *out, const struct asset *a, const struct form *f)
{
    buf_put_char(out, '"');
    buf_put(out, bytes_of(a->hash));
    buf_put(out, f->suffix);
    buf_put_char(out, '"');
}

/* If-None-Match: weak comparison (RFC 9110, 13.1.2). */
static bool matches(struct bytes list, struct bytes etag)
{
    struct bytes member;
    while (bytes_split(&list, ',', &member)) {
        member = bytes_trim(member);
        if (bytes_starts_with(member, BYTES("W/")))
            member = bytes_slice(member, 2, member.size);
        if (bytes_equal(member, etag) || bytes_equal(member, BYTES("*")))
            return true;
    }
    return false;
}

/* A Host header is the peer's word and goes into a policy: only what can be a host and a port. */
static bool is_plain_host(struct bytes host)
{
    if (host.size == 0 || host.size > HOST_MAX)
        return false;
    for (size_t i = 0; i < host.size; i++) {
        char c = host.data[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && bytes_find_char(BYTES(".-:[]"), c) == 5)
            return false;
    }
    return true;
}

static void put_policy(struct buf *out, const struct http_request *r)
{
    struct bytes host = http_header(r, BYTES("host"));
    buf_put_literal(
        out, "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
             "style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'");
    /* Not every browser counts ws: and wss: of the same host as 'self'. */
    if (is_plain_host(host)) {
        buf_put_literal(out, " ws://");
        buf_put(out, host);
        buf_put_literal(out, " wss://");
        buf_put(out, host);
    }
    buf_put_literal(
        out,
        "; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n");
}

static void put_headers(struct buf *out, const struct asset *a, const struct form *f,
                        const struct http_request *r)
{
    http_put_header(out, BYTES("Content-Type"), bytes_of(a->type));
    if (f->coding.size)
        http_put_header(out, BYTES("Content-Encoding"), f->coding);
    if (a->gzip.size || a->brotli.size)
        buf_put_literal(out, "Vary: Accept-Encoding\r\n");
    buf_put_literal(out, "ETag: ");
    put_etag(out, a, f);
    buf_put_literal(out, "\r\n");
    if (a->is_hashed)
        buf_put_literal(out, "Cache-Control: public, max-age=31536000, immutable\r\n");
    else
        buf_put_literal(out, "Cache-Control: no-cache\r\n");
    put_policy(out, r);
    buf_put_literal(out, "X-Content-Type-Options: nosniff\r\n"
                         "Referrer-Policy: same-origin\r\n"
                         "Cross-Origin-Opener-Policy: same-origin\r\n");
}

static int answer_asset(const struct asset *a, const struct http_request *r, struct buf *headers,
                        struct bytes *body)
{
    struct form f = choose_form(a, r);
    put_headers(headers, a, &f, r);
    char space[80];
    struct buf etag = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    put_etag(&etag, a, &f);
    struct bytes condition = http_header(r, BYTES("if-none-match"));
    if (condition.data && !etag.err && matches(condition, buf_bytes(&etag))) {
        *body = BYTES("");
        return 304;
    }
    *body = f.body;
    return 200;
}

static int answer_text(int status, struct bytes text, struct buf *headers, struct bytes *body)
{
    buf_put_literal(
        headers, "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n");
    *body = text;
    return status;
}

/* /reports and /breads/42, asked for by a browser's address line, are the application's own. */
static bool is_page_route(const struct http_request *r)
{
    return bytes_find_char(r->path, '.') == r->path.size &&
           http_list_accepts(http_header(r, BYTES("accept")), BYTES("text/html"));
}

int assets_answer(const struct asset_set *set, const struct http_request *r, struct buf *headers,
                  struct bytes *body)
{
    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        buf_put_literal(headers, "Allow: GET, HEAD\r\n");
        return answer_text(405, BYTES("method not allowed\n"), headers, body);
    }
    if (bytes_equal(r->path, BYTES("/")))
        return answer_asset(find_index(set), r, headers, body);
    const struct asset *a = find(set, r->path);
    if (!a && is_page_route(r))
        a = find_index(set);
    if (!a)
        return answer_text(404, BYTES("not found\n"), headers, body);
    return answer_asset(a, r, headers, body);
}
