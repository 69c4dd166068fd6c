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
    const char *folder, *listen, *cert, *key, *shards, *readers, *connections, *outbox, *log;
};

static bool settle(const struct serve_options *o, struct server_config *cfg)
{
    uint64_t shards = 0, readers = 0, connections = cfg->limits.connections_max;
    uint64_t outbox = cfg->limits.hub.outbox_bytes_max;
    enum log_level level = LOG_INFO;
    if (!cmd_number("serve", "--shards", o->shards, 1, 256, &shards) ||
        !cmd_number("serve", "--readers", o->readers, 1, 64, &readers) ||
        !cmd_number("serve", "--max-connections", o->connections, 1, 10000000, &connections) ||
        !cmd_number("serve", "--outbox-bytes", o->outbox, 16384, 1U << 30, &outbox))
        return false;
    if (o->log && log_level_parse(o->log, &level)) {
        cmd_complain("serve", "--log must be debug, info, warn, error or off");
        return false;
    }
    if (!o->cert != !o->key) {
        cmd_complain("serve", "--tls-cert and --tls-key belong together");
        return false;
    }
    log_setup(level, STDERR_FILENO);
    cfg->folder = o->folder;
    cfg->listen = o->listen;
    cfg->tls_cert = o->cert;
    cfg->tls_key = o->key;
    cfg->shards = (unsigned)shards;
    cfg->readers = (unsigned)readers;
    cfg->limits.connections_max = (uint32_t)connections;
    cfg->limits.hub.outbox_bytes_max = outbox;
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
            control_serve(control_fd, server_writer(s));
    }
}

static int announce(const struct server *s)
{
    struct buf line;
    buf_init(&line, 1024);
    buf_put_literal(&line, "listening on ");
    server_put_url(&line, s);
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
    log_write(LOG_INFO, "server.start", "version %s", SERVER_VERSION);
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

int cmd_serve(int argc, char **argv)
{
    struct serve_options o = {0};
    const struct option options[] = {
        {"--data", &o.folder, NULL, true},
        {"--listen", &o.listen, NULL, true},
        {"--shards", &o.shards, NULL, false},
        {"--readers", &o.readers, NULL, false},
        {"--tls-cert", &o.cert, NULL, false},
        {"--tls-key", &o.key, NULL, false},
        {"--max-connections", &o.connections, NULL, false},
        {"--outbox-bytes", &o.outbox, NULL, false},
        {"--log", &o.log, NULL, false},
    };
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
