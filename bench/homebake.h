/* homebake: the server under test on a fresh demo bakery in a temporary folder, with all its staff
 * signed in. */
#ifndef BENCH_HOMEBAKE_H
#define BENCH_HOMEBAKE_H

#include "base/buf.h"
#include "process.h"

enum { HOMEBAKE_STAFF_MAX = 8, HOMEBAKE_TOKEN_MAX = 2048, HOMEBAKE_ROWS_MAX = 256 };

struct homebake_config {
    const char *program; /* build/homebake */
    int shards;
    int cpu; /* pins it; -1: free */
};

struct homebake {
    struct homebake_config cfg;
    pid_t pid;
    uint16_t port;
    char folder[PROCESS_FOLDER_MAX];
    char anon[1024], service[1024]; /* keys */
    char staff[HOMEBAKE_STAFF_MAX][HOMEBAKE_TOKEN_MAX];
    int staff_count;
    char bread_id[40];
    uint64_t ready_ns; /* from fork to the line that says where it listens */
};

/* Makes the bakery, serves it, signs everybody in. */
void homebake_start(struct homebake *h, const struct homebake_config *cfg);
/* Ends it; the folder is removed too. */
void homebake_stop(struct homebake *h);
/* Kills it without notice, and serves the same folder again on the same port. */
void homebake_kill(struct homebake *h);
void homebake_serve(struct homebake *h);

/* One blocking request; the answer's body goes to `body` (reset first).  Returns the status. */
int homebake_request(const struct homebake *h, const char *method, const char *path,
                     const char *token, const char *json, struct buf *body);
/* A number behind `name ` in the server's /metrics; 0 when it is not there. */
double homebake_metric(const struct homebake *h, const char *name);
/* The token of somebody of the staff, all in turn. */
const char *homebake_token(const struct homebake *h, int number);
/* The request that records `count` sales at once; returns its size. */
size_t homebake_put_sales(const struct homebake *h, int count, char *out, size_t size);

/* The path of the WebSocket. */
void homebake_put_path(const struct homebake *h, char *out, size_t size);
/* The text of a join of `realtime:TOPIC` by person `number`; its ref and join ref are `ref`. */
size_t homebake_put_join(const struct homebake *h, int number, int ref, const char *topic,
                         const char *config, char *out, size_t size);
/* A blocking WebSocket that is subscribed. */
int homebake_join(const struct homebake *h, int number, const char *topic, const char *config);
/* The config of a channel that wants all of a table, and no presence. */
#define HOMEBAKE_WANTS(table)                                                                      \
    "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"" table             \
    "\"}],\"presence\":{\"enabled\":false}}"

#endif
