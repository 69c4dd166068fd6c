#include "api/relation.h"

/* What is asked for. */
struct wanted {
    const struct table *from;
    struct bytes target, hint;
};

enum { EXCERPT_MAX = 100 };

static bool is_hinted(const struct foreign_key *k, struct bytes hint)
{
    return hint.size == 0 || bytes_equal(k->name, hint) || bytes_equal(k->column->name, hint);
}

static bool is_to_one(const struct foreign_key *k, const struct wanted *w)
{
    return k->from == w->from && is_hinted(k, w->hint) &&
           (bytes_equal(k->to->name, w->target) || bytes_equal(k->name, w->target) ||
            bytes_equal(k->column->name, w->target));
}

static bool is_to_many(const struct foreign_key *k, const struct wanted *w)
{
    return k->to == w->from && is_hinted(k, w->hint) && bytes_equal(k->from->name, w->target);
}

/* The relation number `*at` of all that could be meant: each key is looked at from both of its
 * ends. */
static bool next_match(const struct catalogue *c, const struct wanted *w, size_t *at,
                       struct relation *out)
{
    for (; *at < (size_t)c->foreign_key_count * 2; ++*at) {
        const struct foreign_key *k = &c->foreign_keys[*at / 2];
        bool many = *at % 2;
        if (many ? is_to_many(k, w) : is_to_one(k, w)) {
            *out = (struct relation){k, many};
            ++*at;
            return true;
        }
    }
    return false;
}

static enum err refuse_none(struct parse *p, const struct wanted *w)
{
    struct bytes target = parse_excerpt(w->target, EXCERPT_MAX);
    struct bytes hint = parse_excerpt(w->hint, EXCERPT_MAX);
    struct bytes using = BYTES("");
    if (hint.size)
        using = PARSE_TEXT(p, BYTES(" using the hint '"), hint, BYTES("'"));
    enum err e =
        parse_refuse(p, 400, "PGRST200",
                     PARSE_TEXT(p, BYTES("Could not find a relationship between '"), w->from->name,
                                BYTES("' and '"), target, BYTES("' in the schema cache")));
    p->fault.details = PARSE_TEXT(p, BYTES("Searched for a foreign key relationship between '"),
                                  w->from->name, BYTES("' and '"), target, BYTES("'"), using,
                                  BYTES(" in the schema 'public', but no matches were found."));
    return e;
}

static void put_columns(struct buf *out, const struct table *t, const struct column *c)
{
    buf_put(out, t->name);
    buf_put_char(out, '(');
    buf_put(out, c->name);
    buf_put_char(out, ')');
}

/* {"cardinality":"many-to-one","embedding":"a with b","relationship":"key using a(x) and b(y)"} */
static void put_detail(struct buf *out, const struct relation *r)
{
    const struct foreign_key *k = r->key;
    const struct table *from = r->is_to_many ? k->to : k->from;
    const struct table *to = r->is_to_many ? k->from : k->to;
    if (out->size > 1)
        buf_put_char(out, ',');
    buf_put_literal(out, "{\"cardinality\":\"");
    buf_put(out, r->is_to_many ? BYTES("one-to-many") : BYTES("many-to-one"));
    buf_put_literal(out, "\",\"embedding\":\"");
    buf_put(out, from->name);
    buf_put_literal(out, " with ");
    buf_put(out, to->name);
    buf_put_literal(out, "\",\"relationship\":\"");
    buf_put(out, k->name);
    buf_put_literal(out, " using ");
    put_columns(out, from, r->is_to_many ? k->to_column : k->column);
    buf_put_literal(out, " and ");
    put_columns(out, to, r->is_to_many ? k->column : k->to_column);
    buf_put_literal(out, "\"}");
}

static struct bytes list_details(struct parse *p, const struct wanted *w)
{
    struct relation r;
    size_t at = 0;
    buf_reset(p->scratch);
    buf_put_char(p->scratch, '[');
    while (next_match(p->catalogue, w, &at, &r))
        put_detail(p->scratch, &r);
    buf_put_char(p->scratch, ']');
    return p->scratch->err ? (struct bytes){NULL, 0} : arena_copy(p->arena, buf_bytes(p->scratch));
}

static struct bytes list_choices(struct parse *p, const struct wanted *w)
{
    struct relation r;
    size_t at = 0;
    struct buf *out = p->scratch;
    buf_reset(out);
    buf_put_literal(out, "Try changing '");
    buf_put(out, parse_excerpt(w->target, EXCERPT_MAX));
    buf_put_literal(out, "' to one of the following: ");
    for (bool is_first = true; next_match(p->catalogue, w, &at, &r); is_first = false) {
        buf_put(out, is_first ? BYTES("'") : BYTES(", '"));
        buf_put(out, r.is_to_many ? r.key->from->name : r.key->to->name);
        buf_put_char(out, '!');
        buf_put(out, r.key->name);
        buf_put_char(out, '\'');
    }
    buf_put_literal(out, ". Find the desired relationship in the 'details' key.");
    return out->err ? (struct bytes){NULL, 0} : arena_copy(p->arena, buf_bytes(out));
}

static enum err refuse_several(struct parse *p, const struct wanted *w)
{
    struct bytes details = list_details(p, w);
    struct bytes hint = list_choices(p, w);
    if (!details.data || !hint.data)
        return ERR_NOMEM;
    enum err e = parse_refuse(
        p, 300, "PGRST201",
        PARSE_TEXT(p, BYTES("Could not embed because more than one relationship was found for '"),
                   w->from->name, BYTES("' and '"), parse_excerpt(w->target, EXCERPT_MAX),
                   BYTES("'")));
    p->fault.details = details;
    p->fault.details_is_json = true;
    p->fault.hint = hint;
    return e;
}

enum err relation_find(struct parse *p, const struct table *t, struct bytes target,
                       struct bytes hint, struct relation *out)
{
    struct wanted w = {t, target, hint};
    struct relation found, other;
    size_t at = 0;
    if (!next_match(p->catalogue, &w, &at, &found))
        return refuse_none(p, &w);
    if (next_match(p->catalogue, &w, &at, &other))
        return refuse_several(p, &w);
    *out = found;
    return OK;
}
