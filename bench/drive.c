#include "drive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/time.h"
#include "load.h"

enum {
    DIAL_MAX = 256, /* connections that are opened side by side */
    WARM_UP = 3,
    PATIENCE_MS = 30000,
    WINDOW = 64,
    WS_PING = 9,
    QUIET_MS = 30
};

#define KEEP_ALIVE_NS (20 * LOAD_NS_PER_S)

/* ---- what comes in ---- */

static uint64_t us_since(uint64_t start_ns, uint64_t now_ns)
{
    return now_ns > start_ns ? (now_ns - start_ns) / 1000 : 0;
}

/* In an open loop, message n of a subscriber belongs to request n / messages. */
static void on_messages(void *context, uint64_t first, uint64_t count)
{
    struct drive *d = context;
    const struct turn *t = d->turn;
    uint64_t now_ns = load_now_ns();
    if (t->rounds > 0) {
        hist_add(&d->outcome->each, us_since(d->start_ns, now_ns), count);
        return;
    }
    uint64_t per_request = (uint64_t)t->messages;
    for (uint64_t n = first, next; n < first + count; n = next) {
        uint64_t request = n / per_request;
        next = (request + 1) * per_request;
        next = next < first + count ? next : first + count;
        hist_add(&d->outcome->each, us_since(d->start_ns + request * t->interval_ns, now_ns),
                 next - n);
    }
}

static void on_payload(void *context, struct bytes payload)
{
    static const char name[] = "\"commit_timestamp\":\"";
    struct drive *d = context;
    if (!d->turn || !d->turn->reads_commit)
        return;
    const char *at = memmem(payload.data, payload.size, name, sizeof(name) - 1);
    if (!at)
        return;
    size_t start = (size_t)(at - payload.data) + sizeof(name) - 1;
    struct bytes rest = bytes_slice(payload, start, payload.size);
    int64_t commit_us;
    if (time_parse_timestamptz(bytes_slice(rest, 0, bytes_find_char(rest, '"')), &commit_us))
        load_fail("a commit_timestamp that is no time");
    int64_t us = load_wall_us() - commit_us;
    hist_add(&d->outcome->commit, us > 0 ? (uint64_t)us : 0, 1);
}

/* Counts HTTP answers wherever reads part them; one that is no success ends the bench. */
static void take_answers(struct drive *d, struct bytes data)
{
    static const char start[] = "HTTP/1.1 ";
    for (size_t i = 0; i < data.size; i++) {
        char c = data.data[i];
        if (d->answer_at == sizeof(start) - 1) {
            if (c != '2') {
                fprintf(stderr, "%.*s\n", (int)data.size, data.data);
                load_fail("a request was refused");
            }
            d->answered++;
            d->answer_at = 0;
        } else {
            d->answer_at = c == start[d->answer_at] ? d->answer_at + 1 : c == start[0];
        }
    }
}

static void on_other(void *context, int fd)
{
    struct drive *d = context;
    char data[16384];
    if (fd != d->publisher) {
        uint64_t passed = 0;
        if (read(fd, &passed, sizeof(passed)) == (ssize_t)sizeof(passed))
            d->due += passed;
        return;
    }
    ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        load_fail("the publisher lost its connection");
    if (n > 0 && d->target.stack->answers)
        take_answers(d, (struct bytes){data, (size_t)n});
}

/* ---- the loops ---- */

static bool has_all(const struct drive *d, uint64_t requests)
{
    uint64_t each = requests * (uint64_t)d->turn->messages;
    return d->crowd.messages >= each * (uint64_t)d->crowd.count &&
           (!d->target.stack->answers || d->answered >= requests);
}

static void send_one(struct drive *d)
{
    wire_send(d->publisher, d->ask, d->ask_size);
    d->sent++;
}

static void wait_once(struct drive *d)
{
    if (!crowd_turn(&d->crowd, PATIENCE_MS))
        load_fail("a message did not come");
}

static void tell(struct drive *d, bool is_delivering)
{
    if (d->is_delivering)
        *d->is_delivering = is_delivering;
}

static void closed_loop(struct drive *d, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        load_pause_ms(d->turn->pause_ms);
        tell(d, true);
        d->start_ns = load_now_ns();
        send_one(d);
        while (!has_all(d, d->sent)) {
            if (d->turn->nap_ms)
                load_pause_ms(d->turn->nap_ms);
            wait_once(d);
        }
        hist_add(&d->outcome->last, us_since(d->start_ns, load_now_ns()), 1);
        tell(d, false);
    }
}

