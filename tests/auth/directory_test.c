#include "auth/directory.h"

#include "check.h"

#define ADA "0190c2f4-5b6a-7c3d-8e9f-00000000000a"
#define BEN "0190c2f4-5b6a-7c3d-8e9f-00000000000b"
#define ROW(id, role, is_active)                                                                   \
    "{\"id\":\"" id "\",\"name\":\"N\",\"role\":\"" role "\",\"is_active\":" is_active "}"

static const struct table users = {.name = BYTES_INIT("users")};
static const struct table stock = {.name = BYTES_INIT("stock")};

static struct directory *make_directory(void)
{
    struct directory *d;
    assert_int_equal(directory_new(42, &d), OK);
    return d;
}

static void put(struct directory *d, const char *row)
{
    assert_int_equal(directory_put(d, bytes_of(row)), OK);
}

/* Applies a change; returns who was touched, or "". */
static const char *apply(struct directory *d, const struct table *t, enum verb verb,
                         const char *old_row, const char *new_row)
{
    static char who[UUID_SIZE + 1];
    struct change *c;
    bool touched = true;
    memset(who, 0, sizeof(who));
    assert_int_equal(change_new(t, verb, 1, 0, bytes_of(new_row), bytes_of(old_row), &c), OK);
    assert_int_equal(directory_apply(d, c, &touched, who), OK);
    change_unref(c);
    return touched ? who : "";
}

static void check_role(const struct directory *d, const char *id, enum role want)
{
    enum role role;
    assert_int_equal(directory_find(d, bytes_of(id), &role), OK);
    assert_int_equal(role, want);
}

static void check_nobody(const struct directory *d, const char *id)
{
    enum role role = ROLE_ANON;
    assert_int_equal(directory_find(d, bytes_of(id), &role), ERR_NOT_FOUND);
    assert_int_equal(role, ROLE_ANON);
}

static void active_people_are_found_by_id(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    put(d, ROW(ADA, "owner", "true"));
    put(d, ROW("0190C2F4-5B6A-7C3D-8E9F-00000000000B", "sales_rep", "true"));
    check_role(d, ADA, ROLE_OWNER);
    check_role(d, BEN, ROLE_SALES_REP);
    check_role(d, "0190C2F4-5B6A-7C3D-8E9F-00000000000A", ROLE_OWNER);
    check_nobody(d, "0190c2f4-5b6a-7c3d-8e9f-00000000000c");
    check_nobody(d, "");
    check_nobody(d, "ada");
    directory_free(d);
    directory_free(NULL);
}

static void disabled_people_are_nobody(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    put(d, ROW(ADA, "owner", "false"));
    check_nobody(d, ADA);
    put(d, ROW(ADA, "manager", "true"));
    check_role(d, ADA, ROLE_MANAGER);
    put(d, ROW(ADA, "manager", "false"));
    check_nobody(d, ADA);
    directory_free(d);
}

static void the_feed_keeps_the_directory(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    assert_string_equal(apply(d, &users, VERB_INSERT, "", ROW(ADA, "sales_rep", "true")), ADA);
    check_role(d, ADA, ROLE_SALES_REP);
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "sales_rep", "true"), ROW(ADA, "manager", "true")),
        ADA);
    check_role(d, ADA, ROLE_MANAGER);
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "manager", "true"), ROW(ADA, "manager", "true")),
        "");
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "manager", "true"), ROW(ADA, "manager", "false")),
        ADA);
    check_nobody(d, ADA);
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "manager", "false"), ROW(ADA, "owner", "false")),
        "");
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "owner", "false"), ROW(ADA, "owner", "true")), ADA);
    check_role(d, ADA, ROLE_OWNER);
    assert_string_equal(apply(d, &users, VERB_DELETE, ROW(ADA, "owner", "true"), ""), ADA);
    check_nobody(d, ADA);
    assert_string_equal(apply(d, &users, VERB_DELETE, ROW(ADA, "owner", "true"), ""), "");
    directory_free(d);
}

