/* A WebSocket client, for the tests of live connections: it blocks, and what it cannot read fails the test. */
#ifndef TESTS_SERVER_LIVE_SUPPORT_H
#define TESTS_SERVER_LIVE_SUPPORT_H

#include "whole_server.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* A masked text frame of less than 64 KiB; returns its size. */
static inline size_t put_frame(char *out, int opcode, const char *payload, size_t size)
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

static inline void send_text(int fd, const char *text)
{
    static char frame[70000];
    say_bytes(fd, frame, put_frame(frame, 1, text, strlen(text)));
}

/* The next frame's payload with a zero behind it; returns its opcode, -1 at the end. */
static inline int hear_frame(int fd, char *out, size_t max, size_t *out_size)
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
    hear_bytes(fd, out, size);
    out[size] = 0;
    *out_size = size;
    return first & 0x0f;
}

static inline const char *hear_text(int fd)
{
    static char text[65536];
    size_t size;
    assert_int_equal(hear_frame(fd, text, sizeof(text), &size), 1);
    return text;
}

static inline int put_handshake(char *out, size_t max, const char *path, const char *vsn,
                                const char *key)
{
    return snprintf(
        out, max,
        "GET %s?apikey=%s&vsn=%s HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
        "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
        path, key, vsn);
}

static inline int upgrade(const struct server *s, const char *path, const char *vsn,
                          const char *key)
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

/* Writes with the service key, and gives the status. */
static inline int write_bread(const struct server *s, const char *key, const char *name)
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

static inline int join(const struct server *s, const char *key)
{
    int fd = upgrade(s, "/realtime/v1/websocket", "2.0.0", key);
    send_text(fd, JOIN);
    while (!strstr(hear_text(fd), "\"system\""))
        continue;
    return fd;
}

/* The number behind `name` in /metrics. */
static inline unsigned long metric(const struct server *s, const char *name)
{
    char line[128];
    ask_once(s, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &got);
    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(got.body, line);
    assert_non_null(found);
    return strtoul(found + strlen(line), NULL, 10);
}

#endif
