/* policy_ast: what a policy's text is parsed to.  Private to policy*.c.  Everything lives in the
 * arena of the set and never changes once policies_add has returned. */
#ifndef AUTH_POLICY_AST_H
#define AUTH_POLICY_AST_H

#include "auth/policy.h"

/* SQL's three truth values. */
enum tri { TRI_FALSE, TRI_TRUE, TRI_NULL };

enum operand_kind {
    OPERAND_COLUMN,  /* of the row */
    OPERAND_OLD,     /* of the old row */
    OPERAND_UID,     /* auth.uid() */
    OPERAND_ROLE,    /* auth.role() */
    OPERAND_SHIFT,   /* current_shift() */
    OPERAND_DAY,     /* current_business_day() */
    OPERAND_LITERAL, /* in the stored form of what it is compared with */
};

struct operand {
    enum operand_kind kind;
    const struct column
        *column;        /* names and types it; a made-up one for functions, NULL for literals */
    struct value value; /* OPERAND_LITERAL; VALUE_NULL is null */
};

enum compare_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

enum expr_kind {
    EXPR_CONST,
    EXPR_NOT,     /* of `first` */
    EXPR_AND,     /* of `first` and all its next */
    EXPR_OR,      /* the same */
    EXPR_COMPARE, /* left op right; left is never a literal */
    EXPR_LIKE,    /* left, a text; right, a literal: the pattern */
    EXPR_IS_NULL, /* left */
    EXPR_TEST     /* left, a bool column */
};

struct expr {
    enum expr_kind kind;
    enum tri constant;
    enum compare_op op;
    struct operand left, right;
    struct expr *first; /* child */
    struct expr *next;  /* sibling */
};

/* One CREATE POLICY. */
struct policy {
    struct policy *next;
    struct bytes name;
    const struct table *table;
    unsigned verbs;                   /* 1 << enum verb */
    unsigned roles;                   /* 1 << enum role */
    const struct expr *using, *check; /* NULL when not given */
    struct bytes file;                /* the policy's text stands there … */
    unsigned line;                    /* … in this line */
    struct bytes text;                /* what it says behind ON table, on one line */
};

/* Policies are permissive: one rule of the list that holds is enough. */
struct rule {
    struct rule *next;
    const struct expr *expr;
};

/* All that is asked about one table, verb and role. */
struct cell {
    struct rule *using, *check;
    bool sees_all;   /* one USING is simply true */
    bool names_user; /* a USING asks for auth.uid() */
};

enum { VERB_COUNT = VERB_DELETE + 1 };

struct policies {
    const struct catalogue *catalogue;
    struct arena arena;
    struct policy *list, **list_end;
    struct cell *cells;   /* [table][verb][role] */
    uint64_t fingerprint; /* of all texts, in their order */
};

static inline struct cell *policy_cell(const struct policies *p, const struct table *t,
                                       enum verb verb, enum role role)
{
    return &p->cells[((size_t)t->index * VERB_COUNT + (size_t)verb) * ROLE_COUNT + (size_t)role];
}

struct lex;

/* What an expression may ask about beside the row and the person. */
enum policy_scope { POLICY_OLD_ROW = 1, POLICY_CLOCK = 2 };
/* The expression at the present lexeme; NULL with the fault in `l`.  `scope`: of enum policy_scope. */
const struct expr *policy_parse_expr(struct lex *l, const struct table *t, unsigned scope);
/* Parses all statements of `text` into a list in the arena.  Errors as policies_add. */
MUST_USE enum err policy_parse(const struct catalogue *c, struct arena *arena, struct bytes file,
                               struct bytes text, struct buf *message, struct policy **out);

#endif
