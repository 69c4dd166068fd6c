#include "server/cmd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void cmd_complain(const char *command, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    /* clang-tidy 14 forgets va_start when it reads several files. */
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "homebake %s: %s\n", command, text);
}

int cmd_print(struct bytes text)
{
    size_t written = fwrite(text.data, 1, text.size, stdout);
    return written == text.size && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static const struct option *find(struct bytes name, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(bytes_of(options[i].name), name))
            return &options[i];
    }
    return NULL;
}

/* The one for a word by itself. */
static const struct option *find_word(const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].name[0] != '-')
            return &options[i];
    }
    return NULL;
}

/* False: complained. */
static bool keep(const char *command, const struct option *o, const char *value)
{
    if (o->words && o->words->count < WORDS_MAX) {
        o->words->items[o->words->count++] = value;
        return true;
    }
    if (o->words || *o->value) {
        cmd_complain(command, o->words ? "%s is given too often" : "%s is given twice", o->name);
        return false;
    }
    *o->value = value;
    return true;
}

/* One word and, if it wants one, its value.  Returns how many words were taken; 0: complained. */
static int take(const char *command, int left, char **argv, const struct option *options,
                size_t count)
{
    const struct option *word_option = argv[0][0] == '-' ? NULL : find_word(options, count);
    if (word_option)
        return keep(command, word_option, argv[0]) ? 1 : 0;
    struct bytes word = bytes_of(argv[0]);
    size_t equals = bytes_find_char(word, '=');
    const struct option *o = find(bytes_slice(word, 0, equals), options, count);
    if (!o) {
        cmd_complain(command, "unknown %s '%s'; see 'homebake help %s'",
                     argv[0][0] == '-' ? "option" : "argument", argv[0], command);
        return 0;
    }
    bool has_value = equals < word.size;
    if (o->flag) {
        if (has_value)
            cmd_complain(command, "%s takes no value", o->name);
        *o->flag = true;
        return has_value ? 0 : 1;
    }
    if (!has_value && left < 2) {
        cmd_complain(command, "%s needs a value", o->name);
        return 0;
    }
    if (!keep(command, o, has_value ? argv[0] + equals + 1 : argv[1]))
        return 0;
    return has_value ? 1 : 2;
}

bool cmd_parse(const char *command, int argc, char **argv, const struct option *options,
               size_t count)
{
    for (int i = 0; i < argc;) {
        int taken = take(command, argc - i, argv + i, options, count);
        if (taken == 0)
            return false;
        i += taken;
    }
    for (size_t i = 0; i < count; i++) {
        if (options[i].is_required && options[i].value && !*options[i].value) {
            cmd_complain(command, "%s is missing; see 'homebake help %s'", options[i].name,
                         command);
            return false;
        }
    }
    return true;
}

bool cmd_number(const char *command, const char *name, const char *text, uint64_t min, uint64_t max,
                uint64_t *out)
{
    uint64_t n;
    if (!text)
        return true;
    if (bytes_to_u64(bytes_of(text), &n) || n < min || n > max) {
        cmd_complain(command, "%s must be a number from %" PRIu64 " to %" PRIu64, name, min, max);
        return false;
    }
    *out = n;
    return true;
}
