#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "server/bakery.h"
#include "server/terminal.h"
#include "server/watch.h"

enum { LINE_MAX_SIZE = 16 * 1024 * 1024 };

static volatile sig_atomic_t is_over;

static void end(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static bool read_password(const char *file, char out[PASSWORD_MAX + 1])
{
    if (file && !freopen(file, "re", stdin)) {
        cmd_complain("watch", "%s cannot be read", file);
        return false;
    }
    return bakery_read_password("watch", out);
}

static struct bytes bytes_of_text(struct hb_text t)
{
    return (struct bytes){t.data, t.size};
}

static void put_row(struct buf *line, struct hb_text table, const struct hb_row *row)
{
    static const char *const ops[] = {
        [HB_INSERT] = "INSERT", [HB_UPDATE] = "UPDATE", [HB_DELETE] = "DELETE"};
    buf_put_char(line, '{');
    json_put_key(line, BYTES("op"));
    json_put_string(line, bytes_of(ops[row->op]));
    json_put_key(line, BYTES("table"));
    json_put_string(line, bytes_of_text(table));
    json_put_key(line, BYTES("key"));
    json_put_string(line, bytes_of_text(row->key));
    json_put_key(line, BYTES("row"));
    buf_put(line, bytes_of_text(row->row));
    buf_put_literal(line, "}\n");
}

/* EXIT_FAILED when a line got nowhere. */
static int print_rows(struct hb_client *c, struct hb_text table, uint32_t count)
{
    int code = EXIT_OK;
    struct buf line;
    buf_init(&line, LINE_MAX_SIZE);
    for (uint32_t i = 0; i < count && code == EXIT_OK; i++) {
        struct hb_row row;
        hb_client_row(c, i, &row);
        buf_reset(&line);
        put_row(&line, table, &row);
        code = line.err ? EXIT_FAILED : cmd_print(buf_bytes(&line));
    }
    if (code)
        cmd_complain("watch", "a row cannot be written to standard output");
    buf_done(&line);
    return code;
}

static void print_status(struct hb_client *c, enum hb_state *shown)
{
    static const char *const names[] = {[HB_OFFLINE] = "offline",
                                        [HB_CONNECTING] = "connecting",
                                        [HB_LIVE] = "live",
                                        [HB_STALE] = "stale",
                                        [HB_WAITING] = "waiting"};
    struct hb_status s;
    hb_client_status(c, hb_posix_now(), &s);
    if (s.state == *shown)
        return;
    *shown = s.state;
    cmd_complain("watch", "%s%s%.*s", names[s.state], s.error_text.size ? ": " : "",
                 (int)s.error_text.size, s.error_text.size ? s.error_text.data : "");
}

static int take(const struct watch *w, const struct hb_action *a, enum hb_state *shown)
{
    struct hb_client *c = hb_posix_client(w->posix);
    if (a->type == HB_ROWS)
        return print_rows(c, w->queries[watch_query_of(w, a->id)].table, a->count);
    if (a->type == HB_FRAME)
        hb_client_frame(c, hb_posix_now());
    else if (a->type == HB_STATUS)
        print_status(c, shown);
    else if (a->type == HB_TROUBLE)
        cmd_complain("watch", "%s: %.*s", hb_error_text(a->error), (int)a->text.size,
                     a->text.size ? a->text.data : "");
    else if (a->type == HB_STATE && a->code == HB_SUB_FAILED)
        return EXIT_FAILED;
    return EXIT_OK;
}

static int print_lines(const struct watch *w)
{
    enum hb_state shown = HB_OFFLINE;
    int code = EXIT_OK;
    while (!is_over && code == EXIT_OK) {
        struct hb_action a;
        while (code == EXIT_OK && hb_posix_next(w->posix, &a))
            code = take(w, &a, &shown);
        if (code == EXIT_OK)
            hb_posix_wait(w->posix);
    }
    return code;
}

size_t watch_query_of(const struct watch *w, uint32_t subscriber)
{
    size_t query = 0;
    while (query + 1 < w->count && w->subscribers[query] != subscriber)
        query++;
    return query;
}

/* ---- the table, or lines ---- */

static int follow(struct watch *w, bool wants_lines)
{
    if (wants_lines || !terminal_is_there(STDOUT_FILENO))
        return print_lines(w);
    /* The password may have come from elsewhere: keys are the terminal's. */
    int keys = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (keys < 0)
        return print_lines(w);
    setlocale(LC_CTYPE, "C.UTF-8");
    int code = watch_live(w, keys, STDOUT_FILENO);
    close(keys);
    return code;
}

static int subscribe(struct watch *w)
{
    w->count = watched_queries(w->watched, w->queries);
    for (size_t i = 0; i < w->count; i++) {
        enum hb_error e = hb_client_subscribe(hb_posix_client(w->posix), &w->queries[i],
                                              hb_posix_now(), &w->subscribers[i]);
        if (e) {
            cmd_complain("watch", "%s: %s", w->what, hb_error_text(e));
            return EXIT_FAILED;
        }
    }
    return EXIT_OK;
}

static int watch(struct watch *w, const struct hb_posix_options *o, bool wants_lines)
{
    char error[HB_POSIX_ERROR_SIZE];
    if (hb_posix_new(o, error, &w->posix)) {
        cmd_complain("watch", "%s", error);
        return EXIT_FAILED;
    }
    int code = subscribe(w);
    if (!code)
        code = follow(w, wants_lines);
    hb_posix_free(w->posix);
    return code;
}

/* Two days ago, so that no time zone's business day is left out. */
static void put_since(char *out, size_t size)
{
    time_t then = time(NULL) - (time_t)2 * 24 * 3600;
    struct tm day;
    gmtime_r(&then, &day);
    strftime(out, size, "%F", &day);
}

int cmd_watch(int argc, char **argv)
{
    const char *what = NULL, *filter = NULL, *key = NULL, *password_file = NULL;
    bool wants_lines = false;
    struct hb_posix_options o = {0};
    char password[PASSWORD_MAX + 1], since[16];
    const struct option options[] = {
        {"TABLE", &what, NULL, NULL, true},
        {"--url", &o.url, NULL, NULL, true},
        {"--email", &o.email, NULL, NULL, true},
        {"--filter", &filter, NULL, NULL, false},
        {"--key", &key, NULL, NULL, false},
        {"--ca-file", &o.ca_file, NULL, NULL, false},
        {"--password-file", &password_file, NULL, NULL, false},
        {"--json", NULL, &wants_lines, NULL, false},
    };
    if (!cmd_parse("watch", argc, argv, options, sizeof(options) / sizeof(options[0])))
        return EXIT_USAGE;
    if ((filter || key) && (strcmp(what, "inventory") == 0 || strcmp(what, "reports") == 0)) {
        cmd_complain("watch", "--filter and --key are for a table, not for %s", what);
        return EXIT_USAGE;
    }
    if (!read_password(password_file, password))
        return EXIT_FAILED;
    struct watch w = {.what = what, .is_over = &is_over};
    o.password = password;
    put_since(since, sizeof(since));
    if (watched_new(what, filter, key, since, &w.watched)) {
        cmd_complain("watch", "out of memory");
        return EXIT_FAILED;
    }
    catch_signals();
    int code = watch(&w, &o, wants_lines);
    watched_free(w.watched);
    return code;
}
