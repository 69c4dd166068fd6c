#include "stack.h"

#include "load.h"
#include "wire.h"

size_t stack_put_frames(int count, const char *message, size_t size, char *out)
{
    size_t at = 0;
    if ((size_t)count * (size + WIRE_HEAD_MAX) > STACK_ASK_MAX)
        load_fail("so many messages do not fit");
    for (int i = 0; i < count; i++)
        at += wire_put_frame(out + at, WIRE_BINARY, message, size);
    return at;
}
