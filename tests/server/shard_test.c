/* The loop of a shard and its live connections, through a whole server. */
#include "server/shard.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "../io/tls_support.h"
#include "support.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static struct bakery_folder folder;
static struct server *server;
static struct answer got;

static int open_all(void **state)
{
    (void)state;
    make_bakery(&folder);
    struct server_config c = test_config(&folder);
    server = start_server(&c);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    server_stop(server);
    remove_folder(&folder);
    return 0;
}

/* -- a WebSocket client -- */

/* A masked text frame of less than 64 KiB; returns its size. */
static size_t put_frame(char *out, int opcode, const char *payload, size_t size)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    size_t at = 0;
    out[at++] = (char)(0x80 | opcode);
    if (size < 126) {
        out[at++] = (char)(0x80 | size);
    } else {
        out[at++] = (char)(0x80 | 126);
        out[at++] = (char)(size >> 8);
        out[at++] = (char)(size & 0xff);
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < size; i++)
        out[at++] = (char)(payload[i] ^ mask[i % 4]);
    return at;
}

static void send_text(int fd, const char *text)
{
    static char frame[70000];
    say_bytes(fd, frame, put_frame(frame, 1, text, strlen(text)));
}

/* The next frame's payload with a zero behind it; returns its opcode, -1 at the end. */
static int hear_frame(int fd, char *out, size_t max, size_t *out_size)
{
    int first = hear_byte(fd);
    if (first < 0)
        return -1;
    size_t size = (size_t)hear_byte(fd);
    assert_true(size < 127); /* servers do not mask; nothing here is over 64 KiB */
    if (size == 126) {
        size = (size_t)hear_byte(fd) << 8;
        size |= (size_t)hear_byte(fd);
    }
    assert_true(size < max);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)hear_byte(fd);
    out[size] = 0;
    *out_size = size;
    return first & 0x0f;
}

static const char *hear_text(int fd)
{
    static char text[65536];
    size_t size;
    assert_int_equal(hear_frame(fd, text, sizeof(text), &size), 1);
    return text;
}

static int put_handshake(char *out, size_t max, const char *path, const char *vsn, const char *key)
{
    return snprintf(
        out, max,
        "GET %s?apikey=%s&vsn=%s HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
        "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
        path, key, vsn);
}

static int upgrade(const struct server *s, const char *path, const char *vsn, const char *key)
{
    char text[2048];
    int fd = dial(s);
    put_handshake(text, sizeof(text), path, vsn, key);
    say(fd, text);
    hear(fd, &got);
    assert_int_equal(got.status, 101);
    assert_string_equal(answer_header(&got, "Sec-WebSocket-Accept"), ACCEPT);
    return fd;
}

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

/* Writes with the service key, and gives the status. */
static int write_bread(const struct server *s, const char *key, const char *name)
{
    char request[2048], body[128];
    int size = snprintf(body, sizeof(body), "{\"name\":\"%s\",\"unit_price\":900}", name);
    snprintf(request, sizeof(request),
             "POST /rest/v1/bread_types HTTP/1.1\r\nHost: x\r\napikey: %s\r\nAuthorization: Bearer "
             "%s\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
             key, key, size, body);
    ask_once(s, request, &got);
    return got.status;
}

#define JOIN                                                                                       \
    "[\"1\",\"1\",\"realtime:room\",\"phx_join\",{\"config\":{\"postgres_changes\":"               \
    "[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"bread_types\"}]}}]"

static int join(const struct server *s, const char *key)
{
    int fd = upgrade(s, "/realtime/v1/websocket", "2.0.0", key);
    send_text(fd, JOIN);
    while (!strstr(hear_text(fd), "\"system\""))
        continue;
    return fd;
}

static void a_change_reaches_the_readers_of_every_shard(void **state)
{
    (void)state;
    enum { READERS = 12 };
    int fds[READERS];
    for (int i = 0; i < READERS; i++)
        fds[i] = join(server, folder.service);
    assert_int_equal(write_bread(server, folder.service, "Plait"), 201);
    for (int i = 0; i < READERS; i++) {
        const char *text = hear_text(fds[i]);
        assert_non_null(strstr(text, "postgres_changes"));
        assert_non_null(strstr(text, "\"Plait\""));
        close(fds[i]);
    }
}

static void an_explanation_shows_the_channels_of_every_shard(void **state)
{
    (void)state;
    enum { READERS = 8 };
    int fds[READERS];
    struct buf reply;
    size_t count = 0;
    buf_init(&reply, 1 << 20);
    for (int i = 0; i < READERS; i++)
        fds[i] = join(server, folder.service);
    assert_true(server_answer(
        server, BYTES("{\"do\":\"explain\",\"user\":\"service_role\",\"seq\":1}"), &reply));
    assert_true(bytes_starts_with(buf_bytes(&reply), BYTES("{\"ok\":[{\"topic\":")));
    for (struct bytes rest = buf_bytes(&reply), topic = BYTES("\"realtime:room\"");; count++) {
        size_t at = bytes_find(rest, topic);
        if (at == rest.size)
            break;
        rest = bytes_slice(rest, at + topic.size, rest.size);
    }
    assert_int_equal(count, READERS);
    for (int i = 0; i < READERS; i++)
        close(fds[i]);
    buf_done(&reply);
}

