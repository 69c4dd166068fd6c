#include "server/peers.h"

#include <assert.h>

#include "base/mem.h"

enum { CHUNK = 512 };
#define NO_PEER UINT32_MAX

void peers_init(struct peers *p, uint32_t max)
{
    *p = (struct peers){.first_free = NO_PEER, .max = max};
}

void peers_done(struct peers *p)
{
    assert(p->count == 0);
    for (uint32_t i = 0; i < p->chunk_count; i++)
        mem_free(p->chunks[i]);
    mem_free(p->chunks);
}

static enum err add_chunk(struct peers *p)
{
    struct peer *chunk = mem_array(CHUNK, sizeof(*chunk));
    struct peer **chunks = mem_realloc(p->chunks, (p->chunk_count + 1) * sizeof(struct peer *));
    if (chunks)
        p->chunks = chunks;
    if (!chunk || !chunks) {
        mem_free(chunk);
        return ERR_NOMEM;
    }
    for (uint32_t i = CHUNK; i-- > 0;) {
        chunk[i].index = p->chunk_count * CHUNK + i;
        chunk[i].stream.fd = -1;
        chunk[i].next_free = p->first_free;
        p->first_free = chunk[i].index;
    }
    p->chunks[p->chunk_count++] = chunk;
    return OK;
}

enum err peers_get(struct peers *p, struct peer **out)
{
    if (p->count == p->max)
        return ERR_FULL;
    enum err e = p->first_free == NO_PEER ? add_chunk(p) : OK;
    if (e)
        return e;
    struct peer *peer = peers_at(p, p->first_free);
    p->first_free = peer->next_free;
    p->count++;
    *peer =
        (struct peer){.stream.fd = -1, .index = peer->index, .generation = peer->generation + 1};
    *out = peer;
    return OK;
}

void peers_put(struct peers *p, struct peer *peer)
{
    peer->stream.fd = -1;
    peer->http = NULL;
    peer->generation++;
    peer->next_free = p->first_free;
    p->first_free = peer->index;
    p->count--;
}

uint64_t peer_tag(const struct peer *peer)
{
    return (uint64_t)peer->generation << 32 | peer->index;
}

struct peer *peers_find(const struct peers *p, uint64_t tag)
{
    struct peer *peer = peers_at(p, (uint32_t)tag);
    return peer && peer->stream.fd >= 0 && peer->generation == (uint32_t)(tag >> 32) ? peer : NULL;
}

struct peer *peers_at(const struct peers *p, uint32_t index)
{
    return index / CHUNK < p->chunk_count ? &p->chunks[index / CHUNK][index % CHUNK] : NULL;
}
