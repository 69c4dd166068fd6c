/* mosquitto over WebSocket: MQTT 3.1.1 at quality of service 0, in binary frames. */
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "stack.h"
#include "wire.h"

/* MQTT 3.1.1, section 2.2: packet types with their flags. */
enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, SUBSCRIBE = 0x82, SUBACK = 0x90 };

static const char topic[] = "bench";
enum { TOPIC_SIZE = sizeof(topic) - 1 };

static bool is_there(void)
{
    return process_is_there("mosquitto");
}

/* Section 2.2.3: seven bits a byte, the lowest first. */
static size_t put_head(char *out, int type, size_t size)
{
    size_t at = 0;
    out[at++] = (char)type;
    do {
        out[at++] = (char)((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
        size >>= 7;
    } while (size > 0);
    return at;
}

static size_t put_text(char *out, const char *text, size_t size)
{
    out[0] = (char)(size >> 8);
    out[1] = (char)(size & 0xff);
    memcpy(out + 2, text, size);
    return 2 + size;
}

static size_t put_publish(const struct target *t, char *out)
{
    size_t at = put_head(out, PUBLISH, 2 + TOPIC_SIZE + t->cfg.payload);
    at += put_text(out + at, topic, TOPIC_SIZE);
    memcpy(out + at, t->payload, t->cfg.payload);
    return at + t->cfg.payload;
}

static void start(struct target *t)
{
    char text[512], path[PROCESS_FOLDER_MAX + 32], message[STACK_PAYLOAD_MAX + 64];
    t->port = process_free_port();
    process_folder_new(t->folder);
    /* It does not start without a listener of the plain kind. */
    snprintf(text, sizeof(text),
             "listener %u 127.0.0.1\nlistener %u 127.0.0.1\nprotocol websockets\n"
             "allow_anonymous true\npersistence false\nlog_dest none\nset_tcp_nodelay true\n"
             "user root\n",
             process_free_port(), t->port);
    process_write_file(t->folder, "mosquitto.conf", text);
    snprintf(path, sizeof(path), "%s/mosquitto.conf", t->folder);
    char *const argv[] = {"mosquitto", "-c", path, NULL};
    t->pid = process_start(argv, t->cfg.server_cpu, NULL);
    process_await_port(t->port);
    t->message_size = put_publish(t, message);
}

static void stop(struct target *t)
{
    process_stop(t->pid);
    process_folder_remove(t->folder);
}

/* Sends a packet with its head, and waits for the answer of that type. */
static void ask(int fd, int type, const char *body, size_t size, int answer)
{
    char packet[128], wanted[1] = {(char)answer};
    size_t at = put_head(packet, type, size);
    memcpy(packet + at, body, size);
    wire_send_frame(fd, WIRE_BINARY, packet, at + size);
    wire_await(fd, wanted, 1, NULL);
}

/* Section 3.1: protocol "MQTT" level 4, clean session, no keep-alive, and a name of our own. */
static void greet(int fd, const char *name)
{
    static const char level[] = {4, 2, 0, 0};
    char body[64];
    size_t at = put_text(body, "MQTT", 4);
    memcpy(body + at, level, sizeof(level));
    at += sizeof(level);
    at += put_text(body + at, name, strlen(name));
    wire_await_upgrade(fd);
    ask(fd, CONNECT, body, at, CONNACK);
}

static int dial(struct target *t)
{
    return wire_dial(t->port, "/", "mqtt");
}

static void subscribe_on(struct target *t, int fd, int number)
{
    (void)t;
    char name[32], body[32] = {0, 1}; /* a packet identifier */
    snprintf(name, sizeof(name), "reader-%d", number);
    greet(fd, name);
    size_t at = 2 + put_text(body + 2, topic, TOPIC_SIZE);
    body[at++] = 0; /* quality of service */
    ask(fd, SUBSCRIBE, body, at, SUBACK);
}

static int open_publisher(struct target *t)
{
    int fd = dial(t);
    greet(fd, "publisher");
    return fd;
}

static size_t put_messages(const struct target *t, int count, size_t frame_size, char *out)
{
    char message[STACK_PAYLOAD_MAX + 64];
    (void)frame_size;
    return stack_put_frames(count, message, put_publish(t, message), out);
}

const struct stack stack_mosquitto = {
    .name = "mosquitto",
    .package = "mosquitto",
    .is_there = is_there,
    .start = start,
    .stop = stop,
    .dial = dial,
    .subscribe_on = subscribe_on,
    .open_publisher = open_publisher,
    .put_messages = put_messages,
};
