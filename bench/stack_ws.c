/* npm's ws, by bench/peers/ws.mjs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "stack.h"
#include "wire.h"

static bool is_there(void)
{
    return process_is_there("node") &&
           access("tests/clients/node_modules/ws/package.json", R_OK) == 0;
}

static void start_in(struct target *t, const char *mode)
{
    char line[128] = "";
    int out;
    char *const argv[] = {"node", "bench/peers/ws.mjs", (char *)mode, NULL};
    t->pid = process_start(argv, t->cfg.server_cpu, &out);
    FILE *lines = fdopen(out, "r");
    const char *space = lines && fgets(line, sizeof(line), lines) ? strrchr(line, ' ') : NULL;
    t->port = (uint16_t)(space ? strtoul(space, NULL, 10) : 0);
    if (!t->port)
        load_fail("ws.mjs did not say where it listens");
    fclose(lines);
}

static void start_sending(struct target *t)
{
    start_in(t, "send");
}

static void start_sharing(struct target *t)
{
    start_in(t, "shared");
}

static void stop(struct target *t)
{
    process_stop(t->pid);
}

static int subscribe(struct target *t, int number)
{
    (void)number;
    return wire_open(t->port, "/sub", NULL);
}

static int open_publisher(struct target *t)
{
    return wire_open(t->port, "/pub", NULL);
}

static size_t put_messages(const struct target *t, int count, size_t frame_size, char *out)
{
    (void)frame_size;
    return stack_put_frames(count, t->payload, t->cfg.payload, out);
}

#define STACK_WS(title, starter)                                                                   \
    {                                                                                              \
        .name = (title), .package = "nodejs npm, and: npm --prefix tests/clients ci",              \
        .is_there = is_there, .start = (starter), .stop = stop, .subscribe = subscribe,            \
        .open_publisher = open_publisher, .put_messages = put_messages                             \
    }

const struct stack stack_ws_send = STACK_WS("node `ws`, `send()`", start_sending);
const struct stack stack_ws_shared = STACK_WS("node `ws`, one frame for all", start_sharing);
