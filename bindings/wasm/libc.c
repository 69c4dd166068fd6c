/* libc: what of the C library would ask the host for something, without the host. */
#include <stddef.h>

/* An assertion says "we did it, stop": the instance traps, and the host makes another. */
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function);
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function)
{
    (void)what, (void)file, (void)line, (void)function;
    __builtin_trap();
}

_Noreturn void abort(void);
_Noreturn void abort(void)
{
    __builtin_trap();
}
