/* steps: what a waiting call goes on with, and the parts of the API that the router hands calls to.
 * Private to api/. */
#ifndef API_STEPS_H
#define API_STEPS_H

#include "api/answer.h"
#include "api/headers.h"

enum api_step {
    STEP_NONE,
    STEP_REST,
    STEP_INVENTORY,
    STEP_SIGN_IN_PERSON,   /* looking for the person */
    STEP_SIGN_IN_PASSWORD, /* hashing */
    STEP_SIGN_IN_SESSION,  /* making the session */
    STEP_REFRESH,
    STEP_USER,
    STEP_LOGOUT,
    STEP_BROADCAST,
    STEP_PERSIST /* storing a broadcast */
};

/* A request, taken apart. */
struct api_request {
    const struct http_request *http;
    struct request_headers headers;
    struct bytes
        path; /* behind /rest/v1, /auth/v1, /api or /realtime/v1/api: empty, or with its slash; still encoded */
    int64_t now_us;
};

enum api_action rest_begin(struct api_call *c, const struct api_request *r);
enum api_action rest_resume(struct api_call *c);
enum api_action auth_begin(struct api_call *c, const struct api_request *r);
enum api_action auth_resume(struct api_call *c, int64_t now_us);
/* Overwrites the password; also for calls that have none. */
void auth_wipe(struct api_call *c);
enum api_action app_begin(struct api_call *c, const struct api_request *r);
enum api_action app_resume(struct api_call *c);
/* `path`: behind /api. */
bool broadcast_owns(struct bytes path);
enum api_action broadcast_begin(struct api_call *c, const struct api_request *r);
enum api_action broadcast_resume(struct api_call *c);

#endif
