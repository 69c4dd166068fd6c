/* sha1: SHA-1 (FIPS 180-4), for the WebSocket handshake alone: it protects nothing.  Pure, any
 * thread. */
#ifndef PROTO_SHA1_H
#define PROTO_SHA1_H

#include "base/bytes.h"

enum { SHA1_SIZE = 20 };

void sha1(struct bytes in, uint8_t out[SHA1_SIZE]);

#endif
