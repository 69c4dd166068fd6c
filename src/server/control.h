/* control: the Unix socket `control.sock` in the data folder (mode 0600), by which commands reach
 * the server that has the folder open.  One connection carries one admin request line and its reply
 * line. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/writer.h"

/* Makes the socket; `*fd` is the listening end.  ERR_LIMIT: the folder's path is too long for a
 * socket. */
MUST_USE enum err control_listen(const char *folder, int *fd);
/* Answers a request that is not for the writer.  False: it is. */
typedef bool (*control_answer)(void *context, struct bytes request, struct buf *reply);
/* Serves one waiting connection: `answer` (NULL: nobody) is asked first, then the writer; waits for a
 * slow client no longer than two seconds. */
void control_serve(int listen_fd, struct writer *w, control_answer answer, void *context);
/* Takes the socket away. */
void control_end(const char *folder, int listen_fd);

/* The other side: sends `request` (without a line end) and appends the reply.  ERR_NOT_FOUND: no
 * server listens there; ERR_IO: it did not answer. */
MUST_USE enum err control_ask(const char *folder, struct bytes request, struct buf *reply);

#endif
