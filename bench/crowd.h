/* crowd: many subscribed connections and the publisher's, read by one epoll loop. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "wire.h"

struct crowd_member {
    int fd;
    struct frames frames;
    uint64_t payload_bytes; /* of messages, since the last reset */
    uint64_t messages;
};

struct crowd_hooks {
    /* A member has had `count` messages more after its first `first` since the last reset. */
    void (*messages)(void *context, uint64_t first, uint64_t count);
    /* One frame's payload; NULL: nobody wants to see them. */
    frames_fn *payload;
    /* Another descriptor can be read. */
    void (*other)(void *context, int fd);
    void *context;
};

struct crowd {
    int poll, count;
    struct crowd_member *members;
    int reading;              /* the member whose bytes the hooks are told of */
    size_t message_size;      /* bytes of payload a message has; 0: a frame is a message */
    uint64_t messages, bytes; /* of all, since the last reset; bytes as they came, headers too */
    struct crowd_hooks hooks;
};

void crowd_init(struct crowd *c, int count, size_t message_size);
/* Closes all. */
void crowd_done(struct crowd *c);
/* Member i reads from this socket, which it owns and makes non-blocking. */
void crowd_add(struct crowd *c, int i, int fd);
/* Tells hooks.other when this descriptor, which stays the caller's, can be read. */
void crowd_watch(struct crowd *c, int fd);
/* Counts from zero again; nothing may be on its way. */
void crowd_reset(struct crowd *c);
/* Waits once for something to read, at most so long, and reads; false when nothing came. */
bool crowd_turn(struct crowd *c, int timeout_ms);

#endif
