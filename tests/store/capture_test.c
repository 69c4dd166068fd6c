/* The triggers that write the change log and the audit trail. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#include "store/schema.h"

static const struct table *table(struct kit *k, const char *name)
{
    return catalogue_table(store_catalogue(k->store), bytes_of(name));
}

static bool has(struct kit *k, const char *name, enum verb verb, const char *text)
{
    struct buf sql;
    buf_init(&sql, 1 << 16);
    capture_put_trigger(&sql, table(k, name), verb);
    bool found = bytes_find(buf_bytes(&sql), bytes_of(text)) < sql.size;
    buf_done(&sql);
    return found;
}

static void each_live_table_is_captured_and_each_entry_audited(void **state)
{
    struct kit *k = *state;
    assert_true(has(k, "stock", VERB_UPDATE, "INSERT INTO changes"));
    assert_false(has(k, "stock", VERB_UPDATE, "audit_trail"));
    assert_true(has(k, "users", VERB_DELETE, "INSERT INTO audit_trail"));
    assert_false(has(k, "users", VERB_INSERT, "audit_trail"));
    assert_true(has(k, "sales_logs", VERB_INSERT, "ledger_sold(1, NEW."));
    for (int verb = VERB_INSERT; verb <= VERB_DELETE; verb++)
        assert_false(has(k, "audit_trail", (enum verb)verb, "TRIGGER"));
}

static void all_verbs_give_their_rows(void **state)
{
    struct kit *k = *state;
    static const enum verb verbs[] = {VERB_INSERT, VERB_UPDATE, VERB_DELETE};
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            kit_bread(k, "Agege");
        else if (i == 1)
            kit_update(k, &k->owner, "bread_types", k->bread, "[{\"size\":\"big\"}]");
        else
            kit_delete(k, &k->owner, "bread_types", k->bread);
        const struct change *c = k->changes.items[0];
        assert_int_equal(c->verb, verbs[i]);
        assert_int_equal(c->new_row.size > 0, i < 2);
        assert_int_equal(c->old_row.size > 0, i > 0);
    }
}

static void a_change_that_is_undone_leaves_no_audit_trail(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    struct query *q = kit_query(k, VERB_UPDATE, "bread_types");
    kit_set(k, q, "[{\"size\":\"big\"}]");
    kit_want(k, q, "id");
    kit_where(k, q, "name", OP_EQ, "Rye");
    q->is_single = true;
    kit_run(k, &k->owner, q);
    kit_assert_error(k, 406, "PGRST116");
    kit_select(k, &k->owner, "audit_trail", "id", NULL, NULL);
    kit_assert_body(k, "[]");
}

static void a_removed_row_stays_in_the_audit_trail(void **state)
{
    struct kit *k = *state;
    kit_bread(k, "Agege");
    struct bytes row = k->changes.items[0]->new_row;
    const char *kept = kit_text(k, row);
    kit_delete(k, &k->owner, "bread_types", k->bread);
    kit_select(k, &k->owner, "audit_trail", "verb,table_name,old_row,new_row", NULL, NULL);
    assert_string_equal(kit_member(k, "verb"), "\"DELETE\"");
    assert_string_equal(kit_member(k, "table_name"), "\"bread_types\"");
    assert_string_equal(kit_member(k, "old_row"), kept);
    assert_string_equal(kit_member(k, "new_row"), "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(each_live_table_is_captured_and_each_entry_audited),
        KIT_TEST(all_verbs_give_their_rows),
        KIT_TEST(a_change_that_is_undone_leaves_no_audit_trail),
        KIT_TEST(a_removed_row_stays_in_the_audit_trail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
