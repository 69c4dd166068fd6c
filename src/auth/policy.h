/* policy: who may see and change which rows.  One text (schema/policies/, in PostgreSQL's CREATE POLICY form)
 * gives both the SQL predicate for the store and the native predicate for the feed and the write checks.
 *
 *   CREATE POLICY name ON table [FOR ALL|SELECT|INSERT|UPDATE|DELETE] [TO role, …]
 *       [USING (expr)] [WITH CHECK (expr)];
 *   expr: and or not, = <> != < <= > >=, is [not] null, [not] in (…), [not] like 'pattern' (base/like.h, of text),
 *         true false null, 'text', numbers,
 *         columns of the row, old.column (WITH CHECK of UPDATE), auth.uid(), auth.role(), current_shift(),
 *         current_business_day(); the last two not in the USING of SELECT and ALL, nor for the table `messages`
 *
 * Roles: owner, manager, sales_rep, anon, authenticated (the three staff roles).  Policies are permissive: any one
 * that allows is enough; none: denied.  The service role bypasses all.  Comparison with null is null, and null
 * denies.  As in PostgreSQL, USING decides which old rows are seen (SELECT, UPDATE, DELETE), WITH CHECK which new
 * rows may be written (INSERT, UPDATE; without one, UPDATE uses its USING).  Immutable; any thread. */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "auth/identity.h"
#include "change/value.h"
#include "change/change.h"

struct policies;

/* What an expression may ask about beside the row. */
struct policy_context {
    struct identity who;
    struct bytes shift;        /* 'morning' or 'night', by the clock */
    struct bytes business_day; /* YYYY-MM-DD, by the clock */
};

/* All policies of `text` (several statements, `--` comments) are checked against the catalogue and added.
 * ERR_SYNTAX, ERR_NOT_FOUND (table, column or role), ERR_TYPE, ERR_UNSUPPORTED, ERR_EXISTS (policy), ERR_NOMEM: then `message` says what and
 * where as `file:line: …`.  On failure the set is as before. */
MUST_USE enum err policies_new(const struct catalogue *c, struct policies **out);
MUST_USE enum err policies_add(struct policies *p, struct bytes file, struct bytes text,
                               struct buf *message);
void policies_free(struct policies *p);

/* The USING predicate for reading, updating or deleting rows of `t` as SQL of the SQLite dialect: columns as
 * `<alias>."name"`, with the named parameters :uid, :shift and :business_day.  "1" when everything is allowed, "0"
 * when nothing is.  VERB_INSERT is not asked here. */
void policy_put_sql(struct buf *out, const struct policies *p, const struct table *t,
                    enum verb verb, enum role role, struct bytes alias);
/* Is there any policy of that verb for that role (else 42501 "permission denied for table")? */
bool policy_has_any(const struct policies *p, const struct table *t, enum verb verb,
                    enum role role);
/* The USING predicate natively: may this identity see (VERB_SELECT), change or remove this row (JSON as the store
 * makes it)? */
bool policy_sees(const struct policies *p, const struct table *t, enum verb verb,
                 const struct policy_context *ctx, struct bytes row);
/* The same, for who must not take a lack of memory for a no: ERR_NOMEM. */
MUST_USE enum err policy_ask(const struct policies *p, const struct table *t, enum verb verb,
                             const struct policy_context *ctx, struct bytes row, bool *out);
/* The WITH CHECK predicate natively; `old_row` is empty for INSERT. */
bool policy_accepts(const struct policies *p, const struct table *t, enum verb verb,
                    const struct policy_context *ctx, struct bytes old_row, struct bytes new_row);
/* The policies with a USING for that verb, for a person to be told why: at most `max` are written, how
 * many there are is returned. */
struct policy_verdict {
    struct bytes name, file;
    unsigned line;
    bool is_for_role; /* it is TO the role of the one who asks */
    bool holds;       /* … and lets this row through */
};
size_t policy_explain(const struct policies *p, const struct table *t, enum verb verb,
                      const struct policy_context *ctx, struct bytes row,
                      struct policy_verdict *out, size_t max);
/* May two people of this role see different rows of `t`?  Then the class of reader is the user, else the role. */
bool policy_names_user(const struct policies *p, const struct table *t, enum role role);
/* The epoch as one reader has it: `<epoch>.<16 hex digits>`.  The digits are others for another role, person or text
 * of the policies: then what this reader has had may not be what may be seen now. */
void policy_put_epoch(struct buf *out, const struct policies *p, struct bytes epoch,
                      const struct identity *who);
/* The matrix role × table × verb, and the policies that make it, for people (`homebake policy check`). */
void policies_print(struct buf *out, const struct policies *p);

#endif
