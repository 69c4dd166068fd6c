/* The loop of a shard and its live connections, through a whole server. */
#include "server/shard.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "../io/tls_support.h"
#include "live_support.h"

#define HEARTBEAT_1 "{\"topic\":\"phoenix\",\"event\":\"heartbeat\",\"payload\":{},\"ref\":\"9\"}"
#define HEARTBEAT_2 "[null,\"9\",\"phoenix\",\"heartbeat\",{}]"
#define ANSWER_2 "[null,\"9\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]"

static void heartbeats_are_answered_in_both_versions_and_on_all_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {"/realtime/v1/websocket", "/realtime/v1/websocket/",
                                        "/socket/websocket", "/socket/websocket/"};
    for (size_t i = 0; i < 4; i++) {
        int fd = upgrade(server, paths[i], "2.0.0", folder.anon);
        send_text(fd, HEARTBEAT_2);
        assert_string_equal(hear_text(fd), ANSWER_2);
        close(fd);
        fd = upgrade(server, paths[i], "1.0.0", folder.anon);
        send_text(fd, HEARTBEAT_1);
        assert_non_null(strstr(hear_text(fd), "\"status\":\"ok\""));
        close(fd);
    }
}

static void what_comes_right_behind_the_handshake_is_heard(void **state)
{
    (void)state;
    char text[4096];
    int fd = dial(server);
    int size = put_handshake(text, sizeof(text), "/realtime/v1/websocket", "2.0.0", folder.anon);
    size_t all = (size_t)size + put_frame(text + size, 1, HEARTBEAT_2, strlen(HEARTBEAT_2));
    say_bytes(fd, text, all);
    hear(fd, &got);
    assert_int_equal(got.status, 101);
    assert_string_equal(hear_text(fd), ANSWER_2);
    close(fd);
}

static void handshake_and_frames_may_be_cut_anywhere(void **state)
{
    (void)state;
    char text[4096];
    int size = put_handshake(text, sizeof(text), "/realtime/v1/websocket", "2.0.0", folder.anon);
    size_t all = (size_t)size + put_frame(text + size, 1, HEARTBEAT_2, strlen(HEARTBEAT_2));
    for (size_t cut = 1; cut < all; cut += cut + 40 < (size_t)size ? 37 : 1) {
        int fd = dial(server);
        say_bytes(fd, text, cut);
        say_bytes(fd, text + cut, all - cut);
        hear(fd, &got);
        assert_int_equal(got.status, 101);
        assert_string_equal(hear_text(fd), ANSWER_2);
        close(fd);
    }
}

static void handshakes_that_cannot_be_are_refused_with_a_reason(void **state)
{
    (void)state;
#define UPGRADE                                                                                    \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "                         \
    "13\r\nSec-WebSocket-Key: " KEY "\r\n"
    static const struct {
        const char *line, *fields;
        int status;
        const char *words;
    } cases[] = {
        {"GET /realtime/v1/websocket", UPGRADE, 401, "{\"error\":\"API key is missing\"}"},
        {"GET /realtime/v1/websocket?apikey=x", UPGRADE, 401,
         "The token provided is not a valid JWT"},
        {"GET /realtime/v1/websocket?apikey=%zz", UPGRADE, 401,
         "The token provided is not a valid JWT"},
        {"GET /realtime/v1/websocket?vsn=3.0.0", UPGRADE, 400, "vsn"},
        {"GET /realtime/v1/websocket?vsn=1.0.%zz", UPGRADE, 400, "vsn"},
        {"GET /realtime/v1/websocket?vsn="
         "1111111111111111111111111111111111111111111111111111111111111111111111111",
         UPGRADE, 400, "vsn"},
        {"POST /realtime/v1/websocket", UPGRADE "Content-Length: 0\r\n", 405, "GET"},
        {"GET /realtime/v1/websocket", "", 426, "WebSocket"},
        {"GET /realtime/v1/websocket",
         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
         "8\r\nSec-WebSocket-Key: " KEY "\r\n",
         426, "13"},
        {"GET /realtime/v1/websocket",
         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
         "13\r\nSec-WebSocket-Key: abc\r\n",
         400, "Sec-WebSocket-Key"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", cases[i].line,
                 cases[i].fields);
        ask_once(server, text, &got);
        if (got.status != cases[i].status || !strstr(got.body, cases[i].words))
            fail_msg("case %zu: %d %s", i, got.status, got.body);
    }
}

