#include "server/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const struct bytes enter = BYTES_INIT("\x1b[?1049h\x1b[?25l\x1b[2J");
static const struct bytes leave = BYTES_INIT("\x1b[0m\x1b[?25h\x1b[?1049l");
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

bool terminal_write(int fd, struct bytes text)
{
    while (text.size > 0) {
        ssize_t n = write(fd, text.data, text.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = bytes_slice(text, (size_t)n, text.size);
    }
    return true;
}

/* Only calls that a signal handler may make (POSIX, 2.4.3). */
void terminal_release(void)
{
    if (!held.is_taken)
        return;
    held.is_taken = 0;
    (void)terminal_write(held.out, leave);
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
    if (terminal_write(out, enter))
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
