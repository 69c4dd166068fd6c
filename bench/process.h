/* process: programs that a bench starts and ends: on loopback, in a temporary folder, and gone
 * with the bench however that ends. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <sys/types.h>

#include "base/bytes.h"

enum { PROCESS_FOLDER_MAX = 64 };

/* Forks a child that ends when the calling process does; as fork(). */
pid_t process_fork(void);
/* Runs a program; argv[0] is looked up in PATH and what it logs goes nowhere, unless `out` is
 * given, which reads its standard output.  `cpu` pins it; -1: free. */
pid_t process_start(char *const argv[], int cpu, int *out);
/* Asks it to end (SIGTERM), and waits. */
void process_stop(pid_t pid);
/* At once (SIGKILL), and waits. */
void process_kill(pid_t pid);
/* Runs a program to its end and gives what it printed; fails unless it succeeds. */
void process_output(char *const argv[], char *out, size_t size);
/* Is there such a program in PATH? */
bool process_is_there(const char *program);

void process_folder_new(char folder[PROCESS_FOLDER_MAX]);
void process_folder_remove(const char *folder);
void process_write_file(const char *folder, const char *name, const char *text);

/* A loopback port that was free just now, and the wait until somebody listens on it. */
uint16_t process_free_port(void);
void process_await_port(uint16_t port);

#endif
