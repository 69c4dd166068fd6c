/* fuzz: what every fuzz target begins with.  A fault is an assert that fails, or a sanitizer's. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <assert.h>
#include <stdint.h>

#include "base/buf.h"

/* libFuzzer calls it with one input after the other.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct bytes fuzz_input(const uint8_t *data, size_t size)
{
    return (struct bytes){(const char *)data, size};
}

#endif
