/* archive: changes that are older than the window of memory, in pages as the shell fetched them
 * from the store's log; and the fetches that are wanted.  All channels of the shard share both:
 * however many wait for a page, it is asked for once.  Bounded; the page that was used longest ago
 * leaves first.  Shard thread only.
 *
 * Pages are aligned by seq, so that channels that resume from about the same place want the same
 * page.  A page may be short: the log begins inside it, its rows are big, or it had not been
 * written to its end when it was fetched. */
#ifndef HUB_ARCHIVE_H
#define HUB_ARCHIVE_H

#include "base/list.h"
#include "base/map.h"
#include "change/change.h"

enum {
    ARCHIVE_PAGE = 512,            /* seqs in a page; a multiple of deliver's runs */
    ARCHIVE_PAGES_MAX = 64,        /* kept */
    ARCHIVE_BYTES_MAX = 8 << 20,   /* of rows, in all pages */
    ARCHIVE_FETCH_BYTES = 1 << 20, /* of rows, after which a page ends early */
    ARCHIVE_FETCHES_MAX = 4        /* asked for and not yet answered */
};

struct archive {
    uint64_t tail;     /* the oldest seq that can still be fetched; UINT64_MAX: nothing can */
    struct link pages; /* struct page; the one used last comes first */
    size_t page_count, bytes;
    struct map fetches; /* struct fetch, by their first seq */
    struct link wanted; /* those not yet asked for */
    size_t asked_count;
    uint64_t last; /* where the answer that came last began */
};

void archive_init(struct archive *a, uint64_t tail, uint64_t seed);
/* Nobody may wait any more. */
void archive_done(struct archive *a);
/* Is it here? */
bool archive_has(const struct archive *a, uint64_t seq);
/* The changes from `seq` on, at most `max`, borrowed until the next call for this archive; returns
 * how many, 0: they are not here. */
size_t archive_get(struct archive *a, uint64_t seq, size_t max, struct change **items);
/* Wants the page of `seq`, which must not be older than the tail; `waiter` is in a list of the
 * archive from then on, and may leave it at any time.  ERR_NOMEM: it is in no list. */
MUST_USE enum err archive_wait(struct archive *a, uint64_t seq, struct link *waiter);
/* The next page to ask for: seqs from .. from + max - 1.  False: none, or enough are asked for. */
bool archive_next(struct archive *a, uint64_t *from, size_t *max);
/* The answer to the fetch of `from`: changes of which references are taken, or `error`.  Those that
 * waited are moved to the end of `waiters`.  ERR_NOT_FOUND: nobody asked for that; else `error`, or
 * ERR_NOMEM: to be asked for again, by those who still want it. */
MUST_USE enum err archive_put(struct archive *a, uint64_t from, struct change *const *items,
                              size_t count, enum err error, struct link *waiters);
/* The log begins at `tail`, or later. */
void archive_trim(struct archive *a, uint64_t tail);
/* Gives back the pages. */
void archive_clear(struct archive *a);

#endif
