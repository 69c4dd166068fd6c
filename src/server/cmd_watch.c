#include <signal.h>
#include <stdio.h>

#include "base/json.h"
#include "posix/posix.h"
#include "server/bakery.h"
#include "server/cmd.h"

enum { LINE_MAX_SIZE = 16 * 1024 * 1024 };

struct known_key {
    const char *table, *key;
};

static const struct known_key known_keys[] = {
    {"stock", "bread_type_id"},
    {"shift_totals", "business_day,shift,bread_type_id"},
};

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

static const char *key_of(const char *table, const char *given)
{
    for (size_t i = 0; !given && i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
        if (strcmp(known_keys[i].table, table) == 0)
            return known_keys[i].key;
    }
    return given ? given : "id";
}

static struct bytes bytes_of_text(struct hb_text t)
{
    return (struct bytes){t.data, t.size};
}

static void put_row(struct buf *line, const char *table, const struct hb_row *row)
{
    static const char *const ops[] = {
        [HB_INSERT] = "INSERT", [HB_UPDATE] = "UPDATE", [HB_DELETE] = "DELETE"};
    buf_put_char(line, '{');
    json_put_key(line, BYTES("op"));
    json_put_string(line, bytes_of(ops[row->op]));
    json_put_key(line, BYTES("table"));
    json_put_string(line, bytes_of(table));
    json_put_key(line, BYTES("key"));
    json_put_string(line, bytes_of_text(row->key));
    json_put_key(line, BYTES("row"));
    buf_put(line, bytes_of_text(row->row));
    buf_put_literal(line, "}\n");
}

/* EXIT_FAILED when a line got nowhere. */
static int print_rows(struct hb_client *c, const char *table, uint32_t count)
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

static int take(struct hb_posix *p, const char *table, const struct hb_action *a,
                enum hb_state *shown)
{
    struct hb_client *c = hb_posix_client(p);
    if (a->type == HB_ROWS)
        return print_rows(c, table, a->count);
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

static int follow(struct hb_posix *p, const char *table)
{
    enum hb_state shown = HB_OFFLINE;
    int code = EXIT_OK;
    while (!is_over && code == EXIT_OK) {
        struct hb_action a;
        while (code == EXIT_OK && hb_posix_next(p, &a))
            code = take(p, table, &a, &shown);
        if (code == EXIT_OK)
            hb_posix_wait(p);
    }
    return code;
}

static int watch(const struct hb_posix_options *o, const struct hb_query *q, const char *table)
{
    char error[HB_POSIX_ERROR_SIZE];
    struct hb_posix *p;
    uint32_t subscriber;
    if (hb_posix_new(o, error, &p)) {
        cmd_complain("watch", "%s", error);
        return EXIT_FAILED;
    }
    int code = EXIT_FAILED;
    enum hb_error e = hb_client_subscribe(hb_posix_client(p), q, hb_posix_now(), &subscriber);
    if (e)
        cmd_complain("watch", "%s: %s", table, hb_error_text(e));
    else
        code = follow(p, table);
    hb_posix_free(p);
    return code;
}

static struct hb_text text_of(const char *text)
{
    return (struct hb_text){text, text ? strlen(text) : 0};
}

int cmd_watch(int argc, char **argv)
{
    const char *table = NULL, *filter = NULL, *key = NULL, *password_file = NULL;
    struct hb_posix_options o = {0};
    char password[PASSWORD_MAX + 1];
    const struct option options[] = {
        {"--url", &o.url, NULL, NULL, true},
        {"--email", &o.email, NULL, NULL, true},
        {"--table", &table, NULL, NULL, true},
        {"--filter", &filter, NULL, NULL, false},
        {"--key", &key, NULL, NULL, false},
        {"--ca-file", &o.ca_file, NULL, NULL, false},
        {"--password-file", &password_file, NULL, NULL, false},
    };
    if (!cmd_parse("watch", argc, argv, options, sizeof(options) / sizeof(options[0])))
        return EXIT_USAGE;
    if (!read_password(password_file, password))
        return EXIT_FAILED;
    o.password = password;
    catch_signals();
    struct hb_query q = {
        .table = text_of(table), .filter = text_of(filter), .key = text_of(key_of(table, key))};
    return watch(&o, &q, table);
}
