#include "server/shard_parts.h"

#include <fcntl.h>
#include <unistd.h>

#include "io/log.h"

enum {
    ACCEPT_PER_TURN = 64,
    ACCEPT_PAUSE_US = 100 * 1000 /* when not even the spare descriptor helps */
};

static void admit(struct shard *s, int fd, bool is_loopback)
{
    struct peer *peer;
    if (peers_get(&s->peers, &peer)) {
        s->counters.refused_full++;
        log_write(LOG_WARN, "shard.full", "%u connections", s->peers.count);
        close(fd);
        return;
    }
    peer->stream.fd = fd;
    peer->is_loopback = is_loopback;
    s->counters.accepted++;
    enum err e = s->cfg.tls ? tls_new(s->cfg.tls, fd, &peer->stream.tls) : OK;
    if (!e)
        e = http_peer_open(s, peer);
    if (!e)
        e = loop_add(&s->loop, fd, LOOP_READ, peer_tag(peer));
    if (e)
        shard_close_peer(s, peer);
}

/* Out of descriptors: the spare one is given up to take the connection from the queue and close it,
 * so that the peer knows, and the loop does not spin on it. */
static void refuse_one(struct shard *s)
{
    s->counters.refused_descriptors++;
    log_write(LOG_WARN, "shard.descriptors", "no descriptor is left for a connection");
    int fd = -1;
    bool is_loopback;
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    bool is_refused = s->spare_fd >= 0 && sock_accept(s->listen_fd, &fd, &is_loopback) == OK;
    if (is_refused)
        close(fd);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!is_refused || s->spare_fd < 0) {
        s->accept_again_us = s->now_us + ACCEPT_PAUSE_US;
        loop_remove(&s->loop, s->listen_fd);
    }
}

void accept_some(struct shard *s)
{
    for (int i = 0; i < ACCEPT_PER_TURN; i++) {
        int fd;
        bool is_loopback;
        enum err e = sock_accept(s->listen_fd, &fd, &is_loopback);
        if (e == ERR_AGAIN)
            return;
        if (e == ERR_LIMIT) {
            refuse_one(s);
            return;
        }
        if (!e)
            admit(s, fd, is_loopback);
    }
}

void accept_resume(struct shard *s)
{
    s->accept_again_us = 0;
    if (s->listen_fd >= 0 && loop_add(&s->loop, s->listen_fd, LOOP_READ, TAG_LISTEN))
        s->accept_again_us = s->now_us + ACCEPT_PAUSE_US;
}
