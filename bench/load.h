/* load: the ground under the benches: failing, time, processors, and what /proc tells of a process.
 * Failures end the program with a message: a bench has nobody to hand an error to. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <sys/types.h>

#include "base/bytes.h"

#define LOAD_NS_PER_MS UINT64_C(1000000)
#define LOAD_NS_PER_S UINT64_C(1000000000)

/* Ends the program with the message and errno's text. */
_Noreturn void load_fail(const char *what);
/* Zeroed; never NULL. */
void *load_array(size_t count, size_t size);

/* Monotonic nanoseconds. */
uint64_t load_now_ns(void);
/* Microseconds since 1970: the clock that the server stamps changes with. */
int64_t load_wall_us(void);
void load_pause_ms(unsigned ms);
/* Keeps the calling process on one processor; -1: free. */
void load_pin(int cpu);
/* As many open files as the system lets us have. */
void load_raise_files(void);

/* CPU time of all threads of a process so far, nanoseconds (/proc/PID/task/x/schedstat). */
uint64_t load_cpu_ns(pid_t pid);
/* How often its threads went to sleep so far, and its resident memory (/proc/PID/…/status). */
uint64_t load_switches(pid_t pid);
size_t load_resident_bytes(pid_t pid);

#endif
