#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { FRAME_MAX = 64 << 20, HEAD_MAX = 4096 };

int wire_try_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        load_fail("socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

int wire_connect(uint16_t port)
{
    int fd = wire_try_connect(port);
    if (fd < 0)
        load_fail("connect");
    return fd;
}

void wire_set_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        load_fail("fcntl");
}

void wire_acknowledge_at_once(int fd)
{
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)) != 0)
        load_fail("TCP_QUICKACK");
}

void wire_send(int fd, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = send(fd, (const char *)data + done, size - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            load_fail("send");
        done += n > 0 ? (size_t)n : 0;
    }
}

size_t wire_put_upgrade(char *out, size_t size, const char *path, const char *protocol)
{
    int n = snprintf(out, size,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                     path, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
                     protocol ? "\r\n" : "");
    if (n < 0 || (size_t)n >= size)
        load_fail("the path is too long");
    return (size_t)n;
}

enum err wire_take_head(int fd)
{
    char head[HEAD_MAX];
    ssize_t n = recv(fd, head, sizeof(head), MSG_PEEK);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? ERR_AGAIN : ERR_CLOSED;
    const char *end = memmem(head, (size_t)n, "\r\n\r\n", 4);
    if (!end)
        return ERR_AGAIN;
    if (memcmp(head, "HTTP/1.1 101", 12) != 0)
        return ERR_DENIED;
    return recv(fd, head, (size_t)(end + 4 - head), MSG_WAITALL) > 0 ? OK : ERR_CLOSED;
}

int wire_dial(uint16_t port, const char *path, const char *protocol)
{
    char request[8192];
    int fd = wire_connect(port);
    wire_send(fd, request, wire_put_upgrade(request, sizeof(request), path, protocol));
    return fd;
}

void wire_await_upgrade(int fd)
{
    enum err e;
    while ((e = wire_take_head(fd)) == ERR_AGAIN)
        ;
    if (e)
        load_fail("the upgrade was refused");
}

int wire_open(uint16_t port, const char *path, const char *protocol)
{
    int fd = wire_dial(port, path, protocol);
    wire_await_upgrade(fd);
    return fd;
}

size_t wire_put_frame(char *out, int opcode, const void *payload, size_t size)
{
    size_t at = 0;
    out[at++] = (char)(0x80 | opcode);
    if (size < 126) {
        out[at++] = (char)(0x80 | size);
    } else {
        int bytes = size <= 0xffff ? 2 : 8;
        out[at++] = (char)(0x80 | (bytes == 2 ? 126 : 127));
        for (int i = bytes; i-- > 0;)
            out[at++] = (char)(size >> (8 * i));
    }
    memset(out + at, 0, 4);
    memcpy(out + at + 4, payload, size);
    return at + 4 + size;
}

void wire_send_frame(int fd, int opcode, const void *payload, size_t size)
{
    char frame[8192];
    if (size > sizeof(frame) - WIRE_HEAD_MAX)
        load_fail("frame is too long");
    wire_send(fd, frame, wire_put_frame(frame, opcode, payload, size));
}

void wire_await(int fd, const void *wanted, size_t size, struct buf *out)
{
    struct buf seen;
    buf_init(&seen, FRAME_MAX);
    struct buf *all = out ? out : &seen;
    while (!memmem(all->data ? all->data : "", all->size, wanted, size)) {
        char *at = buf_reserve(all, HEAD_MAX);
        ssize_t n = at ? recv(fd, at, HEAD_MAX, 0) : -1;
        if (n <= 0)
            load_fail("the connection ended before the answer");
        buf_advance(all, (size_t)n);
    }
    buf_done(&seen);
}

/* The size of the frame that `data` begins with, header included; 0: not known yet. */
static size_t frame_size(struct bytes data, size_t *header)
{
    if (data.size < 2)
        return 0;
    const uint8_t *at = (const uint8_t *)data.data;
    size_t length = at[1] & 0x7f, bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    *header = 2 + bytes;
    if (data.size < *header)
        return 0;
    if (bytes)
        length = 0;
    for (size_t i = 0; i < bytes; i++)
        length = length << 8 | at[2 + i];
    return *header + length;
}

/* Returns how many bytes were whole frames. */
static size_t cut(struct bytes data, struct frames_seen *seen, frames_fn *fn, void *context)
{
    size_t at = 0, header = 0;
    for (;;) {
        struct bytes rest = {data.data + at, data.size - at};
        size_t size = frame_size(rest, &header);
        if (size == 0 || size > rest.size)
            return at;
        at += size;
        if ((rest.data[0] & 0x0f) > WIRE_BINARY)
            continue;
        seen->frames++;
        seen->payload_bytes += size - header;
        if (fn)
            fn(context, (struct bytes){rest.data + header, size - header});
    }
}

struct frames_seen frames_feed(struct frames *f, struct bytes data, frames_fn *fn, void *context)
{
    struct frames_seen seen = {0, 0};
    if (!f->is_open)
        buf_init(&f->rest, FRAME_MAX);
    f->is_open = true;
    if (f->rest.size == 0) {
        size_t whole = cut(data, &seen, fn, context);
        buf_put(&f->rest, (struct bytes){data.data + whole, data.size - whole});
    } else {
        buf_put(&f->rest, data);
        buf_shift(&f->rest, cut(buf_bytes(&f->rest), &seen, fn, context));
    }
    if (f->rest.err)
        load_fail("memory for a frame");
    return seen;
}

void frames_done(struct frames *f)
{
    if (f->is_open)
        buf_done(&f->rest);
    f->is_open = false;
}
