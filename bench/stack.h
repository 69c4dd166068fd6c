/* stack: a server that fans out what a publisher says, and how to start, subscribe and publish.
 * The homebake of this tree is one; the bare loop that nothing can beat another; and peers. */
#ifndef BENCH_STACK_H
#define BENCH_STACK_H

#include "homebake.h"

enum { STACK_ASK_MAX = 96 * 1024, STACK_PAYLOAD_MAX = 4096 };

struct stack_config {
    const char *program; /* homebake's */
    int subscribers;
    int shards;
    int server_cpu, client_cpu; /* -1: free */
    size_t payload;             /* bytes of a message; homebake's changes have their own size */
    bool wants_rows; /* homebake: whole rows, not the few columns that make a frame of 300 bytes */
};

/* A stack that runs. */
struct target {
    const struct stack *stack;
    struct stack_config cfg;
    pid_t pid;
    uint16_t port;
    char payload[STACK_PAYLOAD_MAX]; /* cfg.payload letters */
    size_t message_size; /* bytes of payload at the subscriber, when frames are not messages */
    char folder[PROCESS_FOLDER_MAX];
    struct homebake home;
};

struct stack {
    const char *name;
    const char *package; /* what to install when it is not there; NULL: nothing */
    bool (*is_there)(void);
    void (*start)(struct target *t);
    void (*stop)(struct target *t);
    /* A connected socket to which all messages come from now on. */
    int (*subscribe)(struct target *t, int number);
    /* The same in two steps, for a server that takes long to answer an upgrade: many ask at once. */
    int (*dial)(struct target *t);
    void (*subscribe_on)(struct target *t, int fd, int number);
    int (*open_publisher)(struct target *t);
    /* The bytes that make the server deliver `count` messages to everybody, whose frames have
     * `frame_size` bytes where the size can be chosen; returns their size. */
    size_t (*put_messages)(const struct target *t, int count, size_t frame_size, char *out);
    bool answers;    /* each such request, with an HTTP status */
    bool drops_idle; /* who says nothing for a while is taken for dead */
};

/* For stacks whose publisher says each message in a frame of its own. */
size_t stack_put_frames(int count, const char *message, size_t size, char *out);

extern const struct stack stack_homebake, stack_bare;
extern const struct stack stack_ws_send, stack_ws_shared; /* npm's ws: send(), one shared frame */
extern const struct stack stack_nats, stack_mosquitto;

#endif
