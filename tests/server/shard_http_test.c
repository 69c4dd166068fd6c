/* HTTP connections of a shard, through a whole server. */
#define ZLIB_CONST
#include "server/shard.h"

#include <zlib.h>

#include "whole_server.h"

static int open_small(void **state)
{
    (void)state;
    make_bakery(&folder);
    struct server_config c = test_config(&folder);
    c.shards = 1;
    server = start_server(&c);
    return 0;
}

/* A server of its own for one test, with other limits. */
static struct server *other_server(struct server_config *c, struct bakery_folder *f)
{
    make_bakery(f);
    const char *path = f->path;
    c->folder = path;
    c->shards = 1;
    return start_server(c);
}

static void a_connection_serves_many_requests(void **state)
{
    (void)state;
    int fd = dial(server);
    for (int i = 0; i < 50; i++) {
        say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        hear(fd, &got);
        assert_int_equal(got.status, 200);
        assert_string_equal(got.body, "ok\n");
        assert_null(answer_header(&got, "Connection"));
        assert_non_null(answer_header(&got, "Date"));
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    int fd = dial(server);
    for (int i = 0; i < 30; i++)
        say(fd, i % 3 == 0   ? "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
                : i % 3 == 1 ? "GET /api/config HTTP/1.1\r\nHost: x\r\n\r\n"
                             : "GET /nothing.here HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 30; i++) {
        hear(fd, &got);
        assert_int_equal(got.status, i % 3 == 2 ? 404 : 200);
        assert_int_equal(strstr(got.body, "anon_key") != NULL, i % 3 == 1);
    }
    close(fd);
}

/* Far more than may wait: the rest stays in the kernel until there is room. */
static void a_flood_of_pipelined_requests_is_answered_too(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    static const char one[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    static char all[COUNT * (sizeof(one) - 1)];
    for (int i = 0; i < COUNT; i++)
        memcpy(all + (size_t)i * (sizeof(one) - 1), one, sizeof(one) - 1);
    int fd = dial(server);
    say_bytes(fd, all, sizeof(all));
    for (int i = 0; i < COUNT; i++) {
        hear(fd, &got);
        assert_int_equal(got.status, 200);
    }
    close(fd);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char text[] = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = dial(server);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        say_bytes(fd, text + i, 1);
    hear(fd, &got);
    assert_int_equal(got.status, 200);
    assert_string_equal(answer_header(&got, "Connection"), "close");
    assert_true(is_ended(fd));
    close(fd);
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    int fd = dial(server);
    say(fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    char first[13] = {0};
    for (int i = 0; i < 12; i++)
        first[i] = (char)hear_byte(fd);
    assert_string_equal(first, "HTTP/1.1 200");
    char text[4096];
    size_t size = 0;
    while (size < 4 || memcmp(text + size - 4, "\r\n\r\n", 4) != 0)
        text[size++] = (char)hear_byte(fd);
    text[size] = 0;
    assert_non_null(strstr(text, "Content-Length: "));
    hear(fd, &got); /* the next answer begins right behind */
    assert_string_equal(got.body, "ok\n");
    close(fd);
}

static void garbage_is_answered_with_400_and_the_end(void **state)
{
    (void)state;
    int fd = dial(server);
    say(fd, "\x16\x03\x01 this is not HTTP\r\n\r\n");
    hear(fd, &got);
    assert_int_equal(got.status, 400);
    assert_string_equal(answer_header(&got, "Connection"), "close");
    assert_true(is_ended(fd));
    close(fd);
}

static void too_large_a_head_is_431(void **state)
{
    (void)state;
    static char text[20000];
    int n =
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\nX-Large: %017000d\r\n\r\n", 0);
    int fd = dial(server);
    say_bytes(fd, text, (size_t)n);
    hear(fd, &got);
    assert_int_equal(got.status, 431);
    close(fd);
}

/* The answer must arrive although the body is still on its way: no reset may overtake it. */
static void too_large_a_body_is_413_even_while_it_is_being_sent(void **state)
{
    (void)state;
    static char block[65536];
    int fd = dial(server);
    say(fd, "POST /rest/v1/sales_logs HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
            break;
    }
    hear(fd, &got);
    assert_int_equal(got.status, 413);
    close(fd);
}

static void continue_is_said_when_it_is_waited_for(void **state)
{
    (void)state;
    int fd = dial(server);
    say(fd, "POST /auth/v1/logout HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
            "2\r\n\r\n");
    hear(fd, &got);
    assert_int_equal(got.status, 100);
    say(fd, "{}");
    hear(fd, &got);
    assert_int_equal(got.status, 401);
    close(fd);
}

static void a_half_closed_peer_gets_its_answer(void **state)
{
    (void)state;
    int fd = dial(server);
    say(fd, "GET /api/inventory/current HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    hear(fd, &got);
    assert_int_equal(got.status, 401);
    assert_true(is_ended(fd));
    close(fd);
}

static void sign_in(const struct server *s, const struct bakery_folder *b, char token[4096])
{
    char request[1024], body[256];
    int size = snprintf(body, sizeof(body), "{\"email\":\"%s\",\"password\":\"%s\"}", OWNER_EMAIL,
                        OWNER_PASSWORD);
    snprintf(request, sizeof(request),
             "POST /auth/v1/token?grant_type=password HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
             b->anon, size, body);
    ask_once(s, request, &got);
    assert_int_equal(got.status, 200);
    const char *at = strstr(got.body, "\"access_token\":\"");
    assert_non_null(at);
    at += strlen("\"access_token\":\"");
    snprintf(token, 4096, "%.*s", (int)strcspn(at, "\""), at);
}

static void a_person_signs_in_writes_and_reads(void **state)
{
    (void)state;
    char token[4096], request[8192];
    static const char body[] = "{\"name\":\"Rye loaf\",\"unit_price\":900}";
    sign_in(server, &folder, token);
    int fd = dial(server);
    snprintf(request, sizeof(request),
             "POST /rest/v1/bread_types HTTP/1.1\r\nHost: x\r\napikey: %s\r\nAuthorization: Bearer "
             "%s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             folder.anon, token, sizeof(body) - 1, body);
    say(fd, request);
    hear(fd, &got);
    assert_int_equal(got.status, 201);
    snprintf(request, sizeof(request),
             "GET /rest/v1/bread_types?select=name,unit_price HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Authorization: Bearer %s\r\n\r\n",
             folder.anon, token);
    say(fd, request);
    hear(fd, &got);
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "[{\"name\":\"Rye loaf\",\"unit_price\":900.00}]");
    close(fd);
}

struct person {
    int fd;
    char anon[1024], token[4096];
};

static struct person enter(const struct server *s, const struct bakery_folder *b)
{
    struct person p = {.fd = dial(s)};
    snprintf(p.anon, sizeof(p.anon), "%s", b->anon);
    sign_in(s, b, p.token);
    return p;
}

static void read_breads(const struct person *p, const char *query, const char *accepted)
{
    char request[8192];
    snprintf(request, sizeof(request),
             "GET /rest/v1/bread_types?%s HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Authorization: Bearer %s\r\nAccept-Encoding: %s\r\n\r\n",
             query, p->anon, p->token, accepted);
    say(p->fd, request);
    hear(p->fd, &got);
    assert_int_equal(got.status, 200);
}

static void add_breads(const struct person *p, int count)
{
    char request[16384], body[8192] = "[";
    int size = 1;
    for (int i = 0; i < count; i++)
        size += snprintf(body + size, sizeof(body) - (size_t)size,
                         "%s{\"name\":\"Bread number %d\",\"unit_price\":900}", i ? "," : "", i);
    size += snprintf(body + size, sizeof(body) - (size_t)size, "]");
    snprintf(request, sizeof(request),
             "POST /rest/v1/bread_types HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n%s",
             p->anon, p->token, size, body);
    say(p->fd, request);
    hear(p->fd, &got);
    assert_int_equal(got.status, 201);
}

static void check_unpacks(const struct answer *packed, const struct answer *plain)
{
    char text[sizeof(plain->body)];
    z_stream s = {.next_in = (const Bytef *)packed->body,
                  .avail_in = (uInt)packed->body_size,
                  .next_out = (Bytef *)text,
                  .avail_out = sizeof(text)};
    assert_int_equal(inflateInit2(&s, 15 + 16), Z_OK);
    assert_int_equal(inflate(&s, Z_FINISH), Z_STREAM_END);
    assert_int_equal(sizeof(text) - s.avail_out, plain->body_size);
    assert_memory_equal(text, plain->body, plain->body_size);
    inflateEnd(&s);
}

static void rows_are_compressed_for_those_who_accept_it(void **state)
{
    (void)state;
    static struct answer plain;
    struct person p = enter(server, &folder);
    add_breads(&p, 40);
    read_breads(&p, "select=*", "gzip;q=0, identity");
    assert_null(answer_header(&got, "Content-Encoding"));
    plain = got;
    read_breads(&p, "select=*", "br, gzip");
    assert_string_equal(answer_header(&got, "Content-Encoding"), "gzip");
    assert_non_null(answer_header(&got, "HomeBake-Seq"));
    assert_true(got.body_size < plain.body_size / 2);
    check_unpacks(&got, &plain);
    /* Neither what is small, nor, on the same connection, what follows. */
    read_breads(&p, "select=name&limit=1", "gzip");
    assert_null(answer_header(&got, "Content-Encoding"));
    say(p.fd, "GET /api/config HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    hear(p.fd, &got);
    assert_null(answer_header(&got, "Content-Encoding"));
    close(p.fd);
}

static void no_rows_are_compressed_where_it_is_switched_off(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct server_config c = test_config(&folder);
    c.limits.gzip_min = 0;
    struct server *s = other_server(&c, &f);
    struct person p = enter(s, &f);
    add_breads(&p, 40);
    read_breads(&p, "select=*", "gzip");
    assert_null(answer_header(&got, "Content-Encoding"));
    close(p.fd);
    server_stop(s);
    remove_folder(&f);
}

static void a_peer_that_leaves_during_its_call_hurts_nobody(void **state)
{
    (void)state;
    char request[1024];
    static const char body[] = "{\"email\":\"nobody@bakery.example\",\"password\":\"12345678\"}";
    snprintf(request, sizeof(request),
             "POST /auth/v1/token?grant_type=password HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             folder.anon, sizeof(body) - 1, body);
    for (int i = 0; i < 5; i++) {
        int fd = dial(server);
        struct linger hard = {1, 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        say(fd, request);
        close(fd); /* by a reset, while the password is being checked */
    }
    ask_once(server, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    assert_int_equal(got.status, 200);
}

static void slow_heads_and_bodies_are_408(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct server_config c = test_config(&folder);
    c.limits.slow_us = 30000;
    struct server *s = other_server(&c, &f);
    int head = dial(s), body = dial(s), silent = dial(s);
    say(head, "GET /livez HTTP/1.1\r\nHost:");
    say(body, "POST /rest/v1/sales_logs HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123");
    hear(head, &got);
    assert_int_equal(got.status, 408);
    assert_true(is_ended(head));
    hear(body, &got);
    assert_int_equal(got.status, 408);
    assert_true(is_ended(silent)); /* who has said nothing is told nothing */
    close(head);
    close(body);
    close(silent);
    server_stop(s);
    remove_folder(&f);
}

static void idle_connections_are_closed_after_a_while(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct server_config c = test_config(&folder);
    c.limits.idle_us = 30000;
    struct server *s = other_server(&c, &f);
    int fd = dial(s);
    say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(fd, &got);
    assert_true(is_ended(fd));
    close(fd);
    server_stop(s);
    remove_folder(&f);
}

static void connections_over_the_limit_are_closed(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct server_config c = test_config(&folder);
    c.limits.connections_max = 2; /* 3 with one shard: the limit is shared out and rounded up */
    struct server *s = other_server(&c, &f);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(s);
        say(fds[i], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        hear(fds[i], &got);
    }
    int more = dial(s);
    assert_true(is_ended(more));
    close(more);
    close(fds[0]);
    /* One has left: soon there is room again. */
    for (int tries = 0; tries < 1000; tries++) {
        fds[0] = dial(s);
        if (send(fds[0], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 32, MSG_NOSIGNAL) == 32 &&
            recv(fds[0], got.body, 12, MSG_WAITALL) == 12)
            break;
        close(fds[0]);
        fds[0] = -1;
    }
    assert_true(fds[0] >= 0);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    server_stop(s);
    remove_folder(&f);
}

static void metrics_are_for_this_machine_and_the_service_key(void **state)
{
    (void)state;
    char request[2048];
    ask_once(server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.body, "\nhomebake_accepted_total "));
    assert_non_null(strstr(got.body, "\nhomebake_http_responses_total{class=\"2xx\"} "));
    assert_non_null(strstr(got.body, "\nhomebake_write_groups_total "));
    assert_non_null(strstr(got.body, "\nhomebake_live_deliveries_total "));
    ask_once(server, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n", &got);
    assert_int_equal(got.status, 403);
    for (int i = 0; i < 2; i++) {
        snprintf(request, sizeof(request),
                 "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nAuthorization: "
                 "Bearer %s\r\n\r\n",
                 i ? folder.service : folder.anon);
        ask_once(server, request, &got);
        assert_int_equal(got.status, i ? 200 : 403);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_flood_of_pipelined_requests_is_answered_too),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(garbage_is_answered_with_400_and_the_end),
        cmocka_unit_test(too_large_a_head_is_431),
        cmocka_unit_test(too_large_a_body_is_413_even_while_it_is_being_sent),
        cmocka_unit_test(continue_is_said_when_it_is_waited_for),
        cmocka_unit_test(a_half_closed_peer_gets_its_answer),
        cmocka_unit_test(a_person_signs_in_writes_and_reads),
        cmocka_unit_test(rows_are_compressed_for_those_who_accept_it),
        cmocka_unit_test(no_rows_are_compressed_where_it_is_switched_off),
        cmocka_unit_test(a_peer_that_leaves_during_its_call_hurts_nobody),
        cmocka_unit_test(slow_heads_and_bodies_are_408),
        cmocka_unit_test(idle_connections_are_closed_after_a_while),
        cmocka_unit_test(connections_over_the_limit_are_closed),
        cmocka_unit_test(metrics_are_for_this_machine_and_the_service_key),
    };
    return cmocka_run_group_tests(tests, open_small, close_all);
}
