#include "server/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const char enter[] = "\x1b[?1049h\x1b[?25l\x1b[2J", leave[] = "\x1b[0m\x1b[?25h\x1b[?1049l";
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static struct {
    volatile sig_atomic_t is_taken;
    int in, out;
    struct termios before;
} held;

bool terminal_is_there(int fd)
{
    const char *kind = getenv("TERM");
    return isatty(fd) && kind && kind[0] && strcmp(kind, "dumb") != 0;
}

static bool write_all(int fd, const char *text, size_t size)
{
    for (ssize_t n; size > 0; text += n, size -= (size_t)n) {
        n = write(fd, text, size);
        if (n <= 0)
            return false;
    }
    return true;
}

/* Only calls that a signal handler may make (POSIX, 2.4.3). */
void terminal_release(void)
{
    if (!held.is_taken)
        return;
    held.is_taken = 0;
    (void)write_all(held.out, leave, sizeof(leave) - 1);
    tcsetattr(held.in, TCSANOW, &held.before);
}

static void on_fault(int number)
{
    terminal_release();
    signal(number, SIG_DFL);
    raise(number);
}

enum err terminal_take(int in, int out)
{
    struct termios now;
    if (tcgetattr(in, &held.before))
        return ERR_IO;
    now = held.before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    now.c_cc[VSUSP] = _POSIX_VDISABLE; /* it would leave another's screen behind */
    held.in = in;
    held.out = out;
    if (tcsetattr(in, TCSANOW, &now))
        return ERR_IO;
    held.is_taken = 1;
    struct sigaction action = {.sa_handler = on_fault};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigaction(faults[i], &action, NULL);
    if (write_all(out, enter, sizeof(enter) - 1))
        return OK;
    terminal_release();
    return ERR_IO;
}

struct screen_size terminal_size(int fd)
{
    struct winsize w;
    const char *no_colour = getenv("NO_COLOR");
    struct screen_size size = {80, 24, !no_colour || !no_colour[0]};
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
        size.width = w.ws_col;
        size.height = w.ws_row;
    }
    return size;
}
