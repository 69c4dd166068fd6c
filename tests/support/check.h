/* check: what every unit test begins with: cmocka, and a few ways to compare bytes. */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"

#define CHECK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `got` says `want`, which ends with a zero. */
#define check_text(got, want) check_bytes((got), bytes_of(want), __FILE__, __LINE__)

static inline void check_bytes(struct bytes got, struct bytes want, const char *file, int line)
{
    if (bytes_equal(got, want))
        return;
    print_error("%s:%d: got \"%.*s\", want \"%.*s\"\n", file, line, (int)got.size,
                got.data ? got.data : "", (int)want.size, want.data ? want.data : "");
    _fail(file, line);
}

/* A copy in a block of exactly its size, so that the address sanitizer sees a read past the end.
 * The caller frees .data. */
static inline struct bytes check_boxed(struct bytes b)
{
    char *copy = malloc(b.size ? b.size : 1);
    assert_non_null(copy);
    if (b.size)
        memcpy(copy, b.data, b.size);
    return (struct bytes){copy, b.size};
}

static inline void check_unbox(struct bytes boxed)
{
    free((void *)(uintptr_t)boxed.data);
}

static inline void check_fill(struct rng *r, char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)rng_next(r);
}

#endif
