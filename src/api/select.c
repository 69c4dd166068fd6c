#include "api/select.h"

#include "api/relation.h"

/* The list of one level while it is read. */
struct list {
    struct query_item items[SELECT_ITEMS_MAX];
    size_t count;
};

struct reader {
    struct parse *p;
    struct bytes text; /* the whole, for messages */
    size_t at;
};

/* What stands before the brackets of an item. */
struct head {
    struct bytes alias, name;
    struct bytes hint; /* size 0: none */
    bool is_inner;
    bool has_modifier;
};

static enum err read_list(struct reader *r, const struct table *t, unsigned depth,
                          struct query_select *out);

static struct bytes rest_of(const struct reader *r)
{
    return bytes_slice(r->text, r->at, r->text.size);
}

static bool is_at(const struct reader *r, struct bytes what)
{
    return bytes_starts_with(rest_of(r), what);
}

static bool take(struct reader *r, struct bytes what)
{
    if (!is_at(r, what))
        return false;
    r->at += what.size;
    return true;
}

static enum err refuse(struct reader *r, struct bytes details)
{
    return parse_refuse_syntax(r->p, BYTES("select parameter"), r->text, details);
}

static enum err refuse_here(struct reader *r)
{
    if (r->at >= r->text.size)
        return refuse(r, BYTES("unexpected end of input"));
    struct bytes next = parse_excerpt(rest_of(r), 20);
    struct bytes details = PARSE_TEXT(r->p, BYTES("unexpected \""), next, BYTES("\""));
    return details.data ? refuse(r, details) : ERR_NOMEM;
}

static bool ends_name(char c)
{
    return c == ',' || c == '(' || c == ')' || c == ':' || c == '!' || c == '.' || c == '"';
}

/* A name, plain or in quotes; ends at a delimiter or at `->`. */
static enum err read_name(struct reader *r, struct bytes *out)
{
    size_t from = r->at;
    if (take(r, BYTES("\""))) {
        size_t size = bytes_find_char(rest_of(r), '"');
        *out = bytes_slice(r->text, from + 1, from + 1 + size);
        r->at += size;
        return take(r, BYTES("\"")) ? OK : refuse_here(r);
    }
    while (r->at < r->text.size && !ends_name(r->text.data[r->at]) && !is_at(r, BYTES("->")))
        r->at++;
    *out = bytes_trim(bytes_slice(r->text, from, r->at));
    return out->size ? OK : refuse_here(r);
}

static enum err read_modifier(struct reader *r, struct head *h)
{
    struct bytes name;
    enum err e = read_name(r, &name);
    if (e)
        return e;
    h->has_modifier = true;
    if (bytes_equal(name, BYTES("inner")))
        h->is_inner = true;
    else if (bytes_equal(name, BYTES("left")))
        h->is_inner = false;
    else if (h->hint.size)
        return refuse(r, BYTES("more than one hint for one relationship"));
    else
        h->hint = name;
    return OK;
}

/* [alias:]name[!modifier]… */
static enum err read_head(struct reader *r, struct head *h)
{
    *h = (struct head){0};
    enum err e = read_name(r, &h->name);
    if (!e && is_at(r, BYTES(":")) && !is_at(r, BYTES("::"))) {
        r->at++;
        h->alias = h->name;
        e = read_name(r, &h->name);
    }
    while (!e && take(r, BYTES("!")))
        e = read_modifier(r, h);
    return e;
}

static enum err add(struct reader *r, struct list *l, const struct query_item *item)
{
    if (l->count == SELECT_ITEMS_MAX)
        return refuse(r, BYTES("more than 60 items in one list"));
    l->items[l->count++] = *item;
    return OK;
}

static enum err add_all(struct reader *r, struct list *l, const struct table *t)
{
    enum err e = OK;
    for (uint16_t i = 0; i < t->column_count && !e; i++) {
        const struct column *c = &t->columns[i];
        if (!c->is_private)
            e = add(r, l, &(struct query_item){.name = c->name, .column = c});
    }
    return e;
}