/* What a client library does when it is back: so many answers do not fit into an outbox at once. */
static void a_thousand_joins_in_one_write_are_all_answered(void **state)
{
    (void)state;
    enum { JOINS = 1000 };
    static char wire[JOINS * 256];
    size_t size = 0;
    int fd = upgrade(server, "/realtime/v1/websocket", "2.0.0", folder.service), answered = 0;
    for (int i = 0; i < JOINS; i++) {
        char text[200];
        int length = snprintf(text, sizeof(text),
                              "[\"%d\",\"%d\",\"realtime:%d\",\"phx_join\",{\"config\":"
                              "{\"postgres_changes\":[{\"schema\":\"*\"}]}}]",
                              i, i, i);
        size += put_frame(wire + size, 1, text, (size_t)length);
    }
    say_bytes(fd, wire, size);
    while (answered < JOINS) {
        const char *text = hear_text(fd);
        assert_null(strstr(text, "\"status\":\"error\""));
        answered += strstr(text, "phx_reply") != NULL;
    }
    close(fd);
}

/* More readers than one slice holds: nobody is forgotten between two slices. */
static void a_fan_out_of_many_slices_reaches_all(void **state)
{
    (void)state;
    enum { READERS = 2 * 256 + 10 };
    static int fds[READERS];
    struct bakery_folder f;
    make_bakery(&f);
    struct server_config c = test_config(&f);
    c.shards = 1;
    struct server *s = start_server(&c);
    for (int i = 0; i < READERS; i++)
        fds[i] = join(s, f.service);
    for (int round = 0; round < 3; round++) {
        char name[32];
        snprintf(name, sizeof(name), "Bread %d", round);
        assert_int_equal(write_bread(s, f.service, name), 201);
    }
    for (int i = 0; i < READERS; i++) {
        for (int round = 0; round < 3; round++) {
            char name[32];
            snprintf(name, sizeof(name), "\"Bread %d\"", round);
            assert_non_null(strstr(hear_text(fds[i]), name));
        }
        close(fds[i]);
    }
    server_stop(s);
    remove_folder(&f);
}

