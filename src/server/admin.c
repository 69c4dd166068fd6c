#include "server/admin.h"

#include "auth/password.h"
#include "base/json.h"

static void put_error(struct buf *reply, const char *text)
{
    buf_put_literal(reply, "{\"error\":");
    json_put_string(reply, bytes_of(text));
    buf_put_char(reply, '}');
}

/* The decoded member, empty when it is absent or no string. */
static struct bytes text_member(struct json_value request, const char *name, struct buf *text)
{
    struct json_value v;
    size_t start = text->size;
    if (json_get(request, bytes_of(name), &v) || v.type != JSON_STRING)
        return BYTES("");
    json_string_decode(text, v.raw);
    /* `text` has room for the whole request from the start, so it does not move. */
    return text->err ? BYTES("") : (struct bytes){text->data + start, text->size - start};
}

static bool is_email(struct bytes b)
{
    size_t at = bytes_find_char(b, '@');
    if (b.size > 254 || at == 0 || at + 1 >= b.size)
        return false;
    for (size_t i = 0; i < b.size; i++) {
        if ((unsigned char)b.data[i] <= 0x20 || b.data[i] == 0x7f || (b.data[i] == '@' && i != at))
            return false;
    }
    return true;
}

static const char *person_fault(const struct store_new_person *p)
{
    enum role role;
    if (!is_email(p->email))
        return "that is no email address";
    if (p->name.size == 0 || p->name.size > 400)
        return "the name must have 1 to 100 characters";
    if (role_parse(p->role, &role) || !role_is_staff(role))
        return "the role must be owner, manager or sales_rep";
    if (p->password_hash.size == 0 || p->password_hash.size >= PASSWORD_HASH_SIZE)
        return "a password is missing";
    return NULL;
}

static const char *store_fault(enum err e)
{
    switch (e) {
    case ERR_EXISTS:
        return "there is a person with this email already";
    case ERR_NOT_FOUND:
        return "nobody has this email";
    default:
        return err_text(e);
    }
}

static void add(struct store_session *s, struct json_value request, int64_t now_us,
                struct buf *text, struct buf *reply)
{
    struct store_new_person p = {
        .email = text_member(request, "email", text),
        .name = text_member(request, "name", text),
        .role = text_member(request, "role", text),
        .password_hash = text_member(request, "password_hash", text),
    };
    char id[UUID_SIZE + 1];
    const char *fault = person_fault(&p);
    if (!fault) {
        enum err e = store_person_add(s, &p, now_us, id);
        fault = e ? store_fault(e) : NULL;
    }
    if (fault) {
        put_error(reply, fault);
        return;
    }
    buf_put_literal(reply, "{\"ok\":\"");
    buf_put(reply, bytes_of(id));
    buf_put_literal(reply, "\"}");
}

static void set_active(struct store_session *s, struct json_value request, struct buf *text,
                       struct buf *reply)
{
    struct json_value v;
    bool is_active;
    struct bytes email = text_member(request, "email", text);
    if (json_get(request, BYTES("is_active"), &v) || json_to_bool(v, &is_active)) {
        put_error(reply, "is_active is missing");
        return;
    }
    enum err e = store_person_set_active(s, email, is_active);
    if (e)
        put_error(reply, store_fault(e));
    else
        buf_put_literal(reply, "{\"ok\":true}");
}

static void list(struct store_session *s, struct buf *reply)
{
    buf_put_literal(reply, "{\"ok\":");
    enum err e = store_person_list(s, reply);
    if (e) {
        buf_reset(reply);
        put_error(reply, store_fault(e));
        return;
    }
    buf_put_char(reply, '}');
}

void admin_apply(struct store_session *s, struct bytes request, int64_t now_us, struct buf *reply)
{
    char space[ADMIN_LINE_MAX];
    struct buf text = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    struct json_value v;
    struct bytes verb = BYTES("");
    if (request.size <= ADMIN_LINE_MAX && json_parse(request, &v) == OK)
        verb = text_member(v, "do", &text);
    if (bytes_equal(verb, BYTES("ping")))
        buf_put_literal(reply, "{\"ok\":true}");
    else if (bytes_equal(verb, BYTES("list")))
        list(s, reply);
    else if (bytes_equal(verb, BYTES("add")))
        add(s, v, now_us, &text, reply);
    else if (bytes_equal(verb, BYTES("set_active")))
        set_active(s, v, &text, reply);
    else
        put_error(reply, "this request is not understood");
}
