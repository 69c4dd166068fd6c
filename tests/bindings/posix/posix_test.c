#include "posix/posix.h"

#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "peer.h"
#include "proto/ws.h"

enum { SOON_MS = 300, PATIENCE_MS = 60000 };

static enum hb_error begin(const struct peer *p, const char *ca_file, uint32_t session_ms,
                           char error[HB_POSIX_ERROR_SIZE], struct hb_posix **out)
{
    struct hb_posix_options o = {.url = p->url,
                                 .ca_file = ca_file,
                                 .email = "cook@example.com",
                                 .password = "bread and butter",
                                 .session_ms = session_ms};
    return hb_posix_new(&o, error, out);
}

static void check_said(const char *said, const char *want)
{
    if (!strstr(said, want))
        fail_msg("said \"%s\", not \"%s\"", said, want);
}

/* ---- signing in ---- */

static void check_refused(const struct peer_script *script, uint32_t session_ms, enum hb_error want,
                          const char *words)
{
    struct peer peer;
    struct hb_posix *p = NULL;
    char error[HB_POSIX_ERROR_SIZE];
    peer_start(&peer, script, NULL);
    enum hb_error e = begin(&peer, NULL, session_ms, error, &p);
    peer_stop(&peer);
    check_said(error, words);
    assert_int_equal(e, want);
    assert_null(p);
}

static void an_answer_that_cannot_be_is_a_clear_error(void **state)
{
    (void)state;
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
    static const struct {
        const char *config;
        enum hb_error e;
        const char *words;
    } cases[] = {
        {"garbage\r\n\r\n", HB_ERR_PROTOCOL, "cannot be read"},
        {"\x16\x03\x01\x02\r\n\r\n", HB_ERR_PROTOCOL, "cannot be read"},
        {"", HB_ERR_NETWORK, "was lost"},
        {"HTTP/1.1 200 O", HB_ERR_NETWORK, "was lost"},
        {OK_HEAD "Content-Length: 99\r\n\r\n{\"anon", HB_ERR_NETWORK, "was lost"},
        {OK_HEAD "Content-Length: 99999999\r\n\r\n", HB_ERR_PROTOCOL, "too long"},
        {OK_HEAD "Transfer-Encoding: gzip\r\n\r\n", HB_ERR_PROTOCOL, "cannot be read"},
        {OK_HEAD "\r\nnot even JSON", HB_ERR_PROTOCOL, "no HomeBake"},
        {OK_HEAD "\r\n{\"anon_key\":\"a\\r\\nb\"}", HB_ERR_PROTOCOL, "no HomeBake"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", HB_ERR_PROTOCOL, "(404)"},
        {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", HB_ERR_PROTOCOL, "(302)"},
        {"HTTP/1.1 503 Busy\r\n\r\n", HB_ERR_SERVER, "(503)"},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct peer_script script = {.config = cases[i].config};
        check_refused(&script, 0, cases[i].e, cases[i].words);
    }
}

static void a_refused_sign_in_is_a_clear_error(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        enum hb_error e;
        const char *words;
    } cases[] = {
        {"HTTP/1.1 400 No\r\n\r\n{\"msg\":\"Invalid login credentials\"}", HB_ERR_DENIED,
         "Invalid login credentials (400)"},
        {"HTTP/1.1 403 No\r\n\r\nhtml", HB_ERR_DENIED, "no reason (403)"},
        {"HTTP/1.1 500 Oh\r\n\r\n", HB_ERR_SERVER, "(500)"},
        {OK_HEAD "\r\n{\"access_token\":\"T\"}", HB_ERR_PROTOCOL, "cannot be read"},
        {OK_HEAD "\r\n{\"access_token\":\"T\",\"refresh_token\":\"R\",\"expires_in\":-1}",
         HB_ERR_PROTOCOL, "cannot be read"},
    };
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct peer_script script = {.token = cases[i].token};
        check_refused(&script, 0, cases[i].e, cases[i].words);
    }
}

static void say_for_ever(struct line *l, const char *head, const char *piece)
{
    line_put_text(l, head);
    while (line_put_text(l, piece))
        continue;
}

