/* sqlite: a connection, its statements and its SQL functions: what the modules of the SQLite
 * backend share. Private to src/store/.  Foreign result codes become an `enum err` in
 * err_of_sqlite. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "auth/token.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/clock.h"
#include "store/ledger.h"
#include "store/row.h"
#include "store/store.h"

enum {
    STATEMENTS_MAX = 128,         /* kept prepared per session */
    SESSION_ARENA_MAX = 64 << 20, /* of one request */
    SQL_MAX = 1 << 20,
    OPS_STEP = 1000000, /* the budget of a request is counted in steps of so many operations of
                            SQLite's machine */
    OPS_STEPS_MAX = 300 /* a few seconds */
};

struct store {
    uint64_t number;              /* of this process, from 1: tells stores apart */
    char *folder, *path;          /* NULL in memory */
    struct store_session *memory; /* in memory: the only session there is */
    bool memory_is_lent;
    bool (*entropy)(void *out, size_t size); /* false: there is none */
    struct arena arena;                      /* settings, shapes */
    struct store_settings settings;
    struct catalogue *catalogue;
    struct policies *policies;
    struct row_shape *shapes; /* of whole rows, by the index of the table */
    char epoch[STORE_EPOCH_SIZE + 1];
    unsigned char secret[TOKEN_SECRET_SIZE];
};

/* Parameters are bound by kind: `?` takes the next value, these names what the request says. */
enum param { PARAM_VALUE, PARAM_UID, PARAM_NOW, PARAM_SHIFT, PARAM_DAY };

struct statement {
    struct map_entry by_sql;
    struct link by_use;
    sqlite3_stmt *stmt;
    uint8_t *params; /* enum param, param_count of them */
    int param_count;
};

/* Statements of a known text, prepared once per session. */
enum fixed {
    FIXED_BEGIN,
    FIXED_BEGIN_WRITE,
    FIXED_COMMIT,
    FIXED_ROLLBACK,
    FIXED_SAVEPOINT,
    FIXED_RELEASE,
    FIXED_ROLLBACK_TO,
    FIXED_HEAD,
    FIXED_CHANGES,
    FIXED_ROLE,
    FIXED_COUNT
};

struct store_session {
    struct store *store;
    sqlite3 *db;
    enum store_access access;
    struct map statements; /* by SQL text; at most STATEMENTS_MAX */
    struct link by_use;    /* the same, the longest unused first */
    sqlite3_stmt *fixed[FIXED_COUNT];
    struct arena arena; /* of the request at work */
    struct buf sql;     /* text under construction */
    struct buf row;     /* JSON under construction, of the SQL functions */
    struct rng rng;
    struct day_cache days;
    int steps_max;    /* the budget of a request */
    int steps_left;   /* of the request at work; < 0: no limit */
    size_t ops_spent; /* by functions, less than a step */
    bool was_stopped;
    bool was_too_complex; /* a regular expression, for one of the texts */
    /* What the SQL functions say of the request at work. */
    struct identity who;
    int64_t now_us;    /* now_us() */
    int64_t commit_us; /* commit_us() */
    /* Writer: the newest change that was handed out, its time, and the newest collected in the
     * group at work. */
    uint64_t head, at;
    int64_t last_commit_us, last_at_us;
    int64_t last_message_us; /* 0: not looked up yet */
    struct ledger ledger;    /* reports of the transaction at work that are not settled yet */
    struct store_counters counters;
};

enum err err_of_sqlite(int rc);

/* Opens a connection with its pragmas and functions.  `message` (may be NULL) says what failed. */
MUST_USE enum err session_new(struct store *s, enum store_access access, struct buf *message,
                              struct store_session **out);
void session_free(struct store_session *s);
/* The arena and the budget anew: at the beginning of every request. */
void session_begin_request(struct store_session *s, const struct store_request *r);

/* Several statements without parameters, as text with a zero.  SQLite's result code. */
int session_exec(struct store_session *s, const char *sql);
/* A fixed statement, reset and ready for binding; NULL with `*rc` set. */
sqlite3_stmt *session_fixed(struct store_session *s, enum fixed which, int *rc);
/* Runs a fixed statement without parameters and rows. */
int session_run(struct store_session *s, enum fixed which);
/* Makes what ends a transaction before one begins, so that it needs no memory then. */
MUST_USE enum err session_prepare_ends(struct store_session *s);
/* A statement of the cache, reset and ready for binding. */
int session_prepare(struct store_session *s, struct bytes sql, struct statement **out);
/* Binds the values in order, and the named parameters by the request. */
int statement_bind(struct store_session *s, const struct statement *st,
                   const struct value *const *values, size_t count);
int bind_value(sqlite3_stmt *stmt, int place, struct value v);
int bind_text(sqlite3_stmt *stmt, int place, struct bytes text);
struct bytes column_text(sqlite3_stmt *stmt, int place);

/* Work of an SQL function that SQLite's machine does not count, in its operations.  False: the
 * budget is used up, and the statement must stop with SQLITE_INTERRUPT. */
bool session_spend(struct store_session *s, size_t ops);

/* The SQL functions: functions.c. */
int functions_add(struct store_session *s);
/* text_like(text, pattern) and text_ilike, as base/like.h has them; text_match and text_imatch, as
 * base/regex.h: 0, 1, or null when one of both is. */
int functions_add_patterns(struct store_session *s);

#endif
