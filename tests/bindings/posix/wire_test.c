#include "posix/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

/* ---- addresses ---- */

static void check_target(const char *url, const char *host, const char *port, bool is_tls)
{
    struct wire_target t;
    assert_int_equal(wire_target_parse(&t, url), OK);
    assert_string_equal(t.host, host);
    assert_string_equal(t.port, port);
    assert_int_equal(t.is_tls, is_tls);
}

static void an_address_has_a_name_and_a_port(void **state)
{
    (void)state;
    struct wire_target t;
    check_target("http://bakery.example", "bakery.example", "80", false);
    check_target("https://bakery.example/", "bakery.example", "443", true);
    check_target("http://127.0.0.1:8080", "127.0.0.1", "8080", false);
    check_target("https://[::1]:65535", "::1", "65535", true);
    check_target("https://[::1]", "::1", "443", true);
    assert_int_equal(wire_target_parse(&t, "http://[::1]:8080/"), OK);
    assert_string_equal(t.authority, "[::1]:8080");
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "bakery",       "ftp://a",        "http://",          "http:///",
        "http://a b", "http://a/b",   "http://u@a",     "http://a?b",       "http://a#b",
        "http://a:0", "http://a:",    "http://a:65536", "http://a:1x",      "http://:80",
        "http://[]",  "http://[::1",  "http://[::1]x",  "http://a\r\nX: y", "http://a\\b",
        "HTTP://a",   "http://a:80:", "http://a:-1",
    };
    struct wire_target t;
    char longer[400];
    for (size_t i = 0; i < CHECK_COUNT(bad); i++) {
        if (wire_target_parse(&t, bad[i]) != ERR_SYNTAX)
            fail_msg("\"%s\" is taken for an address", bad[i]);
    }
    snprintf(longer, sizeof(longer), "http://%0300d", 1);
    assert_int_equal(wire_target_parse(&t, longer), ERR_SYNTAX);
}

/* ---- connections ---- */

struct end {
    struct wire_target target;
    struct lookup lookup;
    struct wire wire;
};

static enum err open_end(struct end *end, const char *url, SSL_CTX *tls)
{
    assert_int_equal(wire_target_parse(&end->target, url), OK);
    lookup_init(&end->lookup, end->target.host, end->target.port);
    return wire_open(&end->wire, &end->target, tls, &end->lookup);
}

static void close_end(struct end *end)
{
    wire_close(&end->wire);
    lookup_done(&end->lookup);
}

static void wait_for(struct end *end)
{
    struct pollfd fds[2] = {{end->wire.fd, wire_events(&end->wire), 0},
                            {lookup_fd(&end->lookup), POLLIN, 0}};
    assert_true(poll(fds, 2, PEER_WAIT_S * 1000) > 0);
    lookup_turn(&end->lookup);
}

/* All that is to be sent has left, or why it has not. */
static enum err finish(struct end *end)
{
    enum err e;
    while ((e = wire_step(&end->wire)) == ERR_AGAIN)
        wait_for(end);
    return e;
}

static enum err receive_all(struct end *end, struct buf *out)
{
    char data[64];
    size_t got;
    enum err e;
    while ((e = wire_recv(&end->wire, data, sizeof(data), &got)) == OK || e == ERR_AGAIN) {
        if (e)
            wait_for(end);
        else
            buf_put(out, (struct bytes){data, got});
    }
    return e;
}

static const struct peer_script bread = {.config = "bread"};

static void check_exchange(const char *url, SSL_CTX *tls)
{
    struct end end;
    struct buf in;
    buf_init(&in, 4096);
    assert_int_equal(open_end(&end, url, tls), OK);
    buf_put_literal(&end.wire.out, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(finish(&end), OK);
    assert_int_equal(end.wire.out.size, 0);
    assert_int_equal(receive_all(&end, &in), ERR_CLOSED);
    check_text(buf_bytes(&in), "bread");
    close_end(&end);
    buf_done(&in);
}

static void bytes_go_both_ways_and_the_end_is_told(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer, &bread, NULL);
    check_exchange(peer.url, NULL);
    peer_stop(&peer);
}

static void a_name_with_several_addresses_is_tried_in_turn(void **state)
{
    (void)state;
    struct peer peer;
    char url[64];
    peer_start(&peer, &bread, NULL);
    /* localhost may be ::1 first, where nobody listens. */
    snprintf(url, sizeof(url), "http://localhost%s", strrchr(peer.url, ':'));
    check_exchange(url, NULL);
    peer_stop(&peer);
}

