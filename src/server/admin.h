/* admin: the people of the bakery from the command line, as one JSON line in and one out:
 *
 *   {"do":"add","email":…,"name":…,"role":…,"password_hash":…}     {"do":"list"}
 *   {"do":"set_active","email":…,"is_active":true}                 {"do":"ping"}
 *
 *   {"ok":…}  the id of the new person, the list, or true          {"error":"…"}
 *
 * The same line is carried out on the spot when no server runs, and by the server's writer, so that
 * all feeds see it, when one does: see control.h. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "store/store.h"

enum { ADMIN_LINE_MAX = 16 * 1024, ADMIN_REPLY_MAX = 64 * 1024 * 1024 };

/* Carries out one request on a writing session; the reply has no line end.  Fails never: what goes
 * wrong is in the reply, unless there is no memory for it. */
void admin_apply(struct store_session *s, struct bytes request, int64_t now_us, struct buf *reply);

#endif
