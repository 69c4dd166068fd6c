#include "hub/frame.h"

#include "base/mem.h"

enum err frame_new(struct bytes head, struct bytes body, uint32_t message_count, struct frame **out)
{
    size_t size = head.size + body.size;
    struct frame *f = mem_alloc(sizeof(*f) + size);
    if (!f)
        return ERR_NOMEM;
    *f = (struct frame){.refs = 1, .message_count = message_count, .size = size};
    if (head.size)
        memcpy(f->data, head.data, head.size);
    if (body.size)
        memcpy(f->data + head.size, body.data, body.size);
    *out = f;
    return OK;
}

struct frame *frame_ref(struct frame *f)
{
    f->refs++;
    return f;
}

void frame_unref(struct frame *f)
{
    if (f && --f->refs == 0)
        mem_free(f);
}
