/* options: what a bench can be told, each by name; and what all of them can be told. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "base/bytes.h"

/* A flag when `number` and `text` are NULL, else followed by a number in its bounds, or a text. */
struct option {
    const char *name;
    bool *flag;
    int *number;
    int least, most;
    const char **text;
};

/* Sets what is given; what is not understood ends the program with how it is used. */
void options_parse(int argc, char **argv, const struct option *options, size_t count);

#endif
