#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

enum { START_MS = 10000, STEP_MS = 10 };

pid_t process_fork(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        load_fail("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    return 0;
}

static _Noreturn void become(char *const argv[], int cpu, int out)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    load_pin(cpu);
    dup2(nowhere, STDIN_FILENO);
    dup2(out >= 0 ? out : nowhere, STDOUT_FILENO);
    if (out < 0)
        dup2(nowhere, STDERR_FILENO);
    execvp(argv[0], argv);
    load_fail(argv[0]);
}

pid_t process_start(char *const argv[], int cpu, int *out)
{
    int pipes[2] = {-1, -1};
    if (out && pipe2(pipes, O_CLOEXEC) != 0)
        load_fail("pipe");
    pid_t pid = process_fork();
    if (pid == 0)
        become(argv, cpu, pipes[1]);
    if (out) {
        close(pipes[1]);
        *out = pipes[0];
    }
    return pid;
}

void process_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

void process_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void process_output(char *const argv[], char *out, size_t size)
{
    int fd, status = 0;
    size_t n = 0;
    pid_t pid = process_start(argv, -1, &fd);
    for (ssize_t got; n < size - 1 && (got = read(fd, out + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    out[n] = 0;
    close(fd);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        load_fail(argv[0]);
}

bool process_is_there(const char *program)
{
    char path[512];
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t size = strcspn(at, ":");
        snprintf(path, sizeof(path), "%.*s/%s", (int)size, at, program);
        if (access(path, X_OK) == 0)
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

void process_folder_new(char folder[PROCESS_FOLDER_MAX])
{
    snprintf(folder, PROCESS_FOLDER_MAX, "/tmp/homebake-bench-XXXXXX");
    if (!mkdtemp(folder))
        load_fail("mkdtemp");
}

void process_folder_remove(const char *folder)
{
    char output[16];
    char *const argv[] = {"rm", "-rf", "--", (char *)folder, NULL};
    process_output(argv, output, sizeof(output));
}

void process_write_file(const char *folder, const char *name, const char *text)
{
    char path[PROCESS_FOLDER_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        load_fail(path);
}

static int open_socket(struct sockaddr_in *at, uint16_t port)
{
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        load_fail("socket");
    return fd;
}

uint16_t process_free_port(void)
{
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    int fd = open_socket(&at, 0);
    if (bind(fd, (struct sockaddr *)&at, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        load_fail("bind");
    close(fd);
    return ntohs(at.sin_port);
}

void process_await_port(uint16_t port)
{
    for (int ms = 0; ms < START_MS; ms += STEP_MS) {
        struct sockaddr_in at;
        int fd = open_socket(&at, port);
        int rc = connect(fd, (struct sockaddr *)&at, sizeof(at));
        close(fd);
        if (rc == 0)
            return;
        load_pause_ms(STEP_MS);
    }
    load_fail("nobody listens");
}