/* Requests that are not answered yet are bounded, as a browser's are. */
static bool may_send(const struct drive *d)
{
    uint64_t total = (uint64_t)d->turn->requests;
    return d->sent < d->due && d->sent < total &&
           (!d->target.stack->answers || d->sent - d->answered < WINDOW);
}

static void open_loop(struct drive *d)
{
    uint64_t ns = d->turn->interval_ns;
    struct timespec step = {(time_t)(ns / LOAD_NS_PER_S), (long)(ns % LOAD_NS_PER_S)};
    struct itimerspec timer = {.it_interval = step, .it_value = step};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    d->start_ns = load_now_ns() + ns;
    if (fd < 0 || timerfd_settime(fd, 0, &timer, NULL) != 0)
        load_fail("timerfd");
    crowd_watch(&d->crowd, fd);
    while (d->sent < (uint64_t)d->turn->requests || !has_all(d, d->sent)) {
        wait_once(d);
        while (may_send(d))
            send_one(d);
    }
    close(fd);
}

static void begin(struct drive *d, const struct turn *turn, struct outcome *out)
{
    crowd_reset(&d->crowd);
    memset(out, 0, sizeof(*out));
    d->turn = turn;
    d->outcome = out;
    d->due = d->sent = d->answered = 0;
}

static void open_publisher(struct drive *d)
{
    d->publisher = d->target.stack->open_publisher(&d->target);
    d->answer_at = 0;
    crowd_watch(&d->crowd, d->publisher);
}

static void close_publisher(struct drive *d)
{
    if (d->publisher >= 0)
        close(d->publisher);
    d->publisher = -1;
}

/* The pongs are waited for, so that they do not mix with what is counted. */
void drive_keep_alive(struct drive *d)
{
    if (!d->target.stack->drops_idle || load_now_ns() - d->kept_alive_ns < KEEP_ALIVE_NS)
        return;
    for (int i = 0; i < d->crowd.count; i++)
        wire_send_frame(d->crowd.members[i].fd, WS_PING, "", 0);
    while (crowd_turn(&d->crowd, QUIET_MS))
        ;
    d->kept_alive_ns = load_now_ns();
}

void drive_turn(struct drive *d, const struct turn *turn, struct outcome *out)
{
    struct turn warm_up = *turn;
    bool is_renewed = d->target.stack->drops_idle;
    drive_keep_alive(d);
    if (is_renewed)
        open_publisher(d);
    d->ask_size =
        d->target.stack->put_messages(&d->target, turn->messages, turn->frame_size, d->ask);
    warm_up.rounds = WARM_UP;
    begin(d, &warm_up, out);
    closed_loop(d, WARM_UP);
    begin(d, turn, out);
    uint64_t cpu_ns = load_cpu_ns(d->target.pid), start_ns = load_now_ns();
    if (turn->rounds > 0)
        closed_loop(d, turn->rounds);
    else
        open_loop(d);
    out->wall_ns = load_now_ns() - start_ns;
    out->cpu_ns = load_cpu_ns(d->target.pid) - cpu_ns;
    out->deliveries = d->crowd.messages;
    out->bytes = d->crowd.bytes;
    if (is_renewed)
        close_publisher(d);
}

/* ---- start and end ---- */

static void subscribe_some(struct drive *d, int first, int count)
{
    const struct stack *stack = d->target.stack;
    int fds[DIAL_MAX];
    for (int i = 0; i < count; i++)
        fds[i] = stack->dial ? stack->dial(&d->target) : stack->subscribe(&d->target, first + i);
    for (int i = 0; i < count; i++) {
        if (stack->dial)
            stack->subscribe_on(&d->target, fds[i], first + i);
        crowd_add(&d->crowd, first + i, fds[i]);
    }
}

void drive_start(struct drive *d, const struct stack *stack, const struct stack_config *cfg)
{
    memset(d, 0, sizeof(*d));
    d->target.stack = stack;
    d->target.cfg = *cfg;
    memset(d->target.payload, 'x', sizeof(d->target.payload));
    stack->start(&d->target);
    load_pin(cfg->client_cpu); /* after the server, which would inherit it */
    crowd_init(&d->crowd, cfg->subscribers, d->target.message_size);
    d->crowd.hooks = (struct crowd_hooks){on_messages, on_payload, on_other, d};
    for (int i = 0; i < cfg->subscribers; i += DIAL_MAX)
        subscribe_some(d, i, cfg->subscribers - i < DIAL_MAX ? cfg->subscribers - i : DIAL_MAX);
    d->publisher = -1;
    if (!stack->drops_idle)
        open_publisher(d);
    d->kept_alive_ns = load_now_ns();
}

void drive_stop(struct drive *d)
{
    close_publisher(d);
    crowd_done(&d->crowd);
    d->target.stack->stop(&d->target);
}