static void say_endless_head(struct line *l)
{
    say_for_ever(l, OK_HEAD, "X: and so on\r\n");
}

static void say_endless_body(struct line *l)
{
    say_for_ever(l, OK_HEAD "\r\n", "and so on");
}

static void say_endless_chunks(struct line *l)
{
    say_for_ever(l, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n", "9\r\nand so on\r\n");
}

static void say_endless_hints(struct line *l)
{
    say_for_ever(l, "", "HTTP/1.1 103 Early Hints\r\n\r\n");
}

static void an_endless_answer_is_left(void **state)
{
    (void)state;
    static void (*const plays[])(struct line *) = {say_endless_head, say_endless_body,
                                                   say_endless_chunks, say_endless_hints};
    for (size_t i = 0; i < CHECK_COUNT(plays); i++) {
        struct peer_script script = {.play_config = plays[i]};
        check_refused(&script, 0, HB_ERR_PROTOCOL, "too long");
    }
}

/* A byte at a time, until the client has enough of it. */
static void drip(struct line *l)
{
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    line_put_text(l, OK_HEAD);
    while (line_put_text(l, "X: x\r\n"))
        nanosleep(&pause, NULL);
}

static void a_server_that_drips_or_is_silent_is_not_waited_for(void **state)
{
    (void)state;
    struct peer_script dripping = {.play_config = drip}, silent = {.play_config = line_wait};
    check_refused(&dripping, SOON_MS, HB_ERR_SILENT, "does not answer in time");
    check_refused(&silent, SOON_MS, HB_ERR_SILENT, "does not answer in time");
}

static void say_and_stay(struct line *l)
{
    line_put_text(l, OK_HEAD "Content-Length: 16\r\n\r\n{\"anon_key\":\"k\"}");
    line_wait(l);
}

static void all_forms_of_an_answer_are_taken(void **state)
{
    (void)state;
    static const struct peer_script scripts[] = {
        {.config = OK_HEAD "\r\n{\"anon_key\":\"k\"}"},
        {.config = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                           "8\r\n{\"anon_k\r\n8\r\ney\":\"k\"}\r\n0\r\n\r\n"},
        {.config = "HTTP/1.1 100 Go on\r\n\r\n" OK_HEAD "\r\n{\"anon_key\":\"k\"}"},
        {.play_config = say_and_stay},
    };
    for (size_t i = 0; i < CHECK_COUNT(scripts); i++) {
        struct peer peer;
        struct hb_posix *p = NULL;
        char error[HB_POSIX_ERROR_SIZE];
        peer_start(&peer, &scripts[i], NULL);
        enum hb_error e = begin(&peer, NULL, 0, error, &p);
        hb_posix_free(p);
        peer_stop(&peer);
        check_said(error, e ? "no error" : "");
    }
}

static void an_address_that_cannot_be_is_refused(void **state)
{
    (void)state;
    char error[HB_POSIX_ERROR_SIZE], longer[2000];
    struct hb_posix *p;
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = 0;
    struct hb_posix_options o = {.url = "bakery.example", .email = "e", .password = "p"};
    assert_int_equal(hb_posix_new(&o, error, &p), HB_ERR_INVALID);
    check_said(error, "is not an address like");
    o = (struct hb_posix_options){.url = "http://127.0.0.1:1", .email = longer, .password = "p"};
    assert_int_equal(hb_posix_new(&o, error, &p), HB_ERR_INVALID);
    check_said(error, "too long");
    o = (struct hb_posix_options){"https://a", "/nowhere", "e", "p", 0};
    assert_int_equal(hb_posix_new(&o, error, &p), HB_ERR_INVALID);
    check_said(error, "/nowhere holds no certificates");
    o = (struct hb_posix_options){.url = "http://127.0.0.1:1", .email = "e", .password = "p"};
    assert_int_equal(hb_posix_new(&o, error, &p), HB_ERR_NETWORK);
    check_said(error, "127.0.0.1:1 cannot be reached");
}

static void without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    static const struct peer_script good = {0};
    char error[HB_POSIX_ERROR_SIZE];
    enum hb_error e = HB_ERR_NOMEM;
    for (uint64_t n = 1; e; n++) {
        struct peer peer;
        struct hb_posix *p = NULL;
        peer_start(&peer, &good, NULL);
        mem_fail_at(n);
        e = begin(&peer, NULL, 0, error, &p);
        bool is_hit = mem_fail_hit();
        mem_fail_at(0);
        assert_true(e || p);
        assert_true(is_hit || !e);
        hb_posix_free(p);
        peer_stop(&peer);
        assert_true(n < 200);
    }
}

