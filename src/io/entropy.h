/* entropy: secret random bytes of the kernel.  Any thread. */
#ifndef IO_ENTROPY_H
#define IO_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

/* Cannot fail: without random bytes no key is safe, so the program stops. */
void entropy_fill(void *out, size_t size);
uint64_t entropy_u64(void);

#endif
