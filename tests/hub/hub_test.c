/* Whole conversations, word for word, in both wire versions. */
#include "support.h"

#define SALES                                                                                      \
    "\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":\"sales_logs\"}]"
#define SALE_COLUMNS                                                                               \
    "[{\"name\":\"id\",\"type\":\"uuid\"},{\"name\":\"quantity\",\"type\":\"int4\"},"              \
    "{\"name\":\"unit_price\",\"type\":\"numeric\"},{\"name\":\"returned\",\"type\":\"bool\"},"    \
    "{\"name\":\"note\",\"type\":\"text\"},{\"name\":\"created_at\",\"type\":\"timestamptz\"},"    \
    "{\"name\":\"extra\",\"type\":\"jsonb\"}]"

static void version_2_is_spoken_word_for_word(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct client *c = client_open(&w, PHX_V2);
    client_say(&w, c, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]");
    expect_text(c, "[null,\"1\",\"phoenix\",\"phx_reply\",{\"status\":\"ok\",\"response\":{}}]");
    client_join(&w, c, "sales", "2", SALES ",\"presence\":{\"enabled\":true}", OWNER);
    expect_text(c, "[\"2\",\"2\",\"realtime:sales\",\"phx_reply\",{\"status\":\"ok\",\"response\":"
                   "{\"postgres_changes\":[{\"event\":\"*\",\"schema\":\"public\",\"table\":"
                   "\"sales_logs\",\"id\":1}]}}]");
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_2_is_spoken_word_for_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
