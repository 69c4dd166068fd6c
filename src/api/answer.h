/* answer: the response of a call: status, header lines, body.  All return API_RESPOND, so that a
 * step may end with `return answer_…`. */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api/api.h"
#include "api/errors.h"

#define ANSWER_JSON BYTES("application/json; charset=utf-8")
#define ANSWER_OBJECT BYTES("application/vnd.pgrst.object+json; charset=utf-8")

/* Starts an answer: CORS and Cache-Control (protocol rest-auth 1).  More header lines may follow.
 */
void answer_begin(struct api_call *c, int status);
/* Ends it: `body` is borrowed until the call ends.  When memory failed on the way, the answer
 * becomes a plain 503. */
enum api_action answer_end(struct api_call *c, struct bytes type, struct bytes body);
enum api_action answer_empty(struct api_call *c, int status);
/* The body is what stands in c->scratch. */
enum api_action answer_scratch(struct api_call *c, int status);
/* A refusal, in the shape of the part of the API that was asked.  401 carries WWW-Authenticate; 503
 * Retry-After. */
enum api_action answer_fault(struct api_call *c, const struct fault *f);
enum api_action answer_error(struct api_call *c, int status, const char *code,
                             struct bytes message);
/* The arena is at its limit (413), or there is no memory (503). */
enum api_action answer_no_memory(struct api_call *c);
/* CORS preflight. */
enum api_action answer_preflight(struct api_call *c, struct bytes requested_headers);
/* HomeBake-Seq of the reply, and HomeBake-Epoch. */
void answer_put_seq(struct api_call *c);

#endif
