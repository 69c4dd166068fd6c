/* terminal: the one of this process, taken over and given back as it was (POSIX termios; xterm's
 * alternate screen).  One thread. */
#ifndef SERVER_TERMINAL_H
#define SERVER_TERMINAL_H

#include "base/err.h"
#include "server/screen.h"

/* Can a screen be drawn on this descriptor?  Not where TERM is "dumb" or not set. */
bool terminal_is_there(int fd);
/* Keys come one by one and unseen, the screen is another, without a cursor.  It is given back by
 * terminal_release, and by the signals that end a process for a fault.  ERR_IO.  `in`: keys; `out`:
 * the screen. */
MUST_USE enum err terminal_take(int in, int out);
/* Does nothing when there is nothing to give back. */
void terminal_release(void);
/* All of it, a signal in between notwithstanding; false: the terminal is gone.  A signal handler may. */
bool terminal_write(int fd, struct bytes text);
/* 80 by 24 where nobody knows; colours unless NO_COLOR is set (no-color.org). */
struct screen_size terminal_size(int fd);

#endif
