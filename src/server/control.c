#include "server/control.h"

#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/sock.h"
#include "server/admin.h"
#include "server/folder.h"

enum { SERVE_TIMEOUT_S = 2, ASK_TIMEOUT_S = 30 };

static void set_timeout(int fd, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* Reads up to a line end, which is left off. */
static enum err read_line(int fd, struct buf *out)
{
    for (;;) {
        char piece[4096];
        size_t size;
        enum err e = sock_recv(fd, piece, sizeof(piece), &size);
        if (e)
            return e;
        size_t end = bytes_find_char((struct bytes){piece, size}, '\n');
        buf_put(out, (struct bytes){piece, end});
        if (out->err || end < size)
            return out->err;
    }
}

static enum err write_line(int fd, struct bytes line)
{
    static const char end = '\n';
    struct bytes parts[2] = {line, {&end, 1}};
    for (int i = 0; i < 2; i++) {
        while (parts[i].size > 0) {
            struct iovec iov = {(void *)parts[i].data, parts[i].size};
            size_t sent;
            enum err e = sock_send(fd, &iov, 1, &sent);
            if (e)
                return e;
            parts[i] = bytes_slice(parts[i], sent, parts[i].size);
        }
    }
    return OK;
}

enum err control_listen(const char *folder, int *fd)
{
    char path[FOLDER_PATH_MAX];
    enum err e = folder_path(folder, "control.sock", path);
    return e ? e : sock_unix_listen(path, fd);
}

struct exchange {
    struct buf request, reply;
};

static enum err apply(struct store_session *s, void *context)
{
    struct exchange *x = context;
    admin_apply(s, buf_bytes(&x->request), clock_now_us(), &x->reply);
    return OK;
}

void control_serve(int listen_fd, struct writer *w, control_answer answer, void *context)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct exchange x;
    buf_init(&x.request, ADMIN_LINE_MAX);
    buf_init(&x.reply, ADMIN_REPLY_MAX);
    set_timeout(fd, SERVE_TIMEOUT_S);
    enum err e = read_line(fd, &x.request);
    bool is_answered = !e && answer && answer(context, buf_bytes(&x.request), &x.reply);
    if (!e && !is_answered && writer_run(w, apply, &x))
        buf_put_literal(&x.reply, "{\"error\":\"the server is busy\"}");
    if (!e && !x.reply.err)
        e = write_line(fd, buf_bytes(&x.reply));
    (void)e; /* a client that went away has nothing to be told */
    buf_done(&x.request);
    buf_done(&x.reply);
    close(fd);
}

void control_end(const char *folder, int listen_fd)
{
    char path[FOLDER_PATH_MAX];
    close(listen_fd);
    if (folder_path(folder, "control.sock", path) == OK)
        (void)unlink(path);
}

enum err control_ask(const char *folder, struct bytes request, struct buf *reply)
{
    char path[FOLDER_PATH_MAX];
    int fd;
    enum err e = folder_path(folder, "control.sock", path);
    if (!e)
        e = sock_unix_connect(path, &fd);
    if (e)
        return e;
    set_timeout(fd, ASK_TIMEOUT_S);
    e = write_line(fd, request);
    if (!e)
        e = read_line(fd, reply);
    close(fd);
    return e ? ERR_IO : OK;
}