/* A shard publishes its counters after it has sent, so they may be a moment late. */
static void expect_metric(const char *line)
{
    for (int i = 0; i < 1000; i++) {
        ask_once(server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
        if (strstr(got.body, line))
            return;
    }
    fail_msg("not in /metrics: %s", line);
}

enum { CROWD = 24 }; /* by how the kernel spreads connections, so many are on both shards */

/* Joined to "realtime:all", the even ones with version 1. */
static void join_crowd(const struct server *s, int crowd[CROWD], bool hears_presence)
{
    char text[300];
    for (size_t i = 0; i < CROWD; i++) {
        bool is_old = i % 2 == 0;
        crowd[i] = upgrade(s, "/realtime/v1/websocket", is_old ? "1.0.0" : "2.0.0", folder.anon);
        snprintf(text, sizeof(text),
                 is_old ? "{\"topic\":\"realtime:all\",\"event\":\"phx_join\",\"ref\":\"1\","
                          "\"payload\":{\"config\":{\"presence\":{\"enabled\":%s}}}}"
                        : "[\"1\",\"1\",\"realtime:all\",\"phx_join\",{\"config\":{\"presence\":{"
                          "\"enabled\":%s}}}]",
                 hears_presence ? "true" : "false");
        send_text(crowd[i], text);
        assert_non_null(strstr(hear_text(crowd[i]), "\"ok\""));
        if (hears_presence)
            assert_non_null(strstr(hear_text(crowd[i]), "presence_state"));
    }
}

static void leave_crowd(int crowd[CROWD])
{
    for (size_t i = 0; i < CROWD; i++)
        close(crowd[i]);
}

static void say_to_all(int fd, int n)
{
    char text[100];
    snprintf(text, sizeof(text), "[\"1\",\"2\",\"realtime:all\",\"broadcast\",{\"n\":%d}]", n);
    send_text(fd, text);
}

static void a_broadcast_reaches_the_members_on_every_shard(void **state)
{
    (void)state;
    enum { SAID = 20 };
    int crowd[CROWD];
    join_crowd(server, crowd, false);
    for (int n = 0; n < SAID; n++)
        say_to_all(crowd[1], n);
    for (size_t i = 0; i < CROWD; i++) {
        for (int n = 0; n < SAID && i != 1; n++) {
            char part[32];
            snprintf(part, sizeof(part), "{\"n\":%d}", n);
            assert_non_null(strstr(hear_text(crowd[i]), part));
        }
    }
    leave_crowd(crowd);
    expect_metric("\nhomebake_live_relayed_total 20\n");
    expect_metric("\nhomebake_relay_dropped_total 0\n");
}

static void a_broadcast_over_http_reaches_the_members_on_every_shard(void **state)
{
    (void)state;
    static const char body[] =
        "{\"messages\":[{\"topic\":\"all\",\"event\":\"e\\u0065\",\"payload\":"
        "{\"n\":1}}]}";
    int crowd[CROWD];
    char request[2048], payload[256];
    join_crowd(server, crowd, false);
    snprintf(request, sizeof(request),
             "POST /realtime/v1/api/broadcast HTTP/1.1\r\nHost: x\r\napikey: %s\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             folder.anon, sizeof(body) - 1, body);
    ask_once(server, request, &got);
    assert_int_equal(got.status, 202);
    assert_int_equal(got.body_size, 0);
    for (size_t i = 0; i < CROWD; i++) {
        size_t size;
        bool is_old = i % 2 == 0;
        assert_int_equal(hear_frame(crowd[i], payload, sizeof(payload), &size), is_old ? 1 : 2);
        if (is_old)
            assert_non_null(strstr(payload, "\"event\":\"ee\",\"payload\":{\"n\":1}"));
        else
            assert_memory_equal(payload, "\x04\x0c\x02\x00\x01realtime:allee{\"n\":1}", size);
    }
    leave_crowd(crowd);
}

/* There is no room at all for what may be lost, and who is present may not. */
static void presence_reaches_every_shard_where_broadcasts_find_no_room(void **state)
{
    (void)state;
    struct bakery_folder f;
    int crowd[CROWD], heard = 0;
    make_bakery(&f);
    struct server_config c = test_config(&f);
    c.limits.relay_bytes_max = 0;
    struct server *s = start_server(&c);
    struct bakery_folder usual = folder;
    folder = f;
    join_crowd(s, crowd, true);
    say_to_all(crowd[1], 1);
    send_text(crowd[1], "[\"1\",\"3\",\"realtime:all\",\"presence\",{\"event\":\"track\"}]");
    for (size_t i = 0; i < CROWD; i++) {
        const char *text = hear_text(crowd[i]);
        heard += strstr(text, "{\"n\":1}") != NULL;
        while (!strstr(text, "presence_diff"))
            text = hear_text(crowd[i]);
        assert_non_null(strstr(text, "\"metas\""));
    }
    assert_true(heard < CROWD - 1); /* those on the sender's own shard */
    close(crowd[1]);
    crowd[1] = upgrade(s, "/realtime/v1/websocket", "2.0.0", f.anon);
    for (size_t i = 0; i < CROWD; i++)
        if (i != 1)
            assert_non_null(strstr(hear_text(crowd[i]), "\"leaves\":{\""));
    leave_crowd(crowd);
    server_stop(s);
    folder = usual;
    remove_folder(&f);
}

/* The number behind `name` in /metrics. */
static unsigned long metric(const struct server *s, const char *name)
{
    char line[128];
    ask_once(s, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(got.body, line);
    assert_non_null(found);
    return strtoul(found + strlen(line), NULL, 10);
}

static void a_change_is_timed_from_its_commit_to_every_socket(void **state)
{
    (void)state;
    enum { READERS = 5 };
    int fds[READERS];
    struct bakery_folder f;
    make_bakery(&f);
    struct server_config c = test_config(&f);
    c.shards = 1;
    struct server *s = start_server(&c);
    for (int i = 0; i < READERS; i++)
        fds[i] = join(s, f.service);
    assert_int_equal(metric(s, "homebake_live_commit_to_socket_seconds_count"), 0);
    assert_int_equal(write_bread(s, f.service, "Plait"), 201);
    for (int i = 0; i < READERS; i++) {
        assert_non_null(strstr(hear_text(fds[i]), "\"Plait\""));
        close(fds[i]);
    }
    assert_true(metric(s, "homebake_live_commit_to_socket_seconds_count") >= READERS);
    assert_int_equal(metric(s, "homebake_live_commit_to_shard_seconds_count"), 1);
    assert_true(metric(s, "homebake_turn_seconds_count") > READERS);
    assert_int_equal(metric(s, "homebake_write_group_seconds_count"), 1);
    assert_int_equal(metric(s, "homebake_write_commit_seconds_count"), 1);
    server_stop(s);
    remove_folder(&f);
}

static void a_restart_is_resumed_over(void **state)
{
    (void)state;
    struct bakery_folder f;
    char text[512];
    make_bakery(&f);
    struct server_config c = test_config(&f);
    struct server *s = start_server(&c);
    assert_int_equal(write_bread(s, f.service, "Before"), 201);
    unsigned long seq = strtoul(answer_header(&got, "HomeBake-Seq"), NULL, 10);
    char epoch[64];
    snprintf(epoch, sizeof(epoch), "%.63s", answer_header(&got, "HomeBake-Epoch"));
    assert_int_equal(write_bread(s, f.service, "Missed"), 201);
    server_stop(s);
    s = start_server(&c);
    int fd = upgrade(s, "/realtime/v1/websocket", "2.0.0", f.service);
    snprintf(text, sizeof(text),
             "[\"1\",\"1\",\"realtime:room\",\"phx_join\",{\"config\":{\"resume\":{\"epoch\":\"%"
             "s\",\"seq\":%lu},"
             "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"bread_"
             "types\"}]}}]",
             epoch, seq);
    send_text(fd, text);
    assert_non_null(strstr(hear_text(fd), "\"replayed\":true"));
    const char *heard;
    while (!strstr(heard = hear_text(fd), "postgres_changes\",{"))
        assert_null(strstr(heard, "Missed"));
    assert_non_null(strstr(heard, "\"Missed\""));
    close(fd);
    server_stop(s);
    remove_folder(&f);
}

/* Many rows in one request; their names tell their order. */
static void write_breads(const struct server *s, const char *key, int first, int count)
{
    static char request[200000], body[180000];
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += (size_t)snprintf(body + size, sizeof(body) - size,
                                 "%c{\"name\":\"bread %06d\",\"unit_price\":900}", i ? ',' : '[',
                                 first + i);
    body[size++] = ']';
    int head = snprintf(request, sizeof(request),
                        "POST /rest/v1/bread_types HTTP/1.1\r\nHost: x\r\napikey: "
                        "%s\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        key, key, size);
    memcpy(request + head, body, size);
    int fd = dial(s);
    say_bytes(fd, request, (size_t)head + size);
    hear(fd, &got);
    assert_int_equal(got.status, 201);
    close(fd);
}

/* More than the socket holds, several times over: nothing is lost, doubled or out of order. */
static void sleep_and_wake(const struct server_config *base, bool falls_behind)
{
    enum { REQUESTS = 8, ROWS = 1500 };
    struct bakery_folder f;
    make_bakery(&f);
    struct server_config c = *base;
    c.folder = f.path;
    struct server *s = start_server(&c);
    int fd = join(s, f.service);
    for (int i = 0; i < REQUESTS; i++)
        write_breads(s, f.service, i * ROWS, ROWS);
    ask_once(s, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    /* Or this would test something else. */
    assert_int_equal(!strstr(got.body, "\nhomebake_live_behind_total 0\n"), falls_behind);
    for (int i = 0; i < REQUESTS * ROWS; i++) {
        char name[32];
        const char *text = hear_text(fd);
        snprintf(name, sizeof(name), "\"bread %06d\"", i);
        if (!strstr(text, name))
            fail_msg("%s is not in %s", name, text);
    }
    close(fd);
    server_stop(s);
    remove_folder(&f);
}

/* Its outbox is full: what could not be pushed is replayed from the log. */
static void a_sleeping_reader_with_a_small_outbox_is_replayed_to(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    c.limits.hub.outbox_bytes_max = 64 * 1024;
    sleep_and_wake(&c, true);
}

/* Everything waits in its outbox until the loop says that the socket has room. */
static void a_sleeping_reader_with_a_large_outbox_is_sent_to_when_it_wakes(void **state)
{
    (void)state;
    struct server_config c = test_config(&folder);
    c.limits.hub.outbox_bytes_max = 64 * 1024 * 1024;
    c.limits.hub.outbox_frames_max = 65536;
    sleep_and_wake(&c, false);
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
        cmocka_unit_test(a_change_reaches_the_readers_of_every_shard),
        cmocka_unit_test(an_explanation_shows_the_channels_of_every_shard),
        cmocka_unit_test(a_thousand_joins_in_one_write_are_all_answered),
        cmocka_unit_test(a_fan_out_of_many_slices_reaches_all),
        cmocka_unit_test(a_broadcast_reaches_the_members_on_every_shard),
        cmocka_unit_test(a_broadcast_over_http_reaches_the_members_on_every_shard),
        cmocka_unit_test(presence_reaches_every_shard_where_broadcasts_find_no_room),
        cmocka_unit_test(a_change_is_timed_from_its_commit_to_every_socket),
        cmocka_unit_test(a_restart_is_resumed_over),
        cmocka_unit_test(a_sleeping_reader_with_a_small_outbox_is_replayed_to),
        cmocka_unit_test(a_sleeping_reader_with_a_large_outbox_is_sent_to_when_it_wakes),
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