/* ---- the WebSocket ---- */

static void turn_until(struct hb_posix *p, bool (*is_there)(const struct hb_status *),
                       struct hb_status *out)
{
    int64_t end = hb_posix_now() + PATIENCE_MS;
    struct hb_action a;
    for (;;) {
        while (hb_posix_next(p, &a))
            continue;
        hb_client_status(hb_posix_client(p), hb_posix_now(), out);
        if (is_there(out))
            return;
        assert_true(hb_posix_now() < end);
        hb_posix_wait(p);
    }
}

static bool is_waiting(const struct hb_status *s)
{
    return s->state == HB_WAITING;
}

static bool is_live(const struct hb_status *s)
{
    return s->state == HB_LIVE;
}

static void open_wrongly(struct line *l)
{
    line_put_text(l, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    line_wait(l);
}

static void refuse_to_open(struct line *l)
{
    line_put_text(l, "HTTP/1.1 403 Forbidden\r\nContent-Length: 9999999\r\n\r\n");
    line_wait(l);
}

static void fail_to_open(struct line *l)
{
    line_put_text(l, "HTTP/1.1 503 Busy\r\n\r\n");
}

static void open_with_garbage(struct line *l)
{
    line_put_text(l, "220 mail.example ESMTP\r\n\r\n");
    line_wait(l);
}

static void say_nothing(struct line *l)
{
    (void)l;
}

static void say(struct line *l, struct bytes frames)
{
    line_upgrade(l);
    line_put(l, frames);
}

static void say_and_wait(struct line *l, struct bytes frames)
{
    say(l, frames);
    line_wait(l);
}

static void say_masked(struct line *l)
{
    say_and_wait(l, BYTES("\x81\x82\x01\x02\x03\x04zz"));
}

static void say_huge(struct line *l)
{
    say_and_wait(l, BYTES("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00{"));
}

static void say_no_text(struct line *l)
{
    say_and_wait(l, BYTES("\x81\x02\xff\xfe"));
}

static void say_noise(struct line *l)
{
    say_and_wait(l, BYTES("HTTP/1.1 200 OK\r\n\r\n"));
}

static void stop_in_the_midst(struct line *l)
{
    say(l, BYTES("\x81\x7e\x10\x00[\"half a"));
}

static void say_goodbye(struct line *l)
{
    say(l, BYTES("\x88\x02\x03\xf4"));
}

/* Fragments without an end. */
static void say_without_end(struct line *l)
{
    line_upgrade(l);
    line_put(l, BYTES("\x01\x04more"));
    while (line_put(l, BYTES("\x00\x40"
                             "0123456789012345678901234567890123456789012345678901234567890123")))
        continue;
}

/* And takes none of the pongs. */
static void ping_for_ever(struct line *l)
{
    line_upgrade(l);
    while (line_put(l, BYTES("\x89\x40"
                             "0123456789012345678901234567890123456789012345678901234567890123")))
        continue;
}

static void check_lost(void (*play)(struct line *), enum hb_error want, const char *words)
{
    struct peer_script script = {.play_socket = play};
    struct peer peer;
    struct hb_posix *p = NULL;
    struct hb_status s;
    char error[HB_POSIX_ERROR_SIZE];
    peer_start(&peer, &script, NULL);
    assert_int_equal(begin(&peer, NULL, 0, error, &p), HB_OK);
    turn_until(p, is_waiting, &s);
    check_said(hb_posix_trouble(p), words);
    assert_int_equal(s.error, want);
    assert_in_range(s.retry_in_ms, 0, 2000);
    hb_posix_free(p);
    peer_stop(&peer);
}

static void a_websocket_that_is_none_is_a_clear_trouble(void **state)
{
    (void)state;
    check_lost(open_wrongly, HB_ERR_PROTOCOL, "opens no WebSocket (101)");
    check_lost(refuse_to_open, HB_ERR_PROTOCOL, "opens no WebSocket (403)");
    check_lost(fail_to_open, HB_ERR_SERVER, "opens no WebSocket (503)");
    check_lost(say_endless_head, HB_ERR_PROTOCOL, "too long");
    check_lost(open_with_garbage, HB_ERR_PROTOCOL, "cannot be read");
    check_lost(say_nothing, HB_ERR_NETWORK, "was lost");
}

static void frames_that_cannot_be_are_a_clear_trouble(void **state)
{
    (void)state;
    check_lost(say_masked, HB_ERR_PROTOCOL, "no WebSocket of a server");
    check_lost(say_huge, HB_ERR_PROTOCOL, "too long");
    check_lost(say_no_text, HB_ERR_PROTOCOL, "no WebSocket of a server");
    check_lost(say_noise, HB_ERR_PROTOCOL, "no WebSocket of a server");
    check_lost(stop_in_the_midst, HB_ERR_NETWORK, "was lost");
    check_lost(say_goodbye, HB_ERR_SERVER, "ends the connection");
    check_lost(say_without_end, HB_ERR_PROTOCOL, "too long");
    check_lost(ping_for_ever, HB_ERR_NETWORK, "takes nothing");
}

static void say_goodbye_to_the_terminal(struct line *l)
{
    say(l, BYTES("\x88\x0e\x03\xf4\x1b[2J\n\x7f\xc2\x9b\xc3\xa9!\x01"));
}

static void say_a_long_goodbye(struct line *l)
{
    struct buf frame, reason;
    buf_init(&frame, 4096);
    buf_init(&reason, 4096);
    for (int i = 0; i < 40; i++)
        buf_put_literal(&reason, "\xe2\x82\xac");
    ws_put_close(&frame, WS_CLOSE_SERVICE_RESTART, buf_bytes(&reason));
    say(l, buf_bytes(&frame));
    buf_done(&frame);
    buf_done(&reason);
}

static void nothing_a_server_says_is_obeyed_by_a_terminal(void **state)
{
    (void)state;
    check_lost(say_goodbye_to_the_terminal, HB_ERR_SERVER,
               "ends the connection: ?[2J????\xc3\xa9!? (1012)");
    check_lost(say_a_long_goodbye, HB_ERR_SERVER, "\xe2\x82\xac\xe2\x82\xac (1012)");
}

/* The n-th allocation and all behind it fail, until the moment is over. */
static void check_short_of_memory(uint64_t n)
{
    static const struct peer_script good = {0};
    struct peer peer;
    struct hb_posix *p = NULL;
    struct hb_action a;
    struct hb_status s;
    char error[HB_POSIX_ERROR_SIZE];
    peer_start(&peer, &good, NULL);
    assert_int_equal(begin(&peer, NULL, 0, error, &p), HB_OK);
    mem_fail_at(n);
    do {
        while (hb_posix_next(p, &a))
            continue;
        hb_client_status(hb_posix_client(p), hb_posix_now(), &s);
        if (!mem_fail_hit() && s.state != HB_LIVE)
            hb_posix_wait(p);
    } while (!mem_fail_hit() && s.state != HB_LIVE);
    mem_fail_at(0);
    turn_until(p, is_live, &s);
    hb_posix_free(p);
    peer_stop(&peer);
}

static void a_moment_without_memory_ends_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 10; n++)
        check_short_of_memory(n);
}

