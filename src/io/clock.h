/* clock: the one place that reads the time of day.  Any thread. */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>

/* Unix time in microseconds.  A loop reads it once per turn and hands it on. */
int64_t clock_now_us(void);

#endif
