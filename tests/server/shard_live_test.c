/* What the live connections of all shards are told, through a whole server. */
#include <signal.h>

#include "live_support.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
