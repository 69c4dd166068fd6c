#include "io/stream.h"

#include <unistd.h>

void stream_finish(struct stream *s)
{
    tls_free(s->tls);
    s->tls = NULL;
    (void)shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
    tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
