/* nats-server over WebSocket: its text protocol in binary frames, several messages in one where it
 * likes, so that messages are counted by their bytes. */
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "stack.h"
#include "wire.h"

static bool is_there(void)
{
    return process_is_there("nats-server");
}

static void start(struct target *t)
{
    char text[512], path[PROCESS_FOLDER_MAX + 16], head[64];
    uint16_t tcp_port = process_free_port();
    t->port = process_free_port();
    process_folder_new(t->folder);
    snprintf(text, sizeof(text),
             "listen: \"127.0.0.1:%u\"\nping_interval: \"1h\"\n"
             "websocket { listen: \"127.0.0.1:%u\", no_tls: true, compression: false }\n",
             tcp_port, t->port);
    process_write_file(t->folder, "nats.conf", text);
    snprintf(path, sizeof(path), "%s/nats.conf", t->folder);
    char *const argv[] = {"nats-server", "-c", path, NULL};
    t->pid = process_start(argv, t->cfg.server_cpu, NULL);
    process_await_port(t->port);
    int n = snprintf(head, sizeof(head), "MSG bench 1 %zu\r\n", t->cfg.payload);
    t->message_size = (size_t)n + t->cfg.payload + 2;
}

static void stop(struct target *t)
{
    process_stop(t->pid);
    process_folder_remove(t->folder);
}

static int say_hello(const struct target *t, const char *what)
{
    int fd = wire_open(t->port, "/", NULL);
    char text[256];
    wire_await(fd, "INFO ", 5, NULL);
    int n = snprintf(text, sizeof(text),
                     "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\n%sPING\r\n",
                     what);
    wire_send_frame(fd, WIRE_BINARY, text, (size_t)n);
    wire_await(fd, "PONG\r\n", 6, NULL);
    return fd;
}

static int subscribe(struct target *t, int number)
{
    (void)number;
    return say_hello(t, "SUB bench 1\r\n");
}

static int open_publisher(struct target *t)
{
    return say_hello(t, "");
}

static size_t put_messages(const struct target *t, int count, size_t frame_size, char *out)
{
    char message[STACK_PAYLOAD_MAX + 64];
    (void)frame_size;
    int n = snprintf(message, sizeof(message), "PUB bench %zu\r\n%.*s\r\n", t->cfg.payload,
                     (int)t->cfg.payload, t->payload);
    return stack_put_frames(count, message, (size_t)n, out);
}

const struct stack stack_nats = {
    .name = "nats-server",
    .package = "nats-server",
    .is_there = is_there,
    .start = start,
    .stop = stop,
    .subscribe = subscribe,
    .open_publisher = open_publisher,
    .put_messages = put_messages,
};
