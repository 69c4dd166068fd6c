#include "server/bakery.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "server/folder.h"

enum { MESSAGE_MAX = 4096, REPORT_MAX = 16 * 1024 * 1024 };

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

/* With on_signal the copying ends with its next step, and takes away what it has made. */
static void set_signals(void (*handler)(int))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &action, NULL);
}

struct progress {
    bool is_shown; /* on a terminal */
    unsigned percent;
};

static bool show(void *context, uint64_t copied, uint64_t count)
{
    struct progress *p = context;
    unsigned percent = count ? (unsigned)(copied * 100 / count) : 100;
    if (p->is_shown && percent != p->percent)
        fprintf(stderr, "\rcopying: %u %%", percent);
    p->percent = percent;
    return !is_interrupted;
}

static void complain(const char *to, enum err e, const struct buf *message)
{
    if (e == ERR_CLOSED)
        cmd_complain("backup", "interrupted; nothing is left of %s", to);
    else
        cmd_complain("backup", "%.*s", (int)message->size, message->size ? message->data : "");
}

static enum err copy(const char *from, const char *to, uint64_t *seq)
{
    struct progress progress = {.is_shown = isatty(STDERR_FILENO)};
    struct store_backup how = {.to = to, .progress = show, .context = &progress};
    struct bakery b;
    struct buf message;
    enum err e = bakery_open(&b, "backup", from);
    if (e)
        return e;
    buf_init(&message, MESSAGE_MAX);
    e = store_backup(b.session, &how, seq, &message);
    bakery_close(&b);
    if (progress.is_shown)
        fputs("\r\033[K", stderr);
    if (e)
        complain(to, e, &message);
    buf_done(&message);
    return e;
}

/* A copy of data that do not agree is better than none, and is kept. */
static enum err recount(const char *folder)
{
    struct bakery b;
    struct buf report;
    enum err e = bakery_open(&b, "backup", folder);
    if (e)
        return e;
    buf_init(&report, REPORT_MAX);
    e = store_verify(b.session, &report);
    bakery_close(&b);
    if (e) {
        cmd_complain("backup",
                     "%s is made, but its data do not agree, as 'homebake verify' says:", folder);
        (void)cmd_print(buf_bytes(&report));
    }
    buf_done(&report);
    return e;
}

/* Without slashes at its end; the folder above it is made.  False: it cannot be, as has been said. */
static bool take_name(const char *to, char name[FOLDER_PATH_MAX])
{
    char above[FOLDER_PATH_MAX];
    size_t size = strlen(to);
    while (size > 1 && to[size - 1] == '/')
        size--;
    if (size == 0 || size >= FOLDER_PATH_MAX) {
        cmd_complain("backup", "%s is no name for a folder", size ? to : "nothing");
        return false;
    }
    memcpy(name, to, size);
    name[size] = '\0';
    memcpy(above, name, size + 1);
    char *slash = strrchr(above, '/');
    if (!slash || slash == above)
        return true;
    *slash = '\0';
    enum err e = folder_make(above);
    if (e)
        cmd_complain("backup", "the folder %s cannot be made: %s", above, err_text(e));
    return !e;
}

int cmd_backup(int argc, char **argv)
{
    const char *from = NULL, *to = NULL;
    const struct option options[] = {{"--data", &from, NULL, NULL, true},
                                     {"--to", &to, NULL, NULL, true}};
    if (!cmd_parse("backup", argc, argv, options, 2))
        return EXIT_USAGE;
    char name[FOLDER_PATH_MAX];
    uint64_t seq = 0;
    if (!take_name(to, name))
        return EXIT_FAILED;
    set_signals(on_signal);
    enum err e = copy(from, name, &seq);
    set_signals(SIG_DFL);
    if (e || recount(name))
        return EXIT_FAILED;
    printf("%s holds %s up to change %" PRIu64 "; stock and shift totals equal a recount\n", name,
           from, seq);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
