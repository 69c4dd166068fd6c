/* A time that is read is written and read as the same; a date is the time at its midnight. */
#include "base/time.h"

#include <string.h>

#include "fuzz.h"

typedef void writer(struct buf *out, int64_t us);

static void check_written(int64_t us, writer *put, int64_t unit_us)
{
    struct buf b;
    int64_t back = 0;
    buf_init(&b, 100);
    put(&b, us);
    assert(b.err == OK && time_parse_timestamptz(buf_bytes(&b), &back) == OK);
    assert(back <= us && us - back < unit_us);
    buf_done(&b);
}

static void check_any_number(int64_t us)
{
    struct buf b;
    buf_init(&b, 1000);
    time_put_timestamptz(&b, us);
    time_put_millis_z(&b, us);
    time_put_http_date(&b, us);
    time_put_date(&b, us);
    assert(b.err == OK);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = fuzz_input(data, size);
    int64_t us, days;
    if (time_parse_timestamptz(in, &us) == OK) {
        check_written(us, time_put_timestamptz, 1);
        check_written(us, time_put_rfc3339, 1);
        check_written(us, time_put_millis_z, TIME_US_PER_MS);
    }
    if (time_parse_date(in, &days) == OK)
        assert(time_parse_timestamptz(in, &us) == OK && us == days * TIME_US_PER_DAY);
    if (size == sizeof(us)) {
        memcpy(&us, data, sizeof(us));
        check_any_number(us);
    }
    return 0;
}
