#include "server/cmd.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/log.h"
#include "server/bakery.h"
#include "server/control.h"
#include "server/folder.h"
#include "server/server.h"

struct serve_options {
    const char *folder, *listen, *cert, *key, *shards, *readers, *connections, *outbox, *log,
        *log_format;
    struct words limits;
};

static bool set_limit(struct server_limits *l, const char *name, const char *value)
{
    struct buf text, message;
    buf_init(&text, 4096);
    buf_init(&message, 8192);
    buf_put(&text, bytes_of(name));
    buf_put(&text, bytes_of(value));
    enum err e = text.err ? text.err : limits_set(l, buf_bytes(&text), &message);
    if (e)
        cmd_complain("serve", "%.*s", (int)message.size, message.size ? message.data : "");
    buf_done(&text);
    buf_done(&message);
    return !e;
}

static bool settle_limits(const struct serve_options *o, struct server_limits *l)
{
    if (o->connections && !set_limit(l, "connections=", o->connections))
        return false;
    if (o->outbox && !set_limit(l, "outbox-bytes=", o->outbox))
        return false;
    for (size_t i = 0; i < o->limits.count; i++) {
        if (!set_limit(l, "", o->limits.items[i]))
            return false;
    }
    return true;
}

static bool settle(const struct serve_options *o, struct server_config *cfg)
{
    uint64_t shards = 0, readers = 0;
    enum log_level level = LOG_INFO;
    enum log_format format = LOG_FORMAT_TEXT;
    if (!cmd_number("serve", "--shards", o->shards, 1, 256, &shards) ||
        !cmd_number("serve", "--readers", o->readers, 1, 64, &readers))
        return false;
    if (o->log && log_level_parse(o->log, &level)) {
        cmd_complain("serve", "--log must be debug, info, warn, error or off");
        return false;
    }
    if (o->log_format && log_format_parse(o->log_format, &format)) {
        cmd_complain("serve", "--log-format must be text or json");
        return false;
    }
    if (!o->cert != !o->key) {
        cmd_complain("serve", "--tls-cert and --tls-key belong together");
        return false;
    }
    if (!settle_limits(o, &cfg->limits))
        return false;
    log_setup(level, STDERR_FILENO);
    log_set_format(format);
    cfg->folder = o->folder;
    cfg->listen = o->listen;
    cfg->tls_cert = o->cert;
    cfg->tls_key = o->key;
    cfg->shards = (unsigned)shards;
    cfg->readers = (unsigned)readers;
    return true;
}

/* Before any thread is made, so that all of them leave these signals to us. */
static int catch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, as a full disk is */
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until a signal comes. */
static void attend(struct server *s, int signal_fd, int control_fd)
{
    struct pollfd fds[2] = {{.fd = signal_fd, .events = POLLIN},
                            {.fd = control_fd, .events = POLLIN}};
    while (!(fds[0].revents & POLLIN)) {
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents & POLLIN)
            control_serve(control_fd, server_writer(s), server_answer, s);
    }
}

static int announce(const struct server *s)
{
    static const char opening[] = "listening on ";
    struct buf line;
    buf_init(&line, 1024);
    buf_put(&line, bytes_of(opening));
    server_put_url(&line, s);
    LOG_EVENT(LOG_INFO, "server.start", LOG_TEXT("version", BYTES(SERVER_VERSION)),
              LOG_TEXT("url", bytes_slice(buf_bytes(&line), sizeof(opening) - 1, line.size)));
    buf_put_char(&line, '\n');
    int code = cmd_print(buf_bytes(&line));
    buf_done(&line);
    return code;
}

static int serve_locked(const struct server_config *cfg)
{
    struct buf message;
    struct server *s;
    int control_fd = -1;
    int signal_fd = catch_signals();
    buf_init(&message, 4096);
    enum err e = server_start(cfg, &message, &s);
    if (e) {
        cmd_complain("serve", "%.*s", (int)message.size, message.size ? message.data : "");
        buf_done(&message);
        return EXIT_FAILED;
    }
    buf_done(&message);
    if (control_listen(cfg->folder, &control_fd))
        log_write(LOG_WARN, "control.unavailable",
                  "no control socket: the user commands will not reach this server");
    (void)announce(s); /* who started us may not listen */
    attend(s, signal_fd, control_fd);
    log_write(LOG_INFO, "server.drain", "a signal came");
    if (control_fd >= 0)
        control_end(cfg->folder, control_fd);
    server_stop(s);
    close(signal_fd);
    log_write(LOG_INFO, "server.stop", "all connections have ended");
    return EXIT_OK;
}

/* serve --limits [--limit NAME=VALUE …] */
static int show_limits(int argc, char **argv)
{
    struct serve_options o = {0};
    struct server_limits l;
    bool is_said = false;
    const struct option options[] = {
        {"--limits", NULL, &is_said, NULL, false},
        {"--limit", NULL, NULL, &o.limits, false},
    };
    server_limits_init(&l);
    if (!cmd_parse("serve", argc, argv, options, 2) || !settle_limits(&o, &l))
        return EXIT_USAGE;
    struct buf out;
    buf_init(&out, 64 * 1024);
    limits_print(&out, &l);
    int code = out.err ? EXIT_FAILED : cmd_print(buf_bytes(&out));
    buf_done(&out);
    return code;
}

static bool asks_for_limits(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--limits") == 0)
            return true;
    }
    return false;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_options o = {0};
    const struct option options[] = {
        {"--data", &o.folder, NULL, NULL, true},
        {"--listen", &o.listen, NULL, NULL, true},
        {"--shards", &o.shards, NULL, NULL, false},
        {"--readers", &o.readers, NULL, NULL, false},
        {"--tls-cert", &o.cert, NULL, NULL, false},
        {"--tls-key", &o.key, NULL, NULL, false},
        {"--max-connections", &o.connections, NULL, NULL, false},
        {"--outbox-bytes", &o.outbox, NULL, NULL, false},
        {"--log", &o.log, NULL, NULL, false},
        {"--log-format", &o.log_format, NULL, NULL, false},
        {"--limit", NULL, NULL, &o.limits, false},
    };
    if (asks_for_limits(argc, argv))
        return show_limits(argc, argv);
    struct server_config cfg = {.assets = &assets_embedded};
    server_limits_init(&cfg.limits);
    if (!cmd_parse("serve", argc, argv, options, sizeof(options) / sizeof(options[0])) ||
        !settle(&o, &cfg))
        return EXIT_USAGE;
    if (!folder_has_data(o.folder)) {
        cmd_complain("serve",
                     "the folder %s holds no bakery; 'homebake init' or 'homebake demo' makes one",
                     o.folder);
        return EXIT_FAILED;
    }
    int lock_fd;
    enum err e = folder_lock(o.folder, &lock_fd);
    if (e) {
        cmd_complain("serve",
                     e == ERR_BUSY ? "another homebake has %s open" : "%s cannot be locked",
                     o.folder);
        return EXIT_FAILED;
    }
    int code = serve_locked(&cfg);
    close(lock_fd);
    return code;
}