static void changes_of_other_tables_touch_nobody(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    assert_string_equal(apply(d, &stock, VERB_INSERT, "", ROW(ADA, "owner", "true")), "");
    check_nobody(d, ADA);
    assert_string_equal(apply(d, &stock, VERB_UPDATE, "not json", "not json"), "");
    directory_free(d);
}

static void a_changed_id_leaves_nothing_behind(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    put(d, ROW(ADA, "owner", "true"));
    assert_string_equal(
        apply(d, &users, VERB_UPDATE, ROW(ADA, "owner", "true"), ROW(BEN, "owner", "true")), ADA);
    check_nobody(d, ADA);
    check_role(d, BEN, ROLE_OWNER);
    directory_free(d);
}

static void rows_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{",
        "7",
        "{\"role\":\"owner\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":\"owner\"}",
        "{\"id\":\"x\",\"role\":\"owner\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":\"service_role\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":\"anon\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":\"baker\",\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":null,\"is_active\":true}",
        "{\"id\":\"" ADA "\",\"role\":\"owner\",\"is_active\":null}",
    };
    struct directory *d = make_directory();
    for (size_t i = 0; i < CHECK_COUNT(rows); i++)
        assert_int_not_equal(directory_put(d, bytes_of(rows[i])), OK);
    check_nobody(d, ADA);
    directory_free(d);
}

static void thousands_are_held_and_freed(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    struct rng rng;
    char last[UUID_SIZE + 1] = {0}, row[200];
    rng_init(&rng, 1);
    for (int i = 0; i < 3000; i++) {
        rng_uuid4(&rng, last);
        struct buf text;
        buf_init(&text, sizeof(row));
        buf_put_literal(&text, "{\"id\":\"");
        buf_put(&text, bytes_of(last));
        buf_put_literal(&text, "\",\"role\":\"manager\",\"is_active\":true}");
        assert_int_equal(directory_put(d, buf_bytes(&text)), OK);
        buf_done(&text);
    }
    check_role(d, last, ROLE_MANAGER);
    directory_free(d);
}

static void without_memory_the_directory_stays_as_it_was(void **state)
{
    (void)state;
    bool has_failed = true;
    uint64_t n = 1;
    for (; has_failed; n++) {
        struct directory *d = NULL;
        mem_fail_at(n);
        enum err e = directory_new(1, &d);
        if (!e)
            e = directory_put(d, BYTES(ROW(ADA, "owner", "true")));
        has_failed = mem_fail_hit();
        mem_fail_at(0);
        assert_int_equal(e, has_failed ? ERR_NOMEM : OK);
        if (d && has_failed) {
            check_nobody(d, ADA);
            put(d, ROW(ADA, "owner", "true"));
        }
        if (d)
            check_role(d, ADA, ROLE_OWNER);
        directory_free(d);
    }
    assert_true(n > 3);
}

static void taking_rights_away_needs_no_memory(void **state)
{
    (void)state;
    struct directory *d = make_directory();
    struct change *c;
    bool touched;
    char who[UUID_SIZE + 1];
    put(d, ROW(ADA, "owner", "true"));
    assert_int_equal(change_new(&users, VERB_UPDATE, 1, 0, BYTES(ROW(ADA, "owner", "false")),
                                BYTES(ROW(ADA, "owner", "true")), &c),
                     OK);
    mem_fail_at(1);
    assert_int_equal(directory_apply(d, c, &touched, who), OK);
    assert_false(mem_fail_hit());
    mem_fail_at(0);
    check_nobody(d, ADA);
    change_unref(c);
    directory_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(active_people_are_found_by_id),
        cmocka_unit_test(disabled_people_are_nobody),
        cmocka_unit_test(the_feed_keeps_the_directory),
        cmocka_unit_test(changes_of_other_tables_touch_nobody),
        cmocka_unit_test(a_changed_id_leaves_nothing_behind),
        cmocka_unit_test(rows_that_make_no_sense_are_refused),
        cmocka_unit_test(thousands_are_held_and_freed),
        cmocka_unit_test(without_memory_the_directory_stays_as_it_was),
        cmocka_unit_test(taking_rights_away_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
