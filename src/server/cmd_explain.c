#include <stdio.h>

#include "base/json.h"
#include "hub/explain.h"
#include "server/admin.h"
#include "server/bakery.h"
#include "server/control.h"

enum { OUT_MAX = 64 * 1024 * 1024, SPEC_MAX = 8192 };

struct asked {
    const char *folder, *user, *seq, *table, *event, *filter;
    bool is_json;
};

struct person {
    struct identity who;
    bool is_active;
    struct bytes name; /* of a person: the email; of others: the role */
    struct buf text;   /* holds it */
};

/* ---- who ---- */

static bool has_text(struct json_value row, const char *member, struct bytes text)
{
    struct json_value v;
    struct buf decoded;
    if (json_get(row, bytes_of(member), &v) || v.type != JSON_STRING)
        return false;
    buf_init(&decoded, 4096);
    json_string_decode(&decoded, v.raw);
    bool is_it = bytes_equal_nocase(buf_bytes(&decoded), text);
    buf_done(&decoded);
    return is_it;
}

static enum err take_person(struct json_value row, struct person *out)
{
    struct json_value v;
    if (json_get(row, BYTES("role"), &v))
        return ERR_CORRUPT;
    enum err e = role_parse(bytes_slice(v.raw, 1, v.raw.size - 1), &out->who.role);
    if (!e && (json_get(row, BYTES("id"), &v) || v.raw.size != UUID_SIZE + 2))
        e = ERR_CORRUPT;
    if (e)
        return e;
    memcpy(out->who.user_id, v.raw.data + 1, UUID_SIZE);
    if (!json_get(row, BYTES("email"), &v))
        json_string_decode(&out->text, v.raw);
    out->name = buf_bytes(&out->text);
    return json_get(row, BYTES("is_active"), &v) ? ERR_CORRUPT : json_to_bool(v, &out->is_active);
}

static enum err find_in(struct bytes list, struct bytes user, struct person *out)
{
    struct json_value rows, row;
    struct bytes key;
    enum err e = json_parse(list, &rows);
    if (e)
        return e;
    struct json_iter it = json_iter(rows);
    while (json_next(&it, &key, &row)) {
        if (has_text(row, "email", user) || has_text(row, "id", user))
            return take_person(row, out);
    }
    return ERR_NOT_FOUND;
}

/* An email, an id, or a role that has no person. */
static enum err find_person(struct bakery *b, const char *user, struct person *out)
{
    struct bytes name = bytes_of(user);
    enum role role;
    if (role_parse(name, &role) == OK && !role_is_staff(role)) {
        out->who.role = role;
        out->is_active = true;
        out->name = name;
        return OK;
    }
    struct buf list;
    buf_init(&list, ADMIN_REPLY_MAX);
    enum err e = store_person_list(b->session, &list);
    if (!e)
        e = find_in(buf_bytes(&list), name, out);
    buf_done(&list);
    if (e == ERR_NOT_FOUND)
        cmd_complain("explain", "nobody has the email or id '%s'", user);
    else if (e)
        cmd_complain("explain", "the people cannot be read: %s", err_text(e));
    return e;
}

static void put_person(struct buf *out, const struct person *p)
{
    struct buf words;
    buf_init(&words, 1024);
    buf_put(&words, p->name);
    if (role_is_staff(p->who.role)) {
        buf_put_literal(&words, ": ");
        buf_put(&words, role_name(p->who.role));
        buf_put(&words, p->is_active ? BYTES(", active") : BYTES(", disabled: is told nothing"));
    }
    buf_put_char(out, '{');
    json_put_key(out, BYTES("name"));
    json_put_string(out, p->name);
    json_put_key(out, BYTES("id"));
    json_put_string(out, bytes_of(p->who.user_id));
    json_put_key(out, BYTES("role"));
    json_put_string(out, role_name(p->who.role));
    json_put_key(out, BYTES("is_active"));
    buf_put(out, p->is_active ? BYTES("true") : BYTES("false"));
    json_put_key(out, BYTES("words"));
    json_put_string(out, buf_bytes(&words));
    buf_put_char(out, '}');
    buf_done(&words);
}

/* ---- what ---- */

