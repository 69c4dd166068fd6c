#include "server/server.h"

#include "support.h"

static struct bakery_folder folder;

static int open_all(void **state)
{
    (void)state;
    make_bakery(&folder);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    remove_folder(&folder);
    return 0;
}

static void a_started_server_answers_and_a_stopped_one_does_not(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    static struct answer a;
    for (int round = 0; round < 2; round++) {
        struct server *s = start_server(&c);
        struct sock_address address = address_of(s);
        ask_once(s, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", &a);
        assert_int_equal(a.status, 200);
        server_stop(s);
        assert_int_equal(sock_probe(&address), OK); /* the port is free again */
    }
}

static void assert_refusal(const struct server_config *c, enum err expected, const char *words)
{
    struct buf message;
    struct server *s = NULL;
    buf_init(&message, 4096);
    assert_int_equal(server_start(c, &message, &s), expected);
    if (bytes_find(buf_bytes(&message), bytes_of(words)) == message.size)
        fail_msg("'%s' is not in '%.*s'", words, (int)message.size, message.data);
    buf_done(&message);
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    struct server *other = start_server(&c);
    struct buf url;
    buf_init(&url, 256);
    server_put_url(&url, other);
    buf_put_char(&url, 0);
    c.listen = strrchr(url.data, '/') + 1;
    assert_refusal(&c, ERR_EXISTS, "another program listens there");
    server_stop(other);
    buf_done(&url);
    c.listen = "nonsense";
    assert_refusal(&c, ERR_SYNTAX, "nonsense: not of the form ADDR:PORT");
    c = test_config(&folder);
    c.tls_cert = c.tls_key = "/nonexistent.pem";
    assert_refusal(&c, ERR_IO, "the certificate /nonexistent.pem");
    c = test_config(&folder);
    c.folder = "/nonexistent";
    assert_refusal(&c, ERR_NOT_FOUND, "/nonexistent");
}

static void one_shard_or_many_serve_alike(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    static struct answer a;
    for (c.shards = 1; c.shards <= 4; c.shards += 3) {
        struct server *s = start_server(&c);
        for (int i = 0; i < 20; i++) {
            ask_once(s, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &a);
            assert_int_equal(a.status, 200);
        }
        server_stop(s);
    }
}

static void idle_connections_end_with_the_server(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    static struct answer a;
    struct server *s = start_server(&c);
    int idle = dial(s), used = dial(s);
    say(used, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(used, &a);
    server_stop(s); /* far sooner than its drain limit, or the test's time is over */
    assert_true(is_ended(used));
    assert_true(is_ended(idle));
    close(idle);
    close(used);
}

static void a_request_half_sent_does_not_hold_up_the_end(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    c.limits.drain_us = 50000;
    struct server *s = start_server(&c);
    int fd = dial(s);
    say(fd, "POST /rest/v1/sales_logs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    server_stop(s);
    assert_true(is_ended(fd));
    close(fd);
}

/* Has the request been read?  Told by the server itself. */
static bool has_begun(const struct server *s)
{
    static struct answer a;
    ask_once(s, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &a);
    return strstr(a.body, "\nhomebake_calls_in_flight 1\n") ||
           !strstr(a.body, "\nhomebake_http_responses_total{class=\"4xx\"} 0\n");
}

static void a_request_under_way_is_answered_before_the_end(void **state)
{
    (void)state;
    static const char body[] = "{\"email\":\"nobody@bakery.example\",\"password\":\"12345678\"}";
    static struct answer a;
    char request[1024];
    struct server_config c = test_config(&folder);
    struct server *s = start_server(&c);
    int fd = dial(s);
    snprintf(request, sizeof(request),
             "POST /auth/v1/token?grant_type=password HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             folder.anon, sizeof(body) - 1, body);
    say(fd, request);
    while (!has_begun(s)) /* each look is a request: this ends, or the test's time is over */
        continue;
    server_stop(s);
    hear(fd, &a);
    assert_int_equal(a.status, 400);
    assert_true(is_ended(fd));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_started_server_answers_and_a_stopped_one_does_not),
        cmocka_unit_test(what_keeps_it_from_starting_is_told),
        cmocka_unit_test(one_shard_or_many_serve_alike),
        cmocka_unit_test(idle_connections_end_with_the_server),
        cmocka_unit_test(a_request_half_sent_does_not_hold_up_the_end),
        cmocka_unit_test(a_request_under_way_is_answered_before_the_end),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
