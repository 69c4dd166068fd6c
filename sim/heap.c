/* What this program's own code has allocated: the linker leads its calls of malloc here (--wrap). */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "world.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);

static int64_t live;

static void *count(void *p)
{
    if (p)
        live += (int64_t)malloc_usable_size(p);
    return p;
}

void *__wrap_malloc(size_t size)
{
    return count(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return count(__real_calloc(number, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    int64_t before = p ? (int64_t)malloc_usable_size(p) : 0;
    void *q = __real_realloc(p, size);
    if (q || size == 0)
        live -= before;
    return count(q);
}

void __wrap_free(void *p)
{
    if (p)
        live -= (int64_t)malloc_usable_size(p);
    __real_free(p);
}

int64_t heap_live(void)
{
    return live;
}
