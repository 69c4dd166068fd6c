#include "server/bakery.h"

#include <stdio.h>

#include "base/json.h"
#include "server/admin.h"

static int ask(const char *folder, const struct buf *request, struct buf *reply)
{
    if (request->err)
        return EXIT_FAILED;
    return bakery_ask("user", folder, buf_bytes(request), reply) ? EXIT_FAILED : EXIT_OK;
}

static int add(int argc, char **argv)
{
    const char *folder = NULL;
    struct bakery_person p = {0};
    const struct option options[] = {
        {"--data", &folder, NULL, NULL, true},
        {"--email", &p.email, NULL, NULL, true},
        {"--name", &p.name, NULL, NULL, true},
        {"--role", &p.role, NULL, NULL, true},
    };
    if (!cmd_parse("user", argc, argv, options, sizeof(options) / sizeof(options[0])))
        return EXIT_USAGE;
    char password[PASSWORD_MAX + 1];
    if (!bakery_read_password("user", password))
        return EXIT_FAILED;
    p.password = password;
    struct buf request, reply;
    buf_init(&request, ADMIN_LINE_MAX);
    buf_init(&reply, ADMIN_LINE_MAX);
    enum err e = bakery_put_add(&request, &p);
    int code = e ? EXIT_FAILED : ask(folder, &request, &reply);
    if (e)
        cmd_complain("user", "%s", err_text(e));
    if (code == EXIT_OK)
        printf("added %s as %s\n", p.email, p.role);
    buf_done(&request);
    buf_done(&reply);
    return code;
}

static int set_active(int argc, char **argv, bool is_active)
{
    const char *folder = NULL, *email = NULL;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true},
                                     {"--email", &email, NULL, NULL, true}};
    if (!cmd_parse("user", argc, argv, options, 2))
        return EXIT_USAGE;
    struct buf request, reply;
    buf_init(&request, ADMIN_LINE_MAX);
    buf_init(&reply, ADMIN_LINE_MAX);
    buf_put_literal(&request, "{\"do\":\"set_active\"");
    json_put_key(&request, BYTES("email"));
    json_put_string(&request, bytes_of(email));
    buf_put(&request, is_active ? BYTES(",\"is_active\":true}") : BYTES(",\"is_active\":false}"));
    int code = ask(folder, &request, &reply);
    if (code == EXIT_OK)
        printf("%s %s\n", is_active ? "enabled" : "disabled", email);
    buf_done(&request);
    buf_done(&reply);
    return code;
}

/* The decoded text of a member, "-" when it is null or absent. */
static void put_cell(struct buf *out, struct json_value row, const char *name, size_t width)
{
    struct json_value v;
    size_t start = out->size;
    if (json_get(row, bytes_of(name), &v) || v.type == JSON_NULL)
        buf_put_char(out, '-');
    else if (v.type == JSON_STRING)
        json_string_decode(out, v.raw);
    else
        buf_put(out, v.raw);
    for (size_t i = start; i < out->size; i++) {
        if ((unsigned char)out->data[i] < 0x20) /* a name is the person's own word */
            out->data[i] = ' ';
    }
    while (out->size - start < width && !out->err)
        buf_put_char(out, ' ');
    buf_put_literal(out, "  ");
}

static void put_table(struct buf *out, struct json_value list)
{
    struct json_iter it = json_iter(list);
    struct json_value row;
    struct bytes key;
    buf_put_literal(
        out,
        "EMAIL                         NAME                  ROLE       ACTIVE  LAST SIGN-IN\n");
    while (json_next(&it, &key, &row)) {
        put_cell(out, row, "email", 28);
        put_cell(out, row, "name", 20);
        put_cell(out, row, "role", 9);
        put_cell(out, row, "is_active", 6);
        put_cell(out, row, "last_sign_in_at", 0);
        buf_put_char(out, '\n');
    }
}

static int print_list(struct bytes reply, bool is_json)
{
    struct json_value v, rows;
    struct buf out;
    if (json_parse(reply, &v) || json_get(v, BYTES("ok"), &rows) || rows.type != JSON_ARRAY)
        return EXIT_FAILED;
    buf_init(&out, ADMIN_REPLY_MAX);
    if (is_json) {
        buf_put(&out, rows.raw);
        buf_put_char(&out, '\n');
    } else {
        put_table(&out, rows);
    }
    int code = out.err ? EXIT_FAILED : cmd_print(buf_bytes(&out));
    buf_done(&out);
    return code;
}

static int list(int argc, char **argv)
{
    const char *folder = NULL;
    bool is_json = false;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true},
                                     {"--json", NULL, &is_json, NULL, false}};
    if (!cmd_parse("user", argc, argv, options, 2))
        return EXIT_USAGE;
    struct buf request, reply;
    buf_init(&request, ADMIN_LINE_MAX);
    buf_init(&reply, ADMIN_REPLY_MAX);
    buf_put_literal(&request, "{\"do\":\"list\"}");
    int code = ask(folder, &request, &reply);
    if (code == EXIT_OK)
        code = print_list(buf_bytes(&reply), is_json);
    buf_done(&request);
    buf_done(&reply);
    return code;
}

int cmd_user(int argc, char **argv)
{
    const char *what = argc > 0 ? argv[0] : "";
    if (strcmp(what, "add") == 0)
        return add(argc - 1, argv + 1);
    if (strcmp(what, "list") == 0)
        return list(argc - 1, argv + 1);
    if (strcmp(what, "disable") == 0)
        return set_active(argc - 1, argv + 1, false);
    if (strcmp(what, "enable") == 0)
        return set_active(argc - 1, argv + 1, true);
    cmd_complain("user", "say add, list, disable or enable; see 'homebake help user'");
    return EXIT_USAGE;
}
