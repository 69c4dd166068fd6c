/* cmd: the commands of the program, one file cmd_NAME.c each, and what they share: the words behind
 * a command are `--name VALUE`, `--name=VALUE`, `--flag`, and where a command takes one, a word by
 * itself; complaints go to standard error, for people.  main.c has their table and their help. */
#ifndef SERVER_CMD_H
#define SERVER_CMD_H

#include "base/bytes.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum { WORDS_MAX = 128 };

struct words {
    const char *items[WORDS_MAX];
    size_t count;
};

struct option {
    const char *name;    /* "--data"; without dashes it is for the word by itself: "TABLE" */
    const char **value;  /* of an option with a value */
    bool *flag;          /* of one without */
    struct words *words; /* of one that may be given again; exactly one of the three is set */
    bool is_required;
};

/* `command` is named in complaints.  False: something was wrong and has been said; the exit code is
 * EXIT_USAGE. */
bool cmd_parse(const char *command, int argc, char **argv, const struct option *options,
               size_t count);
/* The number of an option, when it was given.  False: not a number from `min` to `max`, said. */
bool cmd_number(const char *command, const char *name, const char *text, uint64_t min, uint64_t max,
                uint64_t *out);

/* "homebake COMMAND: …" on standard error. */
void cmd_complain(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);
/* Writes all of it to standard output; EXIT_OK, or EXIT_FAILED when it is gone. */
int cmd_print(struct bytes text);

/* Each returns the exit code; argv begins behind the command's name. */
int cmd_backup(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_user(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif
