#include "server/bakery.h"

#include <stdio_ext.h>
#include <unistd.h>

#include "base/json.h"
#include "support.h"

/* Complaints are for people; here they would only be noise. */
static int hide_complaints(void **state)
{
    (void)state;
    return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static void a_new_bakery_can_be_opened_and_not_made_twice(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct bakery b, c;
    make_bakery(&f);
    assert_int_equal(bakery_open(&b, "test", f.path), OK);
    assert_non_null(store_catalogue(b.store));
    bakery_close(&b);
    bakery_close(&b);
    assert_int_equal(bakery_create(&c, "test", f.path), ERR_EXISTS);
    remove_folder(&f);
}

static void a_writer_keeps_others_from_writing_and_not_from_reading(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct bakery first, second;
    make_bakery(&f);
    assert_int_equal(bakery_open_writer(&first, "test", f.path), OK);
    assert_int_equal(bakery_open_writer(&second, "test", f.path), ERR_BUSY);
    assert_int_equal(bakery_open(&second, "test", f.path), OK);
    bakery_close(&second);
    bakery_close(&first);
    remove_folder(&f);
}

static void a_folder_without_a_bakery_is_told(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct bakery b;
    make_folder(&f);
    assert_int_equal(bakery_open(&b, "test", f.path), ERR_NOT_FOUND);
    assert_int_equal(bakery_open_writer(&b, "test", f.path), ERR_NOT_FOUND);
    remove_folder(&f);
    assert_int_equal(bakery_open(&b, "test", f.path), ERR_NOT_FOUND);
}

static void passwords_are_hashed_and_their_length_is_checked(void **state)
{
    (void)state;
    struct buf request;
    struct bakery_person p = {"a@b.example", "\"quoted\"", "owner", "1234567"};
    buf_init(&request, 4096);
    assert_int_equal(bakery_put_add(&request, &p), ERR_LIMIT);
    p.password = "12345678";
    assert_int_equal(bakery_put_add(&request, &p), OK);
    struct json_value v, hash;
    assert_int_equal(json_parse(buf_bytes(&request), &v), OK);
    assert_int_equal(json_get(v, BYTES("password_hash"), &hash), OK);
    assert_true(bytes_starts_with(hash.raw, BYTES("\"$argon2id$")));
    assert_true(bytes_find(buf_bytes(&request), BYTES("12345678")) == request.size);
    buf_done(&request);
}

/* Reads `size` bytes as standard input would give them. */
static bool read_password(const char *input, size_t size, char out[PASSWORD_MAX + 1])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], input, size), (ssize_t)size);
    close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    __fpurge(stdin);
    clearerr(stdin);
    return bakery_read_password("test", out);
}

static void a_password_is_one_line_of_text_that_a_client_can_send(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        size_t size;
        const char *password;
    } cases[] = {
        {"long enough\n", 12, "long enough"},
        {"long enough", 11, "long enough"},
        {"long enough\r\nmore\n", 18, "long enough"},
        {"sch\xc3\xb6n lang\n", 12, "sch\xc3\xb6n lang"},
        {"", 0, NULL},
        {"\n", 1, NULL},
        {"short\n", 6, NULL},
        {"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n", 9, NULL},
        {"long enough\0and more\n", 21, NULL},
        {"\0\n", 2, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[PASSWORD_MAX + 1];
        bool is_read = read_password(cases[i].input, cases[i].size, out);
        assert_int_equal(is_read, cases[i].password != NULL);
        if (is_read)
            assert_string_equal(out, cases[i].password);
    }
}

static void a_password_has_its_longest_length(void **state)
{
    (void)state;
    char input[PASSWORD_MAX + 16];
    char out[PASSWORD_MAX + 1];
    memset(input, 'x', sizeof(input));
    input[PASSWORD_MAX] = '\n';
    assert_true(read_password(input, PASSWORD_MAX + 1, out));
    assert_int_equal(strlen(out), PASSWORD_MAX);
    input[PASSWORD_MAX] = 'x';
    input[PASSWORD_MAX + 1] = '\n';
    assert_false(read_password(input, PASSWORD_MAX + 2, out));
    assert_false(read_password(input, sizeof(input), out));
}

static void without_a_server_a_request_is_carried_out_here(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct buf reply;
    make_bakery(&f);
    buf_init(&reply, 65536);
    assert_int_equal(bakery_ask("test", f.path, BYTES("{\"do\":\"list\"}"), &reply), OK);
    assert_true(bytes_find(buf_bytes(&reply), BYTES(OWNER_EMAIL)) < reply.size);
    buf_reset(&reply);
    assert_int_equal(bakery_ask("test", f.path, BYTES("{\"do\":\"?\"}"), &reply), ERR_DENIED);
    buf_done(&reply);
    remove_folder(&f);
}

static void a_server_that_does_not_answer_is_told(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct bakery b;
    struct buf reply;
    make_bakery(&f);
    buf_init(&reply, 65536);
    assert_int_equal(bakery_open_writer(&b, "test", f.path), OK); /* locked, and no socket */
    assert_int_equal(bakery_ask("test", f.path, BYTES("{\"do\":\"list\"}"), &reply), ERR_BUSY);
    bakery_close(&b);
    buf_done(&reply);
    remove_folder(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bakery_can_be_opened_and_not_made_twice),
        cmocka_unit_test(a_writer_keeps_others_from_writing_and_not_from_reading),
        cmocka_unit_test(a_folder_without_a_bakery_is_told),
        cmocka_unit_test(passwords_are_hashed_and_their_length_is_checked),
        cmocka_unit_test(a_password_is_one_line_of_text_that_a_client_can_send),
        cmocka_unit_test(a_password_has_its_longest_length),
        cmocka_unit_test(without_a_server_a_request_is_carried_out_here),
        cmocka_unit_test(a_server_that_does_not_answer_is_told),
    };
    return cmocka_run_group_tests(tests, hide_complaints, NULL);
}
