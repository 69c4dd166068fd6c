#include "auth/policy_ast.h"

enum { POLICIES_SIZE_MAX = 4 << 20 };

enum err policies_new(const struct catalogue *c, struct policies **out)
{
    struct policies *p = mem_zalloc(sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    p->catalogue = c;
    p->list_end = &p->list;
    arena_init(&p->arena, POLICIES_SIZE_MAX);
    size_t count = (size_t)c->table_count * VERB_COUNT * ROLE_COUNT;
    p->cells = arena_array(&p->arena, count, sizeof(struct cell));
    if (!p->cells) {
        policies_free(p);
        return ERR_NOMEM;
    }
    *out = p;
    return OK;
}

void policies_free(struct policies *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    mem_free(p);
}

/* ---- adding ---- */

static bool is_for(const struct policy *policy, enum verb verb, enum role role)
{
    return (policy->verbs >> verb & 1) && (policy->roles >> role & 1);
}

/* What decides on old rows: nothing for INSERT. */
static const struct expr *using_of(const struct policy *policy, enum verb verb)
{
    return verb == VERB_INSERT ? NULL : policy->using;
}

/* What decides on new rows: a policy without WITH CHECK uses its USING. */
static const struct expr *check_of(const struct policy *policy, enum verb verb)
{
    if (verb != VERB_INSERT && verb != VERB_UPDATE)
        return NULL;
    return policy->check ? policy->check : policy->using;
}

static bool names_user(const struct expr *e)
{
    if (e->left.kind == OPERAND_UID || e->right.kind == OPERAND_UID)
        return true;
    for (const struct expr *child = e->first; child; child = child->next)
        if (names_user(child))
            return true;
    return false;
}

static void append_rule(struct rule **list, struct rule **free_rules, const struct expr *expr)
{
    struct rule *rule = (*free_rules)++;
    rule->expr = expr;
    while (*list)
        list = &(*list)->next;
    *list = rule;
}

static void add_to_cell(struct cell *cell, const struct policy *policy, enum verb verb,
                        struct rule **free_rules)
{
    const struct expr *using = using_of(policy, verb), *check = check_of(policy, verb);
    if (using) {
        append_rule(&cell->using, free_rules, using);
        cell->sees_all |= using->kind == EXPR_CONST && using->constant == TRI_TRUE;
        cell->names_user |= names_user(using);
    }
    if (check)
        append_rule(&cell->check, free_rules, check);
}

static void add_to_cells(struct policies *p, const struct policy *policy, struct rule **free_rules)
{
    for (int verb = VERB_SELECT; verb < VERB_COUNT; verb++)
        for (int role = 0; role < ROLE_COUNT; role++)
            if (is_for(policy, (enum verb)verb, (enum role)role))
                add_to_cell(policy_cell(p, policy->table, (enum verb)verb, (enum role)role), policy,
                            (enum verb)verb, free_rules);
}

static bool has_same_name(const struct policy *list, const struct policy *end,
                          const struct policy *policy)
{
    for (; list != end; list = list->next)
        if (list->table == policy->table && bytes_equal(list->name, policy->name))
            return true;
    return false;
}

static enum err check_names(const struct policies *p, struct bytes file, const struct policy *added,
                            struct buf *message)
{
    for (const struct policy *policy = added; policy; policy = policy->next) {
        if (!has_same_name(p->list, NULL, policy) && !has_same_name(added, policy, policy))
            continue;
        buf_put(message, file);
        buf_put_char(message, ':');
        buf_put_u64(message, policy->line);
        buf_put_literal(message, ": there is a policy of this name already: \"");
        buf_put(message, policy->name);
        buf_put_char(message, '"');
        return ERR_EXISTS;
    }
    return OK;
}

enum err policies_add(struct policies *p, struct bytes file, struct bytes text, struct buf *message)
{
    struct policy *added = NULL;
    size_t count = 0;
    enum err e = policy_parse(p->catalogue, &p->arena, file, text, message, &added);
    if (!e)
        e = check_names(p, file, added, message);
    if (e || !added)
        return e;
    for (const struct policy *policy = added; policy; policy = policy->next)
        count += (size_t)VERB_COUNT * ROLE_COUNT * 2;
    /* All memory first: from here on nothing can fail. */
    struct rule *rules = arena_array(&p->arena, count, sizeof(struct rule));
    if (!rules) {
        buf_put(message, file);
        buf_put_literal(message, ": out of memory");
        return ERR_NOMEM;
    }
    for (struct policy *policy = added; policy; policy = policy->next)
        add_to_cells(p, policy, &rules);
    *p->list_end = added;
    while (*p->list_end)
        p->list_end = &(*p->list_end)->next;
    p->fingerprint = bytes_hash(text, p->fingerprint);
    return OK;
}

/* ---- asking ---- */

bool policy_has_any(const struct policies *p, const struct table *t, enum verb verb, enum role role)
{
    const struct cell *cell = policy_cell(p, t, verb, role);
    return role == ROLE_SERVICE || (verb == VERB_INSERT ? cell->check : cell->using) != NULL;
}

bool policy_names_user(const struct policies *p, const struct table *t, enum role role)
{
    const struct cell *cell = policy_cell(p, t, VERB_SELECT, role);
    return role != ROLE_SERVICE && !cell->sees_all && cell->names_user;
}

void policy_put_epoch(struct buf *out, const struct policies *p, struct bytes epoch,
                      const struct identity *who)
{
    uint64_t sight = bytes_hash(role_name(who->role), p->fingerprint);
    sight = bytes_hash(bytes_of(who->user_id), sight);
    buf_put(out, epoch);
    buf_put_char(out, '.');
    for (int shift = 60; shift >= 0; shift -= 4)
        buf_put_char(out, "0123456789abcdef"[sight >> shift & 15]);
}

/* ---- printing ---- */

enum { COLUMN_WIDTH = 8 };

static void put_padded(struct buf *out, struct bytes text, size_t width)
{
    buf_put(out, text);
    for (size_t i = text.size; i < width; i++)
        buf_put_char(out, ' ');
}

/* all: every row; own: what depends on who asks; some: what depends on the row alone. */
static struct bytes cell_word(const struct rule *rules)
{
    struct bytes word = BYTES("-");
    for (const struct rule *r = rules; r; r = r->next) {
        if (r->expr->kind == EXPR_CONST && r->expr->constant == TRI_TRUE)
            return BYTES("all");
        bool is_own = names_user(r->expr) || bytes_equal(word, BYTES("own"));
        word = is_own ? BYTES("own") : BYTES("some");
    }
    return word;
}

static void print_role(struct buf *out, const struct policies *p, const struct table *t,
                       enum role role, size_t width)
{
    put_padded(out, t->name, width);
    put_padded(out, role_name(role), 12);
    for (int verb = VERB_SELECT; verb < VERB_COUNT; verb++) {
        const struct cell *cell = policy_cell(p, t, (enum verb)verb, role);
        put_padded(out, cell_word(verb == VERB_INSERT ? cell->check : cell->using),
                   verb == VERB_DELETE ? 0 : COLUMN_WIDTH);
    }
    buf_put_char(out, '\n');
}

static size_t table_width(const struct policies *p)
{
    size_t width = COLUMN_WIDTH;
    for (size_t i = 0; i < p->catalogue->table_count; i++)
        if (p->catalogue->tables[i].name.size + 2 > width)
            width = p->catalogue->tables[i].name.size + 2;
    return width;
}

/* sales_logs.sql:3  staff_sees FOR SELECT TO authenticated USING (true) */
static void print_policy(struct buf *out, const struct policy *policy)
{
    buf_put(out, policy->file);
    buf_put_char(out, ':');
    buf_put_u64(out, policy->line);
    buf_put_literal(out, "  ");
    buf_put(out, policy->name);
    buf_put_char(out, ' ');
    buf_put(out, policy->text);
    buf_put_char(out, '\n');
}

void policies_print(struct buf *out, const struct policies *p)
{
    size_t width = table_width(p);
    put_padded(out, BYTES("table"), width);
    buf_put_literal(out, "role        see     add     change  remove\n");
    for (size_t i = 0; i < p->catalogue->table_count; i++)
        for (int role = 0; role < ROLE_SERVICE; role++)
            print_role(out, p, &p->catalogue->tables[i], (enum role)role, width);
    put_padded(out, BYTES("(every table)"), width);
    buf_put_literal(out, "service_role all    all     all     all\n");
    put_padded(out, BYTES("(every table)"), width);
    buf_put_literal(out,
                    "disabled    -       -       -       -\n"
                    "\n"
                    "all: every row.  own: by who asks.  some: by the row alone.  -: nothing.  "
                    "As these say:\n"
                    "\n");
    for (const struct policy *policy = p->list; policy; policy = policy->next)
        print_policy(out, policy);
}