static enum err add_embed(struct reader *r, struct list *l, const struct table *t,
                          const struct head *h)
{
    struct relation found;
    struct query_item item = {.is_inner = h->is_inner};
    enum err e = relation_find(r->p, t, h->name, h->hint, &found);
    if (e)
        return e;
    item.name = h->alias.size ? h->alias : h->name;
    item.key = found.key;
    item.is_to_many = found.is_to_many;
    item.embed = arena_zalloc(r->p->arena, sizeof(*item.embed));
    if (!item.embed)
        return ERR_NOMEM;
    e = read_list(r, found.is_to_many ? found.key->from : found.key->to, 1, item.embed);
    if (!e && !take(r, BYTES(")")))
        e = refuse_here(r);
    return e ? e : add(r, l, &item);
}

/* Behind the bracket that opens: an embed, or count(). */
static enum err read_brackets(struct reader *r, struct list *l, const struct table *t,
                              const struct head *h, unsigned depth)
{
    if (bytes_equal(h->name, BYTES("count")) && !h->has_modifier && take(r, BYTES(")"))) {
        struct bytes name = h->alias.size ? h->alias : h->name;
        return add(r, l, &(struct query_item){.name = name, .is_count = true});
    }
    if (depth > 0)
        return refuse(r, BYTES("embedding is limited to one level"));
    return add_embed(r, l, t, h);
}

/* What we know but do not do is named, so that nobody searches for a typing error. */
static enum err refuse_tail(struct reader *r)
{
    if (is_at(r, BYTES("::")))
        return refuse(r, BYTES("casts are not supported"));
    if (is_at(r, BYTES("->")))
        return refuse(r, BYTES("JSON paths are not supported"));
    if (is_at(r, BYTES(".")))
        return parse_refuse(r->p, 400, "PGRST123",
                            BYTES("Use of aggregate functions is not allowed"));
    return refuse_here(r);
}

static bool ends_item(const struct reader *r)
{
    return r->at == r->text.size || is_at(r, BYTES(",")) || is_at(r, BYTES(")"));
}

static enum err add_column(struct reader *r, struct list *l, const struct table *t,
                           const struct head *h)
{
    struct query_item item = {.name = h->alias.size ? h->alias : h->name};
    if (h->has_modifier || !ends_item(r))
        return refuse_tail(r);
    item.column = parse_column(t, h->name);
    item.is_count = !item.column && bytes_equal(h->name, BYTES("count"));
    if (!item.column && !item.is_count)
        return parse_refuse_column(r->p, t, h->name);
    return add(r, l, &item);
}

static enum err read_item(struct reader *r, struct list *l, const struct table *t, unsigned depth)
{
    struct head h;
    if (take(r, BYTES("...")))
        return refuse(r, BYTES("spread embeds are not supported"));
    enum err e = read_head(r, &h);
    if (e)
        return e;
    if (take(r, BYTES("(")))
        return read_brackets(r, l, t, &h, depth);
    if (bytes_equal(h.name, BYTES("*")) && !h.alias.size && ends_item(r))
        return add_all(r, l, t);
    return add_column(r, l, t, &h);
}

/* A count has no other columns beside it, and none above it. */
static enum err check_count(struct reader *r, const struct list *l, unsigned depth)
{
    for (size_t i = 0; i < l->count; i++) {
        if (!l->items[i].is_count)
            continue;
        if (depth > 0)
            return parse_refuse(r->p, 400, "PGRST123",
                                BYTES("Use of aggregate functions is not allowed"));
        if (l->count > 1)
            return parse_refuse(r->p, 400, "42803",
                                BYTES("count must stand alone in the select list"));
    }
    return OK;
}

static enum err read_list(struct reader *r, const struct table *t, unsigned depth,
                          struct query_select *out)
{
    struct list l;
    l.count = 0;
    enum err e;
    do {
        e = read_item(r, &l, t, depth);
    } while (!e && take(r, BYTES(",")));
    if (!e)
        e = check_count(r, &l, depth);
    if (e)
        return e;
    struct query_item *items = arena_array(r->p->arena, l.count, sizeof(*items));
    if (!items)
        return ERR_NOMEM;
    memcpy(items, l.items, l.count * sizeof(*items));
    *out = (struct query_select){.table = t, .items = items, .item_count = l.count};
    return OK;
}

enum err select_parse(struct parse *p, const struct table *t, struct bytes text,
                      struct query_select *out)
{
    struct reader r = {.p = p, .text = text.size ? text : BYTES("*")};
    enum err e = read_list(&r, t, 0, out);
    if (!e && r.at < r.text.size)
        e = refuse_here(&r);
    return e;
}
