/* load: what the benches share: a homebake on a fresh demo bakery, its CPU time, and many client
 * connections driven by one epoll loop.  Measures a server on this machine over loopback only.
 * Failures end the program with a message: a bench has nobody to hand an error to. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <sys/types.h>

#include "base/buf.h"

/* Ends the program with the message and errno's text. */
_Noreturn void load_fail(const char *what);

struct load_server {
    pid_t pid;
    uint16_t port;
    char data[128];  /* its folder, removed by load_server_stop */
    char anon[1024]; /* keys */
    char service[1024];
    char user_token[2048]; /* of a sales rep who has signed in */
    char user_id[40];
    char bread_id[40];
    uint64_t ready_ns; /* from fork to the line that says where it listens */
};

/* Makes a demo bakery in a temporary folder and serves it with that many shards.  `cpu` pins it;
 * -1: free. */
void load_server_start(struct load_server *s, const char *program, int shards, int cpu);
void load_server_stop(struct load_server *s);
/* CPU time of all threads of a process so far, nanoseconds (/proc/PID/task/x/schedstat). */
uint64_t load_cpu_ns(pid_t pid);
/* How often its threads went to sleep so far, and its resident memory (/proc/PID/…/status). */
uint64_t load_switches(pid_t pid);
size_t load_resident_bytes(pid_t pid);
/* Monotonic nanoseconds. */
uint64_t load_now_ns(void);
void load_pin(int cpu);

/* One blocking request; the answer's body goes to `body` (reset first).  Returns the status. */
int load_request(const struct load_server *s, const char *method, const char *path,
                 const char *token, const char *json, struct buf *body);
/* A number behind `name ` in the server's /metrics; 0 when it is not there. */
double load_metric(const struct load_server *s, const char *name);

/* A non-blocking loopback connection. */
int load_connect(uint16_t port);
void load_send(int fd, const char *data, size_t size);
/* A blocking WebSocket that has joined a channel with the given config JSON as the server's user.
 */
int load_join(const struct load_server *s, const char *topic, const char *config);
void load_set_nonblocking(int fd);

/* Counts whole WebSocket frames in a stream of unmasked frames, across reads. */
struct load_frames {
    uint64_t left; /* bytes of the frame that are still to come */
    uint8_t header[10];
    uint8_t header_size;
};
uint64_t load_count_frames(struct load_frames *f, const char *data, size_t size);

int load_compare_u64(const void *a, const void *b);
/* The value at `share` (0..1) of a sorted array. */
uint64_t load_percentile(const uint64_t *sorted, size_t count, double share);

#endif
