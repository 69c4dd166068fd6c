#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "server/cmd.h"
#include "server/terminal.h"
#include "server/watch.h"

enum {
    FRAME_MS = 50,
    AGE_MS = 1000, /* ages are counted in seconds */
    OUT_MAX = 4 << 20,
    CELLS_MAX = 64 << 20,
    STATUS_SIZE = 400
};

struct live {
    struct watch *watch;
    struct arena arena;
    struct buf out;
    int keys, screen;
    bool is_due; /* something is to be shown */
    bool is_over;
    const char *fault; /* why it is over; NULL: it was asked to be */
    int64_t shown_ms;
    char trouble[HB_POSIX_ERROR_SIZE];
};

static volatile sig_atomic_t is_resized;

static void on_resize(int number)
{
    (void)number;
    is_resized = 1;
}

static struct hb_client *client_of(const struct live *l)
{
    return hb_posix_client(l->watch->posix);
}

static void give_up(struct live *l, const char *fault)
{
    l->is_over = true;
    l->fault = fault;
}

/* ---- the first line ---- */

static const struct {
    const char *word;
    enum screen_style style;
} states[] = {[HB_OFFLINE] = {"Offline", SCREEN_BAD},
              [HB_CONNECTING] = {"Connecting", SCREEN_WARN},
              [HB_LIVE] = {"Live", SCREEN_GOOD},
              [HB_STALE] = {"Connecting (no answer)", SCREEN_WARN},
              [HB_WAITING] = {"Offline", SCREEN_BAD}};

static void put_seconds(struct buf *out, const char *before, int64_t ms, const char *after)
{
    char text[64];
    snprintf(text, sizeof(text), "%s%lld s%s", before, (long long)(ms / 1000), after);
    buf_put(out, bytes_of(text));
}

static void put_tries(struct buf *out, const struct hb_status *s)
{
    char text[64];
    snprintf(text, sizeof(text), "  try %u", s->retries);
    if (s->retries > 0)
        buf_put(out, bytes_of(text));
    if (s->retry_in_ms >= 0)
        put_seconds(out, "  again in ", s->retry_in_ms + 999, "");
}

static enum screen_style put_status(struct buf *out, const struct live *l)
{
    struct hb_status s;
    hb_client_status(client_of(l), hb_posix_now(), &s);
    bool is_failed = s.failed > 0;
    buf_put(out, bytes_of(is_failed ? "Failed" : states[s.state].word));
    buf_put_literal(out, "  ");
    buf_put(out, bytes_of(l->watch->what));
    if (s.contact_age_ms >= 0)
        put_seconds(out, "  heard ", s.contact_age_ms, " ago");
    if (s.state != HB_LIVE)
        put_tries(out, &s);
    const char *trouble = is_failed ? l->trouble : hb_posix_trouble(l->watch->posix);
    if (s.state != HB_LIVE && !trouble[0])
        trouble = hb_error_text(s.error);
    if (trouble[0] && (is_failed || s.state != HB_LIVE)) {
        buf_put_literal(out, "  ");
        buf_put(out, bytes_of(trouble));
    }
    return is_failed ? SCREEN_BAD : states[s.state].style;
}

/* ---- the screen ---- */

static void show(struct live *l)
{
    char line[STATUS_SIZE];
    struct buf status;
    struct screen s = {.hint = BYTES("r: connect now   q: end"), .empty = BYTES("  No rows yet.")};
    struct screen_size size = terminal_size(l->screen);
    buf_init(&status, sizeof(line));
    s.status.style = put_status(&status, l);
    s.status.text = buf_bytes(&status);
    arena_reset(&l->arena);
    if (watched_show(l->watch->watched, hb_posix_now(), &l->arena, &s.table))
        s.empty = BYTES("  There is no memory to show the rows.");
    buf_reset(&l->out);
    screen_put(&l->out, &s, &size);
    buf_done(&status);
    if (l->out.err)
        give_up(l, "the rows are more than a screen can be made of");
    else if (!terminal_write(l->screen, buf_bytes(&l->out)))
        give_up(l, "the terminal is gone");
    l->is_due = false;
    l->shown_ms = hb_posix_now();
}

/* ---- what happens ---- */

static void take_rows(struct live *l, const struct hb_action *a)
{
    struct watch *w = l->watch;
    size_t query = watch_query_of(w, a->id);
    if (a->is_whole)
        watched_clear(w->watched, query);
    for (uint32_t i = 0; i < a->count; i++) {
        struct hb_row row;
        hb_client_row(client_of(l), i, &row);
        if (watched_take(w->watched, query, &row, !a->is_whole, hb_posix_now()))
            give_up(l, "out of memory");
    }
}

static void take(struct live *l, const struct hb_action *a)
{
    l->is_due = true;
    if (a->type == HB_ROWS)
        take_rows(l, a);
    else if (a->type == HB_TROUBLE)
        snprintf(l->trouble, sizeof(l->trouble), "%.*s", (int)a->text.size,
                 a->text.size ? a->text.data : hb_error_text(a->error));
}

static void take_all(struct live *l)
{
    struct hb_action a;
    while (hb_posix_next(l->watch->posix, &a))
        take(l, &a);
}

static void take_keys(struct live *l)
{
    char keys[32];
    ssize_t count = read(l->keys, keys, sizeof(keys));
    l->is_over |= count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
    for (ssize_t i = 0; i < count; i++) {
        if (keys[i] == 'q')
            l->is_over = true;
        else if (keys[i] == 'r')
            hb_client_retry(client_of(l), 0, hb_posix_now());
    }
}

static int timeout_of(const struct live *l)
{
    int64_t now = hb_posix_now(), at = l->shown_ms + (l->is_due ? FRAME_MS : AGE_MS);
    int patience = hb_posix_timeout(l->watch->posix);
    if (patience >= 0 && now + patience < at)
        at = now + patience;
    return at <= now ? 0 : (int)(at - now);
}

static void wait(struct live *l)
{
    struct pollfd fds[HB_POSIX_FDS_MAX + 1];
    size_t count = hb_posix_fds(l->watch->posix, fds);
    fds[count] = (struct pollfd){.fd = l->keys, .events = POLLIN};
    (void)poll(fds, count + 1, timeout_of(l));
    if (fds[count].revents)
        take_keys(l);
    hb_posix_turn(l->watch->posix);
}

static void turn(struct live *l)
{
    int64_t now = hb_posix_now();
    take_all(l);
    bool is_time = now >= l->shown_ms + (l->is_due ? FRAME_MS : AGE_MS);
    if (is_time || is_resized) {
        is_resized = 0;
        hb_client_frame(client_of(l), now);
        take_all(l);
        show(l);
    }
    wait(l);
}

int watch_live(struct watch *w, int keys, int screen)
{
    struct live l = {.watch = w, .keys = keys, .screen = screen, .is_due = true};
    struct sigaction action = {.sa_handler = on_resize};
    arena_init(&l.arena, CELLS_MAX);
    buf_init(&l.out, OUT_MAX);
    sigaction(SIGWINCH, &action, NULL);
    bool is_taken = terminal_take(keys, screen) == OK;
    while (is_taken && !l.is_over && !*w->is_over)
        turn(&l);
    terminal_release();
    buf_done(&l.out);
    arena_done(&l.arena);
    if (!is_taken)
        l.fault = "the terminal cannot be used; --json prints lines";
    if (l.fault)
        cmd_complain("watch", "%s", l.fault);
    return l.fault ? EXIT_FAILED : EXIT_OK;
}
