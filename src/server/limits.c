#include "server/limits.h"

#include "base/time.h"

void server_limits_init(struct server_limits *l)
{
    *l = (struct server_limits){
        .connections_max = 100000,
        .header_max = 16 * 1024,
        .request_body_max = 1024 * 1024,
        .pipeline_max = 16 * 1024,
        .slow_us = 10 * TIME_US_PER_S,
        .idle_us = 60 * TIME_US_PER_S,
        .stall_us = 30 * TIME_US_PER_S,
        .linger_us = 2 * TIME_US_PER_S,
        .drain_us = 5 * TIME_US_PER_S,
        .writes_queued_max = 4096,
        .reads_queued_max = 1024,
        .passwords_queued_max = 64,
        .log_count_max = 65536,
        .log_bytes_max = 64 * 1024 * 1024,
        .restore_count = 4096,
        .checkpoint_after_us = TIME_US_PER_S,
        .log_keep_us = 7 * TIME_US_PER_DAY,
        .log_keep_count = 1000000,
        .hub = hub_limits_default,
        .api = api_limits_default,
    };
}
