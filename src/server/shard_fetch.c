/* Pages of the change log that the hub wants: to a reader and back. */
#include "server/shard_parts.h"

#include "base/mem.h"

static void tell_hub(struct shard *s, struct hub_in in)
{
    in.kind = HUB_IN_FETCHED;
    enum err e = hub_step(s->hub, &in, s->now_us);
    (void)e; /* what the hub cannot take it asks for again */
}

static enum err post(struct shard *s, const struct hub_out *out)
{
    struct fetch_mail *f = mem_alloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    *f = (struct fetch_mail){.home = &s->inbox,
                             .from = out->from,
                             .change_max = out->change_max,
                             .bytes_max = out->bytes_max};
    changes_init(&f->changes);
    enum err e = readers_post_fetch(s->readers, f);
    if (e)
        mem_free(f);
    return e;
}

void fetch_begin(struct shard *s, const struct hub_out *out)
{
    enum err e = post(s, out);
    if (e) {
        s->counters.reads_over += e == ERR_FULL;
        tell_hub(s, (struct hub_in){.from = out->from, .error = e});
        return;
    }
    s->counters.calls_in_flight++;
}

void fetch_returned(struct shard *s, struct fetch_mail *f)
{
    s->counters.calls_in_flight--;
    tell_hub(s, (struct hub_in){.from = f->from,
                                .error = f->error,
                                .changes = f->changes.items,
                                .change_count = f->changes.count,
                                .tail = f->tail});
    fetch_free(f);
}

void fetch_free(struct fetch_mail *f)
{
    changes_done(&f->changes);
    mem_free(f);
}

void fetch_trimmed(struct shard *s, struct tail_mail *m)
{
    struct hub_in in = {.kind = HUB_IN_TRIMMED, .tail = m->tail};
    enum err e = hub_step(s->hub, &in, s->now_us);
    (void)e; /* needs nothing that could lack */
    mem_free(m);
}