static void a_lost_connection_is_tried_again_until_it_is_live(void **state)
{
    (void)state;
    static const struct peer_script bad = {.play_socket = open_wrongly}, good = {0};
    struct peer peer;
    struct hb_posix *p = NULL;
    struct hb_status s;
    char error[HB_POSIX_ERROR_SIZE];
    peer_start(&peer, &bad, NULL);
    assert_int_equal(begin(&peer, NULL, 0, error, &p), HB_OK);
    turn_until(p, is_waiting, &s);
    peer_change(&peer, &good, NULL);
    turn_until(p, is_live, &s);
    assert_int_equal(atomic_load(&peer.socket_count), 2);
    assert_int_equal(s.retries, 1);
    hb_posix_free(p);
    peer_stop(&peer);
}

/* ---- TLS ---- */

static void certificates_are_judged_by_authority_and_name(void **state)
{
    (void)state;
    static const struct peer_script good = {0};
    struct peer_cert here, elsewhere;
    struct peer peer;
    struct hb_posix *p = NULL;
    struct hb_status s;
    char error[HB_POSIX_ERROR_SIZE];
    peer_cert_make(&here, "IP:127.0.0.1");
    peer_cert_make(&elsewhere, "DNS:elsewhere.example,IP:127.0.0.2");
    peer_start(&peer, &good, &elsewhere);
    assert_int_equal(begin(&peer, elsewhere.path, 0, error, &p), HB_ERR_DENIED);
    check_said(error, "certificate is not accepted: IP address mismatch");
    peer_change(&peer, &good, &here);
    assert_int_equal(begin(&peer, elsewhere.path, 0, error, &p), HB_ERR_DENIED);
    check_said(error, "certificate is not accepted: self");
    assert_int_equal(begin(&peer, here.path, 0, error, &p), HB_OK);
    turn_until(p, is_live, &s);
    hb_posix_free(p);
    peer_stop(&peer);
    peer_cert_done(&here);
    peer_cert_done(&elsewhere);
}