static enum err find_change(struct bakery *b, uint64_t seq, struct changes *out)
{
    uint64_t head = 0;
    enum err e = store_changes_since(b->session, seq, 1, out);
    if (!e && out->count > 0)
        return OK;
    if (e == ERR_NOT_FOUND)
        cmd_complain("explain", "the change log no longer reaches back to %llu",
                     (unsigned long long)seq);
    else if (!e && store_head(b->session, &head) == OK)
        cmd_complain("explain", "there is no change %llu yet: the newest is %llu",
                     (unsigned long long)seq, (unsigned long long)head);
    else
        cmd_complain("explain", "the change log cannot be read: %s", err_text(e));
    return e ? e : ERR_NOT_FOUND;
}

/* ---- a binding that they might have ---- */

static enum err put_binding(struct buf *out, struct bakery *b, const struct asked *o,
                            const struct person *p, const struct change *c)
{
    struct binding_sets sets;
    struct bindings *bindings;
    struct buf message;
    struct binding_spec spec = {.event = bytes_of(o->event ? o->event : "*"),
                                .schema = BYTES("public"),
                                .table = o->table ? bytes_of(o->table) : c->table->name};
    if (o->filter)
        spec.filter = bytes_of(o->filter);
    buf_init(&message, SPEC_MAX);
    binding_sets_init(&sets, store_catalogue(b->store), 1);
    enum err e = bindings_get(&sets, &spec, 1, &message, &bindings);
    if (e) {
        cmd_complain("explain", "%.*s", (int)message.size, message.size ? message.data : "");
    } else {
        json_put_key(out, BYTES("binding"));
        explain_put_binding(out, store_policies(b->store), &p->who, c, &bindings->items[0]);
        bindings_unref(&sets, bindings);
    }
    binding_sets_done(&sets);
    buf_done(&message);
    return e;
}

/* ---- the channels that they have ---- */

/* Adds "channels", when a server runs on this data and answers. */
static void put_channels(struct buf *out, const struct asked *o, const struct person *p)
{
    struct json_value v, list;
    struct buf request, reply;
    buf_init(&request, 1024);
    buf_init(&reply, OUT_MAX);
    buf_put_literal(&request, "{\"do\":\"explain\",\"user\":");
    json_put_string(&request, p->who.user_id[0] ? bytes_of(p->who.user_id) : p->name);
    buf_put_literal(&request, ",\"seq\":");
    buf_put(&request, bytes_of(o->seq));
    buf_put_char(&request, '}');
    enum err e = control_ask(o->folder, buf_bytes(&request), &reply);
    json_put_key(out, BYTES("channels"));
    if (!e && !json_parse(buf_bytes(&reply), &v) && !json_get(v, BYTES("ok"), &list))
        buf_put(out, list.raw);
    else
        buf_put_literal(out, "null");
    buf_done(&request);
    buf_done(&reply);
}

/* ---- all of it ---- */

static enum err put_all(struct buf *out, struct bakery *b, const struct asked *o,
                        const struct person *p, const struct change *c)
{
    const struct policies *policies = store_policies(b->store);
    enum err e = OK;
    buf_put_char(out, '{');
    json_put_key(out, BYTES("change"));
    explain_put_change(out, c);
    json_put_key(out, BYTES("person"));
    put_person(out, p);
    if (p->is_active) {
        json_put_key(out, BYTES("policies"));
        explain_put_policies(out, policies, &p->who, c);
        json_put_key(out, BYTES("verdict"));
        explain_put_verdict(out, policies, &p->who, c);
        if (o->table || o->event || o->filter)
            e = put_binding(out, b, o, p, c);
        else
            put_channels(out, o, p);
    }
    buf_put_literal(out, "}\n");
    return e ? e : out->err;
}

static void say(struct buf *out, const char *before, struct json_value object)
{
    struct json_value words;
    if (json_get(object, BYTES("words"), &words))
        return;
    buf_put(out, bytes_of(before));
    json_string_decode(out, words.raw);
    buf_put_char(out, '\n');
}

static void say_member(struct buf *out, const char *before, struct json_value object,
                       const char *name)
{
    struct json_value v;
    if (!json_get(object, bytes_of(name), &v))
        say(out, before, v);
}

