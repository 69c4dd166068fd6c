/* What a send costs is the kernel's work on the socket; io_uring saves the way in and out, about a
 * tenth (bench/fanout).  The sends are told not to wait, so each is carried out, and its answer is
 * there, when the one system call returns. */
#include "io/burst.h"

#include <assert.h>
#include <liburing.h>

#include "base/mem.h"

enum { RING_MIN = 4 }; /* fewer sends are made one by one */

enum ring_state { RING_UNTRIED, RING_OPEN, RING_NONE };

struct burst {
    enum ring_state state;
    struct io_uring ring;
    struct msghdr messages[BURST_MAX];
};

enum err burst_new(bool is_plain, struct burst **out)
{
    struct burst *b = mem_zalloc(sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    b->state = is_plain ? RING_NONE : RING_UNTRIED;
    *out = b;
    return OK;
}

static void close_ring(struct burst *b)
{
    io_uring_queue_exit(&b->ring);
    b->state = RING_NONE;
}

void burst_free(struct burst *b)
{
    if (b && b->state == RING_OPEN)
        close_ring(b);
    mem_free(b);
}

bool burst_has_ring(const struct burst *b)
{
    return b->state == RING_OPEN;
}

/* Not before it is needed, for the ring is its thread's alone. */
static void open_ring(struct burst *b)
{
    struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                         IORING_SETUP_SUBMIT_ALL};
    b->state = io_uring_queue_init_params(BURST_MAX, &b->ring, &p) ? RING_NONE : RING_OPEN;
}

/* ---- one by one ---- */

static void send_each(struct burst_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i].result = sock_send(items[i].fd, items[i].iov, items[i].count, &items[i].sent);
}

/* ---- all at once ---- */

static void prepare(struct burst *b, struct burst_item *item, size_t at)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);
    assert(sqe); /* the ring holds a whole burst, and is empty between bursts */
    if (item->count == 1) {
        io_uring_prep_send(sqe, item->fd, item->iov->iov_base, item->iov->iov_len,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
        b->messages[at] = (struct msghdr){.msg_iov = (struct iovec *)item->iov,
                                          .msg_iovlen = (size_t)item->count};
        io_uring_prep_sendmsg(sqe, item->fd, &b->messages[at], MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    io_uring_sqe_set_data64(sqe, at);
    item->result = ERR_CLOSED; /* unless an answer says better */
}

static unsigned take_answers(struct burst *b, struct burst_item *items)
{
    struct io_uring_cqe *cqe;
    unsigned at, count = 0;
    io_uring_for_each_cqe(&b->ring, at, cqe)
    {
        struct burst_item *item = &items[cqe->user_data];
        item->result = cqe->res < 0 ? sock_send_error(-cqe->res) : OK;
        item->sent = cqe->res < 0 ? 0 : (size_t)cqe->res;
        count++;
    }
    io_uring_cq_advance(&b->ring, count);
    return count;
}

static void send_all(struct burst *b, struct burst_item *items, size_t count)
{
    unsigned left = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        prepare(b, &items[i], i);
    while (left > 0) {
        int e = io_uring_submit_and_wait(&b->ring, left);
        left -= take_answers(b, items);
        if (e < 0 && e != -EINTR) {
            /* Nobody knows what has left: those without an answer are given up. */
            close_ring(b);
            return;
        }
    }
}

void burst_send(struct burst *b, struct burst_item *items, size_t count)
{
    assert(count <= BURST_MAX);
    if (count >= RING_MIN && b->state == RING_UNTRIED)
        open_ring(b);
    if (count >= RING_MIN && b->state == RING_OPEN)
        send_all(b, items, count);
    else
        send_each(items, count);
}
