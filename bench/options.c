#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void explain(const char *program, const struct option *options, size_t count)
{
    const char *slash = strrchr(program, '/');
    fprintf(stderr, "Usage: %s", slash ? slash + 1 : program);
    for (size_t i = 0; i < count; i++) {
        const struct option *o = &options[i];
        if (o->number)
            fprintf(stderr, " [%s %d..%d]", o->name, o->least, o->most);
        else
            fprintf(stderr, " [%s%s%s]", o->name, o->text ? " " : "", o->text ? *o->text : "");
    }
    fprintf(stderr, "\n");
    exit(2);
}

static bool take(const struct option *o, const char *value)
{
    if (o->flag) {
        *o->flag = true;
        return true;
    }
    if (!value)
        return false;
    if (o->text) {
        *o->text = value;
        return true;
    }
    char *end;
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < o->least || n > o->most)
        return false;
    *o->number = (int)n;
    return true;
}

void options_parse(int argc, char **argv, const struct option *options, size_t count)
{
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < count && strcmp(argv[i], options[k].name) != 0)
            k++;
        if (k == count || !take(&options[k], i + 1 < argc ? argv[i + 1] : NULL))
            explain(argv[0], options, count);
        i += !options[k].flag;
    }
}
