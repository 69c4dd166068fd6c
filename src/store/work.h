/* work: one request being executed, and how it is refused.  The functions of a request return OK;
 * ERR_DENIED when the request was refused and the reply says why; any other err for trouble of the
 * store itself, which the caller turns into a 503.  Private to src/store/. */
#ifndef STORE_WORK_H
#define STORE_WORK_H

#include "store/sqlite.h"

#define STORE_FILE "/homebake.db" /* in the store's folder */

struct work {
    struct store_session *s;
    const struct store_request *request;
    const struct query *query; /* STORE_QUERY */
    struct store_reply *reply;
    size_t row; /* of query->values, being written; SIZE_MAX: none */
};

/* Refuses: the body is emptied and the reply carries the error.  Always ERR_DENIED. */
MUST_USE enum err refuse(struct store_reply *r, int status, const char *code, const char *format,
                         ...) PRINTF_LIKE(4, 5);
/* Adds details to a refusal; texts that find no room are left out. */
void refuse_details(struct store_reply *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* Details of the form "Key (columns)=(values) end". */
void refuse_key_details(struct store_reply *r, const char *columns, struct bytes values,
                        const char *end);
/* A 503 for trouble of the store itself.  Returns `e`. */
enum err trouble(struct store_reply *r, enum err e);
/* "permission denied for table x": 403, or 401 for anon. */
MUST_USE enum err refuse_table(struct work *w, const struct table *t);
/* "new row violates row-level security policy for table "x"". */
MUST_USE enum err refuse_row(struct work *w, const char *which, const struct table *t);
/* What a result code of SQLite means for this request, in PostgreSQL's words. */
MUST_USE enum err work_failed(struct work *w, int rc);

/* The value that the row being written gives to a column; NULL when it gives none. */
const struct value *work_value(const struct work *w, const struct column *c);

void work_init(struct work *w, struct store_session *s, const struct store_request *r,
               struct store_reply *reply);
/* Empty again; memory is kept. */
void reply_reset(struct store_reply *r);
/* The newest seq, 0 when there is none.  SQLite's result code. */
int session_head(struct store_session *s, uint64_t *out);

/* Captured changes from seq `from` on, at most `max` (-1: all), and none more once they have
 * `bytes_max` bytes of rows. */
MUST_USE enum err session_changes(struct store_session *s, uint64_t from, int64_t max,
                                  size_t bytes_max, struct changes *out);

/* The newest change, 0 and 0 when there is none. */
MUST_USE enum err session_newest(struct store_session *s, uint64_t *seq, int64_t *commit_us);
/* A transaction of the administration: on a writer, with the rights of the service, without a
 * budget.  What it changes is handed out by the next store_write.  admin_end commits when `e` is
 * OK, else undoes; gives the result. */
MUST_USE enum err admin_begin(struct store_session *s, int64_t now_us);
MUST_USE enum err admin_end(struct store_session *s, enum err e);

/* What errno means, said as "WHAT PATH: why". */
MUST_USE enum err errno_failed(struct buf *message, const char *what, const char *path);
/* The names in it are on disk. */
MUST_USE enum err folder_sync(const char *folder, struct buf *message);

/* ---- steps of REST requests ---- */

/* 42501 when no policy lets the role do that at all. */
MUST_USE enum err work_check_table(struct work *w, const struct table *t, enum verb verb);
/* The same for all tables of a select list. */
MUST_USE enum err work_check_select(struct work *w, const struct query_select *select);
/* PGRST116 when the reply has other than one row and one was wanted. */
MUST_USE enum err work_is_single(struct work *w);
/* Appends the rows of a statement to the body, with commas; `shape` NULL: each is one JSON text. */
int work_put_rows(struct work *w, sqlite3_stmt *stmt, const struct row_shape *shape);
/* The rows of the query as the body. */
MUST_USE enum err work_put_selected(struct work *w);
int body_error(const struct buf *body);

/* ---- the kinds of requests ---- */

/* 401 when a member of the staff is no longer what the request says. */
MUST_USE enum err work_check_identity(struct work *w);
MUST_USE enum err work_select(struct work *w);
/* Executes INSERT, UPDATE or DELETE; what they captured is not looked at here. */
MUST_USE enum err work_mutate(struct work *w);
/* WITH CHECK, on one captured change of the query's own table. */
MUST_USE enum err work_check_change(struct work *w, const struct policy_context *ctx,
                                    const struct change *c);
MUST_USE enum err work_inventory(struct work *w);
MUST_USE enum err work_person(struct work *w);
MUST_USE enum err work_session_new(struct work *w);
MUST_USE enum err work_session_rotate(struct work *w);
MUST_USE enum err work_session_end(struct work *w);
MUST_USE enum err work_message_add(struct work *w);
MUST_USE enum err work_message_list(struct work *w);

#endif
