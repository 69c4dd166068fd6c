/* What a handshake may negotiate, through a whole server. */
#include "whole_server.h"

#define ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void shake_hands(const struct server *s, const char *key, const char *fields)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "GET /realtime/v1/websocket?apikey=%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             key, fields);
    ask_once(s, text, &got);
}

static void compression_is_accepted_when_it_is_offered(void **state)
{
    (void)state;
    shake_hands(server, folder.anon,
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    assert_int_equal(got.status, 101);
    assert_string_equal(answer_header(&got, "Sec-WebSocket-Extensions"), ANSWER);
}

static void nothing_is_negotiated_that_was_not_offered(void **state)
{
    (void)state;
    shake_hands(server, folder.anon, "");
    assert_int_equal(got.status, 101);
    assert_null(answer_header(&got, "Sec-WebSocket-Extensions"));
    shake_hands(server, folder.anon, "Sec-WebSocket-Extensions: mux; max-channels=4\r\n");
    assert_int_equal(got.status, 101);
    assert_null(answer_header(&got, "Sec-WebSocket-Extensions"));
}

static void offers_may_be_split_over_several_fields(void **state)
{
    (void)state;
    shake_hands(server, folder.anon,
                "Sec-WebSocket-Extensions: mux\r\n"
                "SEC-WEBSOCKET-EXTENSIONS: permessage-deflate; server_max_window_bits=10\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert_int_equal(got.status, 101);
    assert_string_equal(answer_header(&got, "Sec-WebSocket-Extensions"),
                        ANSWER "; server_max_window_bits=9");
}

static void malformed_offers_fail_the_handshake(void **state)
{
    (void)state;
    shake_hands(server, folder.anon,
                "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate;\r\n");
    assert_int_equal(got.status, 400);
    assert_non_null(strstr(got.body, "Sec-WebSocket-Extensions"));
}

static void a_server_that_does_not_compress_accepts_no_offer(void **state)
{
    (void)state;
    struct bakery_folder other;
    make_bakery(&other);
    struct server_config c = test_config(&other);
    c.limits.hub.deflate_min = 0;
    struct server *s = start_server(&c);
    shake_hands(s, other.anon, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert_int_equal(got.status, 101);
    assert_null(answer_header(&got, "Sec-WebSocket-Extensions"));
    server_stop(s);
    remove_folder(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compression_is_accepted_when_it_is_offered),
        cmocka_unit_test(nothing_is_negotiated_that_was_not_offered),
        cmocka_unit_test(offers_may_be_split_over_several_fields),
        cmocka_unit_test(malformed_offers_fail_the_handshake),
        cmocka_unit_test(a_server_that_does_not_compress_accepts_no_offer),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
