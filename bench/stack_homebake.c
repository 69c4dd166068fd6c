/* All staff in turn subscribe to the sales, by row policy; a message is a sale that is recorded:
 * HTTP, policy, SQL, commit to disk and fan-out are in the server's CPU. */
#include "stack.h"
#include "wire.h"

static bool is_there(void)
{
    return true;
}

static void start(struct target *t)
{
    struct homebake_config cfg = {t->cfg.program, t->cfg.shards, t->cfg.server_cpu};
    homebake_start(&t->home, &cfg);
    t->pid = t->home.pid;
    t->port = t->home.port;
}

static void stop(struct target *t)
{
    homebake_stop(&t->home);
}

/* With these columns and the key, a frame has about 300 bytes; whole rows make more than 1,000. */
static const char few_columns[] =
    "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\","
    "\"select\":[\"quantity\"]}],\"presence\":{\"enabled\":false}}";

static int subscribe(struct target *t, int number)
{
    const char *config = t->cfg.wants_rows ? HOMEBAKE_WANTS("sales_logs") : few_columns;
    return homebake_join(&t->home, number, "bench", config);
}

static int open_publisher(struct target *t)
{
    return wire_connect(t->port);
}

static size_t put_messages(const struct target *t, int count, size_t frame_size, char *out)
{
    (void)frame_size;
    return homebake_put_sales(&t->home, count, out, STACK_ASK_MAX);
}

const struct stack stack_homebake = {
    .name = "homebake",
    .is_there = is_there,
    .start = start,
    .stop = stop,
    .subscribe = subscribe,
    .open_publisher = open_publisher,
    .put_messages = put_messages,
    .answers = true,
    .drops_idle = true,
};