static void the_same_goes_through_tls(void **state)
{
    (void)state;
    struct peer peer;
    struct peer_cert cert;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    peer_cert_make(&cert, "IP:127.0.0.1");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    assert_int_equal(SSL_CTX_load_verify_locations(tls, cert.path, NULL), 1);
    peer_start(&peer, &bread, &cert);
    check_exchange(peer.url, tls);
    peer_stop(&peer);
    SSL_CTX_free(tls);
    peer_cert_done(&cert);
}

static void break_off(struct line *l)
{
    line_put_text(l, "bre");
    SSL_free(l->ssl); /* without TLS's own goodbye */
    l->ssl = NULL;
}

static void tls_that_is_broken_off_is_no_end(void **state)
{
    (void)state;
    static const struct peer_script script = {.play_config = break_off};
    struct peer peer;
    struct peer_cert cert;
    struct end end;
    struct buf in;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    buf_init(&in, 4096);
    peer_cert_make(&cert, "IP:127.0.0.1");
    peer_start(&peer, &script, &cert);
    assert_int_equal(open_end(&end, peer.url, tls), OK);
    buf_put_literal(&end.wire.out, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(finish(&end), OK);
    assert_int_equal(receive_all(&end, &in), ERR_IO);
    close_end(&end);
    peer_stop(&peer);
    buf_done(&in);
    SSL_CTX_free(tls);
    peer_cert_done(&cert);
}

static void an_untrusted_certificate_is_denied_with_the_reason(void **state)
{
    (void)state;
    struct peer peer;
    struct peer_cert cert;
    struct end end;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    peer_cert_make(&cert, "IP:127.0.0.1");
    peer_start(&peer, &bread, &cert);
    assert_int_equal(open_end(&end, peer.url, tls), OK);
    assert_int_equal(finish(&end), ERR_DENIED);
    assert_non_null(strstr(wire_blame(&end.wire), "self"));
    close_end(&end);
    peer_stop(&peer);
    SSL_CTX_free(tls);
    peer_cert_done(&cert);
}

static void where_nobody_listens_nothing_is_made(void **state)
{
    (void)state;
    struct peer peer;
    struct end end;
    peer_start(&peer, &bread, NULL);
    peer_stop(&peer); /* its port is free now */
    enum err e = open_end(&end, peer.url, NULL);
    assert_int_equal(e ? e : finish(&end), ERR_CLOSED);
    close_end(&end);
}

static void who_was_given_up_while_being_dialed_is_skipped_the_next_time(void **state)
{
    (void)state;
    struct peer peer;
    struct end end;
    peer_start(&peer, &bread, NULL);
    assert_int_equal(open_end(&end, peer.url, NULL), OK);
    wire_close(&end.wire); /* not yet asked whether it is connected */
    assert_int_equal(end.lookup.skipped, 1);
    assert_int_equal(wire_open(&end.wire, &end.target, NULL, &end.lookup), OK);
    assert_int_equal(finish(&end), OK);
    close_end(&end);
    assert_int_equal(end.lookup.skipped, 1);
    peer_stop(&peer);
}

static void a_name_that_cannot_be_is_not_found(void **state)
{
    (void)state;
    struct end end;
    char url[100];
    snprintf(url, sizeof(url), "http://x%080d", 1); /* a label over 63 bytes */
    enum err e = open_end(&end, url, NULL);
    assert_int_equal(e ? e : finish(&end), ERR_NOT_FOUND);
    close_end(&end);
}

static void more_than_may_wait_is_an_error(void **state)
{
    (void)state;
    struct peer peer;
    struct end end;
    static char much[WIRE_OUT_MAX + 1];
    peer_start(&peer, &bread, NULL);
    assert_int_equal(open_end(&end, peer.url, NULL), OK);
    buf_put(&end.wire.out, (struct bytes){much, sizeof(much)});
    assert_int_equal(finish(&end), ERR_LIMIT);
    close_end(&end);
    peer_stop(&peer);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_a_name_and_a_port),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(bytes_go_both_ways_and_the_end_is_told),
        cmocka_unit_test(a_name_with_several_addresses_is_tried_in_turn),
        cmocka_unit_test(the_same_goes_through_tls),
        cmocka_unit_test(tls_that_is_broken_off_is_no_end),
        cmocka_unit_test(an_untrusted_certificate_is_denied_with_the_reason),
        cmocka_unit_test(where_nobody_listens_nothing_is_made),
        cmocka_unit_test(who_was_given_up_while_being_dialed_is_skipped_the_next_time),
        cmocka_unit_test(a_name_that_cannot_be_is_not_found),
        cmocka_unit_test(more_than_may_wait_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