static void the_key_may_come_in_a_header(void **state)
{
    (void)state;
    static const char *const names[] = {"apikey", "X-Api-Key"};
    for (size_t i = 0; i < 2; i++) {
        char text[2048];
        snprintf(text, sizeof(text),
                 "GET /realtime/v1/websocket HTTP/1.1\r\nHost: x\r\n%s: %s\r\n" UPGRADE "\r\n",
                 names[i], folder.anon);
        ask_once(server, text, &got);
        assert_int_equal(got.status, 101);
    }
}

static void *stop_server(void *s)
{
    server_stop(s);
    return NULL;
}

static void the_end_is_told_with_1012(void **state)
{
    (void)state;
    struct bakery_folder f;
    char payload[256], frame[64];
    size_t size;
    pthread_t stopper;
    make_bakery(&f);
    struct server_config c = test_config(&f);
    struct server *s = start_server(&c);
    int fd = join(s, f.service);
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, s), 0);
    int opcode;
    while ((opcode = hear_frame(fd, payload, sizeof(payload), &size)) == 1)
        continue; /* the channel may say goodbye first */
    assert_int_equal(opcode, 8);
    assert_int_equal((unsigned char)payload[0] << 8 | (unsigned char)payload[1], 1012);
    say_bytes(fd, frame, put_frame(frame, 8, payload, 2)); /* the answer ends it at once */
    assert_true(is_ended(fd));
    pthread_join(stopper, NULL);
    close(fd);
    remove_folder(&f);
}

static void broken_frames_end_their_own_connection_only(void **state)
{
    (void)state;
    static const char *const broken[] = {"\x81\x05hello", "\xf1\x80\x01\x02\x03\x04",
                                         "\x83\x80\x01\x02\x03\x04"};
    char payload[256];
    size_t size;
    int neighbour = upgrade(server, "/realtime/v1/websocket", "2.0.0", folder.anon);
    for (size_t i = 0; i < 3; i++) {
        int fd = upgrade(server, "/realtime/v1/websocket", "2.0.0", folder.anon);
        say_bytes(fd, broken[i], i == 0 ? 7 : 6);
        assert_int_equal(hear_frame(fd, payload, sizeof(payload), &size), 8);
        assert_int_equal((unsigned char)payload[0] << 8 | (unsigned char)payload[1], 1002);
        assert_true(is_ended(fd));
        close(fd);
    }
    send_text(neighbour, HEARTBEAT_2);
    assert_string_equal(hear_text(neighbour), ANSWER_2);
    close(neighbour);
}

static void a_closing_handshake_ends_the_connection(void **state)
{
    (void)state;
    char frame[64], payload[256];
    size_t size;
    int fd = upgrade(server, "/realtime/v1/websocket", "2.0.0", folder.anon);
    say_bytes(fd, frame, put_frame(frame, 8, "\x03\xe8", 2));
    assert_int_equal(hear_frame(fd, payload, sizeof(payload), &size), 8);
    assert_true(is_ended(fd));
    close(fd);
}