static void a_certificate_that_changes_is_a_trouble_until_it_is_right_again(void **state)
{
    (void)state;
    static const struct peer_script good = {0};
    struct peer_cert here, stranger;
    struct peer peer;
    struct hb_posix *p = NULL;
    struct hb_status s;
    char error[HB_POSIX_ERROR_SIZE];
    peer_cert_make(&here, "IP:127.0.0.1");
    peer_cert_make(&stranger, "IP:127.0.0.1");
    peer_start(&peer, &good, &here);
    assert_int_equal(begin(&peer, here.path, 0, error, &p), HB_OK);
    peer_change(&peer, &good, &stranger);
    turn_until(p, is_waiting, &s);
    assert_int_equal(s.error, HB_ERR_DENIED);
    check_said(hb_posix_trouble(p), "certificate is not accepted");
    peer_change(&peer, &good, &here);
    turn_until(p, is_live, &s);
    hb_posix_free(p);
    peer_stop(&peer);
    peer_cert_done(&here);
    peer_cert_done(&stranger);
}

static void a_server_without_tls_is_told_from_one_that_is_not_trusted(void **state)
{
    (void)state;
    static const struct peer_script plain = {.greeting = "220 mail.example ESMTP\r\n"};
    struct peer_cert cert;
    struct peer peer;
    struct hb_posix *p = NULL;
    char error[HB_POSIX_ERROR_SIZE];
    peer_cert_make(&cert, "IP:127.0.0.1");
    peer_start(&peer, &plain, &cert);
    peer_change(&peer, &plain, NULL);
    assert_int_equal(begin(&peer, cert.path, 0, error, &p), HB_ERR_PROTOCOL);
    check_said(error, "does not speak TLS");
    peer_stop(&peer);
    peer_cert_done(&cert);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_cannot_be_is_a_clear_error),
        cmocka_unit_test(a_refused_sign_in_is_a_clear_error),
        cmocka_unit_test(an_endless_answer_is_left),
        cmocka_unit_test(a_server_that_drips_or_is_silent_is_not_waited_for),
        cmocka_unit_test(all_forms_of_an_answer_are_taken),
        cmocka_unit_test(an_address_that_cannot_be_is_refused),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
        cmocka_unit_test(a_websocket_that_is_none_is_a_clear_trouble),
        cmocka_unit_test(frames_that_cannot_be_are_a_clear_trouble),
        cmocka_unit_test(nothing_a_server_says_is_obeyed_by_a_terminal),
        cmocka_unit_test(a_moment_without_memory_ends_nothing),
        cmocka_unit_test(a_lost_connection_is_tried_again_until_it_is_live),
        cmocka_unit_test(certificates_are_judged_by_authority_and_name),
        cmocka_unit_test(a_certificate_that_changes_is_a_trouble_until_it_is_right_again),
        cmocka_unit_test(a_server_without_tls_is_told_from_one_that_is_not_trusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
