/* trace: the client does again what the simulation wrote down (sim/tape.h), in this build.  Natively a
 * program that compares; in WebAssembly an export, for a script that does. */
#include "tape.h"

#ifdef __wasm__
/* The hash that was reached, 0 when the tape cannot be played.  `at`: memory from hb_alloc. */
__attribute__((export_name("trace"))) uint64_t trace(const char *at, uint32_t size);
uint64_t trace(const char *at, uint32_t size)
{
    uint64_t hash = 0;
    return tape_play((struct bytes){at, size}, &hash) ? 0 : hash;
}
#else
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* 1: played and right, 0: the end of the file, -1: not as it was. */
static int play_next(FILE *f)
{
    uint64_t head[2], hash = 0;
    if (fread(head, sizeof(head), 1, f) != 1)
        return feof(f) ? 0 : -1;
    char *script = malloc(head[1]);
    bool is_right = script && fread(script, 1, head[1], f) == head[1] &&
                    !tape_play((struct bytes){script, head[1]}, &hash) && hash == head[0];
    free(script);
    return is_right ? 1 : -1;
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fputs("usage: trace TAPES, as homebake-sim --tapes writes them\n", stderr);
        return 2;
    }
    int found, count = 0;
    while ((found = play_next(f)) > 0)
        count++;
    fclose(f);
    if (found < 0)
        printf("tape %d is not what it was\n", count + 1);
    else
        printf("%d tapes are what they were\n", count);
    return found < 0;
}
#endif
