/* kit: a store to test on, and the shortest way to ask it something. */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

#define KIT_T0                                                                                     \
    INT64_C(                                                                                       \
        1795338000000000) /* 2026-11-22T09:00:00Z: 10:00 in Lagos, the morning shift's first minute */

struct kit {
    char folder[64]; /* empty: in memory */
    struct store *store;
    struct store_session *writer;
    struct store_session *reader; /* the writer, in memory */
    struct arena arena;           /* of the queries */
    struct store_reply reply;     /* of the last request */
    struct changes changes;       /* of the last write */
    int64_t now_us;
    struct identity owner, manager, rep, other_rep; /* other_rep: a second one */
    struct identity anon, service;
    char bread[UUID_SIZE + 1]; /* of kit_bread */
};

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
#define KIT_TEST_FOLDER(name) cmocka_unit_test_setup_teardown(name, kit_setup_folder, kit_teardown)

void kit_open_memory(struct kit *k);
void kit_open_folder(struct kit *k);
/* In a folder, with this SQL run on the new database before it is opened. */
void kit_open_with(struct kit *k, const char *sql);
void kit_close(struct kit *k);
/* cmocka's set up and tear down: a store in memory with four people. */
int kit_setup(void **state);
int kit_setup_folder(void **state);
int kit_teardown(void **state);

/* A query with nothing in it yet. */
struct query *kit_query(struct kit *k, enum verb verb, const char *table);
void kit_want_all(struct kit *k, struct query *q);
void kit_want(struct kit *k, struct query *q, const char *column);
/* Appends an item for an embedded table, whose items the caller adds to the select it gets. */
struct query_select *kit_embed(struct kit *k, struct query_select *s, const char *name,
                               const char *key, bool is_to_many, bool is_inner);
void kit_add_column(struct kit *k, struct query_select *s, const char *column);
void kit_add_count(struct kit *k, struct query_select *s);
struct query_filter *kit_where(struct kit *k, struct query *q, const char *column, enum query_op op,
                               const char *value);
void kit_order(struct kit *k, struct query *q, const char *column, bool is_descending);
/* The rows to be written, as a JSON array of objects; a column that one of them lacks is absent there. */
void kit_set(struct kit *k, struct query *q, const char *json);
struct store_request kit_request(struct kit *k, const struct identity *who, const struct query *q);
/* Runs it as a group of one, or on the reader; time goes on by a second. */
void kit_run(struct kit *k, const struct identity *who, const struct query *q);

/* Whole requests.  The reply stays in k->reply. */
void kit_insert(struct kit *k, const struct identity *who, const char *table, const char *json);
void kit_update(struct kit *k, const struct identity *who, const char *table, const char *id,
                const char *json);
void kit_delete(struct kit *k, const struct identity *who, const char *table, const char *id);
/* The body of a select of some columns ("a,b" or "*") of the rows with column = value (NULL: all). */
const char *kit_select(struct kit *k, const struct identity *who, const char *table,
                       const char *columns, const char *column, const char *value);
/* A bread of 500.00 by the owner: its id in k->bread. */
void kit_bread(struct kit *k, const char *name);
void kit_sale(struct kit *k, const struct identity *who, int quantity);

/* The reply's error is this (code NULL: none). */
void kit_assert_error(struct kit *k, int status, const char *code);
void kit_assert_message(struct kit *k, const char *message);
void kit_assert_details(struct kit *k, const char *details);
void kit_assert_body(struct kit *k, const char *body);
/* store_verify finds nothing. */
void kit_assert_sound(struct kit *k);
const char *kit_text(struct kit *k, struct bytes b);
/* A member of the last body's first object, as raw JSON. */
const char *kit_member(struct kit *k, const char *name);

#endif