/* The lowest descriptor that is free: nothing can be opened below a limit of that. */
static void forbid_descriptors(struct rlimit *saved)
{
    assert_int_equal(getrlimit(RLIMIT_NOFILE, saved), 0);
    int lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    struct rlimit low = {(rlim_t)lowest, saved->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
}

static void without_descriptors_connections_are_refused_and_later_taken(void **state)
{
    (void)state;
    struct rlimit saved;
    int watcher = dial(server);
    do { /* until the server has closed what earlier tests left */
        say(watcher, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        hear(watcher, &got);
    } while (!strstr(got.body, "\nhomebake_connections 1\n"));
    struct sock_address a = address_of(server);
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    forbid_descriptors(&saved);
    int connected = connect(fd, (const struct sockaddr *)&a.addr, a.size);
    bool is_refused = connected == 0 && is_ended(fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_true(is_refused);
    close(fd);
    say(watcher, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); /* who was there is served */
    hear(watcher, &got);
    assert_null(strstr(got.body, "\nhomebake_refused_descriptors_total 0\n"));
    close(watcher);
    ask_once(server, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    assert_int_equal(got.status, 200);
}

static void over_tls_the_same_is_spoken(void **state)
{
    (void)state;
    struct bakery_folder f;
    struct tls_files files;
    make_bakery(&f);
    tls_files_make(&files);
    struct server_config c = test_config(&f);
    c.tls_cert = files.cert;
    c.tls_key = files.key;
    struct server *s = start_server(&c);
    int fd = dial(s);
    SSL_CTX *ctx = tls_client_context(0);
    SSL *ssl = SSL_new(ctx);
    char text[4096];
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    int size = put_handshake(text, sizeof(text), "/realtime/v1/websocket", "2.0.0", f.anon);
    assert_int_equal(SSL_write(ssl, text, size), size);
    int heard = SSL_read(ssl, text, sizeof(text) - 1);
    assert_true(heard > 12);
    text[heard] = 0;
    assert_non_null(strstr(text, ACCEPT));
    char frame[256];
    size = (int)put_frame(frame, 1, HEARTBEAT_2, strlen(HEARTBEAT_2));
    assert_int_equal(SSL_write(ssl, frame, size), size);
    heard = SSL_read(ssl, text, sizeof(text) - 1);
    assert_int_equal(heard, 2 + (int)strlen(ANSWER_2));
    assert_memory_equal(text + 2, ANSWER_2, strlen(ANSWER_2));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    server_stop(s);
    tls_files_remove(&files);
    remove_folder(&f);
}

/* A large answer over TLS: many records, each waiting for room. */
static void over_tls_a_large_page_arrives_whole(void **state)
{
    (void)state;
    static char large[3 << 20];
    static char heard[sizeof(large) + 4096];
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)('a' + i % 23);
    const struct asset item = {"/large.txt",           "text/plain", "h", false,
                               {large, sizeof(large)}, {0},          {0}};
    const struct asset_set set = {&item, 1};
    struct bakery_folder f;
    struct tls_files files;
    make_bakery(&f);
    tls_files_make(&files);
    struct server_config c = test_config(&f);
    c.tls_cert = files.cert;
    c.tls_key = files.key;
    c.assets = &set;
    struct server *s = start_server(&c);
    int fd = dial(s);
    SSL_CTX *ctx = tls_client_context(0);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    static const char request[] = "GET /large.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(SSL_write(ssl, request, sizeof(request) - 1), sizeof(request) - 1);
    size_t size = 0;
    int n;
    while ((n = SSL_read(ssl, heard + size, (int)(sizeof(heard) - size))) > 0)
        size += (size_t)n;
    assert_true(size > sizeof(large));
    assert_memory_equal(heard + size - sizeof(large), large, sizeof(large));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    server_stop(s);
    tls_files_remove(&files);
    remove_folder(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeats_are_answered_in_both_versions_and_on_all_paths),
        cmocka_unit_test(what_comes_right_behind_the_handshake_is_heard),
        cmocka_unit_test(handshake_and_frames_may_be_cut_anywhere),
        cmocka_unit_test(handshakes_that_cannot_be_are_refused_with_a_reason),
        cmocka_unit_test(the_key_may_come_in_a_header),
        cmocka_unit_test(the_end_is_told_with_1012),
        cmocka_unit_test(broken_frames_end_their_own_connection_only),
        cmocka_unit_test(a_closing_handshake_ends_the_connection),
        cmocka_unit_test(without_descriptors_connections_are_refused_and_later_taken),
        cmocka_unit_test(over_tls_the_same_is_spoken),
        cmocka_unit_test(over_tls_a_large_page_arrives_whole),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
