#include "server/admin.h"

#include "support.h"

#define HASH                                                                                       \
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"                                       \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct bakery_folder folder;
static struct bakery bakery;

static int open_all(void **state)
{
    (void)state;
    make_bakery(&folder);
    assert_int_equal(bakery_open_writer(&bakery, "test", folder.path), OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    bakery_close(&bakery);
    remove_folder(&folder);
    return 0;
}

/* The reply, in a place of its own. */
static const char *apply(const char *request)
{
    static char text[8192];
    struct buf reply;
    buf_init(&reply, sizeof(text) - 1);
    admin_apply(bakery.session, bytes_of(request), 1700000000000000, &reply);
    assert_int_equal(reply.err, OK);
    memcpy(text, reply.data, reply.size);
    text[reply.size] = 0;
    buf_done(&reply);
    return text;
}

static void a_person_is_added_listed_disabled_and_enabled(void **state)
{
    (void)state;
    assert_memory_equal(apply("{\"do\":\"add\",\"email\":\"rep@x.example\",\"name\":\"R\\u00e9p\","
                              "\"role\":\"sales_rep\",\"password_hash\":\"" HASH "\"}"),
                        "{\"ok\":\"", 7);
    const char *list = apply("{\"do\":\"list\"}");
    assert_non_null(strstr(list, "\"rep@x.example\""));
    assert_non_null(strstr(list, "R\xc3\xa9p"));
    assert_null(strstr(list, "argon2"));
    assert_string_equal(
        apply("{\"do\":\"set_active\",\"email\":\"rep@x.example\",\"is_active\":false}"),
        "{\"ok\":true}");
    assert_non_null(strstr(apply("{\"do\":\"list\"}"), "\"is_active\":false"));
    assert_string_equal(
        apply("{\"do\":\"set_active\",\"email\":\"rep@x.example\",\"is_active\":true}"),
        "{\"ok\":true}");
    assert_null(strstr(apply("{\"do\":\"list\"}"), "\"is_active\":false"));
}

static void what_cannot_be_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *request, *reason;
    } cases[] = {
        {"{\"do\":\"add\",\"email\":\"x\",\"name\":\"n\",\"role\":\"owner\",\"password_hash\":"
         "\"h\"}",
         "no email"},
        {"{\"do\":\"add\",\"email\":\"a "
         "b@x\",\"name\":\"n\",\"role\":\"owner\",\"password_hash\":\"h\"}",
         "no email"},
        {"{\"do\":\"add\",\"email\":\"a@b\",\"name\":\"\",\"role\":\"owner\",\"password_hash\":"
         "\"h\"}",
         "the name"},
        {"{\"do\":\"add\",\"email\":\"a@b\",\"name\":\"n\",\"role\":\"anon\",\"password_hash\":"
         "\"h\"}",
         "the role"},
        {"{\"do\":\"add\",\"email\":\"a@b\",\"name\":\"n\",\"role\":\"owner\"}", "a password"},
        {"{\"do\":\"add\",\"email\":\"" OWNER_EMAIL
         "\",\"name\":\"n\",\"role\":\"owner\",\"password_hash\":\"h\"}",
         "already"},
        {"{\"do\":\"set_active\",\"email\":\"nobody@x\",\"is_active\":true}", "nobody has"},
        {"{\"do\":\"set_active\",\"email\":\"nobody@x\"}", "is_active is missing"},
        {"{\"do\":\"drop everything\"}", "not understood"},
        {"[]", "not understood"},
        {"{\"do\":1}", "not understood"},
        {"{", "not understood"},
        {"", "not understood"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *reply = apply(cases[i].request);
        assert_memory_equal(reply, "{\"error\":", 9);
        if (!strstr(reply, cases[i].reason))
            fail_msg("%s gave %s", cases[i].request, reply);
    }
}

static void a_line_over_the_limit_is_refused(void **state)
{
    (void)state;
    static char request[ADMIN_LINE_MAX + 100];
    snprintf(request, sizeof(request), "{\"do\":\"ping\",\"x\":\"%0*d\"}", ADMIN_LINE_MAX, 0);
    assert_non_null(strstr(apply(request), "not understood"));
    assert_string_equal(apply("{\"do\":\"ping\"}"), "{\"ok\":true}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_is_added_listed_disabled_and_enabled),
        cmocka_unit_test(what_cannot_be_is_refused_with_a_reason),
        cmocka_unit_test(a_line_over_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