static void say_policies(struct buf *out, struct json_value list)
{
    struct json_iter it = json_iter(list);
    struct json_value policy, name, at;
    struct bytes key;
    while (json_next(&it, &key, &policy)) {
        if (json_get(policy, BYTES("name"), &name) || json_get(policy, BYTES("at"), &at))
            continue;
        buf_put_literal(out, "  policy ");
        json_string_decode(out, name.raw);
        buf_put_literal(out, " (");
        json_string_decode(out, at.raw);
        say(out, ") ", policy);
    }
}

static void say_binding(struct buf *out, struct json_value binding)
{
    struct json_value list, term;
    struct bytes key;
    say(out, "  binding: ", binding);
    if (json_get(binding, BYTES("terms"), &list))
        return;
    struct json_iter it = json_iter(list);
    while (json_next(&it, &key, &term))
        say(out, "    ", term);
}

static void say_channel(struct buf *out, struct json_value channel)
{
    struct json_value topic, next, list, binding;
    struct bytes key;
    if (json_get(channel, BYTES("topic"), &topic) || json_get(channel, BYTES("next_seq"), &next) ||
        json_get(channel, BYTES("bindings"), &list))
        return;
    buf_put_literal(out, "channel ");
    json_string_decode(out, topic.raw);
    buf_put_literal(out, " (next: ");
    buf_put(out, next.raw);
    say(out, ") ", channel);
    struct json_iter it = json_iter(list);
    while (json_next(&it, &key, &binding))
        say_binding(out, binding);
}

static void say_channels(struct buf *out, struct json_value all)
{
    struct json_value list, channel;
    struct bytes key;
    size_t count = 0;
    if (json_get(all, BYTES("channels"), &list))
        return;
    if (list.type != JSON_ARRAY) {
        buf_put_literal(out, "no server that runs on this data could be asked for live channels\n");
        return;
    }
    struct json_iter it = json_iter(list);
    for (; json_next(&it, &key, &channel); count++)
        say_channel(out, channel);
    if (count == 0)
        buf_put_literal(out, "they have no live channel now\n");
}

static void say_all(struct buf *out, struct bytes text)
{
    struct json_value all, v;
    if (json_parse(text, &all))
        return;
    say_member(out, "", all, "change");
    say_member(out, "", all, "person");
    if (!json_get(all, BYTES("policies"), &v))
        say_policies(out, v);
    say_member(out, "policies: ", all, "verdict");
    if (!json_get(all, BYTES("binding"), &v))
        say_binding(out, v);
    say_channels(out, all);
}

static int print(struct bytes json, bool is_json)
{
    struct buf text;
    if (is_json)
        return cmd_print(json);
    buf_init(&text, OUT_MAX);
    say_all(&text, json);
    int code = text.err ? EXIT_FAILED : cmd_print(buf_bytes(&text));
    buf_done(&text);
    return code;
}

static int explain(struct bakery *b, const struct asked *o, uint64_t seq)
{
    struct person p = {.is_active = false};
    struct changes changes;
    struct buf out;
    int code = EXIT_FAILED;
    buf_init(&p.text, 1024);
    buf_init(&out, OUT_MAX);
    changes_init(&changes);
    enum err e = find_person(b, o->user, &p);
    if (!e)
        e = find_change(b, seq, &changes);
    if (!e)
        e = put_all(&out, b, o, &p, changes.items[0]);
    if (!e)
        code = print(buf_bytes(&out), o->is_json);
    changes_done(&changes);
    buf_done(&out);
    buf_done(&p.text);
    return code;
}

int cmd_explain(int argc, char **argv)
{
    struct asked o = {0};
    uint64_t seq = 0;
    struct bakery b;
    const struct option options[] = {
        {"--data", &o.folder, NULL, NULL, true},   {"--user", &o.user, NULL, NULL, true},
        {"--seq", &o.seq, NULL, NULL, true},       {"--table", &o.table, NULL, NULL, false},
        {"--event", &o.event, NULL, NULL, false},  {"--filter", &o.filter, NULL, NULL, false},
        {"--json", NULL, &o.is_json, NULL, false},
    };
    if (!cmd_parse("explain", argc, argv, options, sizeof(options) / sizeof(options[0])) ||
        !cmd_number("explain", "--seq", o.seq, 1, INT64_MAX, &seq))
        return EXIT_USAGE;
    if (bakery_open(&b, "explain", o.folder))
        return EXIT_FAILED;
    int code = explain(&b, &o, seq);
    bakery_close(&b);
    return code;
}
