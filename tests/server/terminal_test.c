#include "server/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static int master, slave;

static int set_up(void **state)
{
    const struct winsize size = {.ws_row = 30, .ws_col = 90};
    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    return openpty(&master, &slave, NULL, NULL, &size);
}

static int tear_down(void **state)
{
    (void)state;
    close(master);
    close(slave);
    return 0;
}

static void it_is_given_back_as_it_was(void **state)
{
    struct termios before, during, after;
    char drawn[256] = "";
    (void)state;
    assert_int_equal(tcgetattr(slave, &before), 0);
    assert_int_equal(terminal_take(slave, slave), OK);
    assert_int_equal(tcgetattr(slave, &during), 0);
    assert_false(during.c_lflag & (ICANON | ECHO));
    terminal_release();
    terminal_release();
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    assert_memory_equal(after.c_cc, before.c_cc, sizeof(after.c_cc));
    assert_true(read(master, drawn, sizeof(drawn) - 1) > 0);
    assert_non_null(strstr(drawn, "\x1b[?1049h"));
}

static void a_process_that_crashes_gives_it_back(void **state)
{
    struct termios before, after;
    int status;
    (void)state;
    assert_int_equal(tcgetattr(slave, &before), 0);
    pid_t child = fork();
    if (child == 0) {
        if (terminal_take(slave, slave))
            _exit(1);
        abort();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_int_equal(tcgetattr(slave, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
}

static void its_size_and_colours_are_asked_for(void **state)
{
    int file = open("/dev/null", O_RDWR);
    (void)state;
    struct screen_size size = terminal_size(slave);
    assert_int_equal(size.width, 90);
    assert_int_equal(size.height, 30);
    assert_true(size.has_colours);
    setenv("NO_COLOR", "1", 1);
    assert_false(terminal_size(slave).has_colours);
    assert_int_equal(terminal_size(file).width, 80);
    assert_int_equal(terminal_take(file, file), ERR_IO);
    close(file);
}

static void dumb_terminals_and_files_are_none(void **state)
{
    int file = open("/dev/null", O_RDWR);
    (void)state;
    assert_true(terminal_is_there(slave));
    assert_false(terminal_is_there(file));
    setenv("TERM", "dumb", 1);
    assert_false(terminal_is_there(slave));
    unsetenv("TERM");
    assert_false(terminal_is_there(slave));
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_given_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_crashes_gives_it_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_size_and_colours_are_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dumb_terminals_and_files_are_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
