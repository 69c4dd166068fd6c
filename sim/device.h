/* device: what device.c (the host around the real client) and view.c (what its client has told of
 * rows, against what there was to be seen) share. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "tape.h"
#include "world.h"

/* No more subscribers: the smallest outboxes of these worlds have no room for the answers to four
 * joins at once. */
enum { SUBS_MAX = 3, GETS_MAX = 5, OPENS_MAX = 24 };

struct view {
    struct want want; /* of one wish: a table, all events or one, maybe a filter */
    uint32_t number;  /* of the subscriber */
    bool is_whole;    /* it has been given its rows */
    bool has_hole;    /* of one event: where they begin is not known … */
    uint64_t told_to; /* … but behind this change, if any have been told */
    uint64_t at;      /* … which are true for this change */
    sim_copy copy;    /* of all events: what it was told … */
    sim_copy truth;   /* … and what there was to be seen */
};

struct get {
    struct ask ask;
    uint32_t request; /* 0: none */
};

struct device {
    int number;
    struct sim_who who;
    struct tape tape; /* and the client in it */
    struct buf script;
    struct wire *wire; /* NULL: none */
    uint32_t connection;
    bool is_opening;
    struct buf in;
    struct get gets[GETS_MAX];
    struct view views[SUBS_MAX];
    int view_count;
    uint64_t base;  /* the head of the log when it was opened, or had caught up with a new role */
    bool is_blind;  /* the user's role has changed since: nothing is said of its rows until … */
    uint64_t known; /* … all shards know it, and it has caught up or is opened anew */
    int64_t skew_ms, asleep_until_us, frame_at_us, retry_at_us;
    int64_t opens_us[OPENS_MAX]; /* when it last connected, in a ring … */
    uint32_t open_count;         /* … that begins anew with each client */
    bool is_hidden, is_offline;
    int64_t bytes; /* memory of the client */
};

/* The one role of its user since its base, or -1. */
int device_role(const struct world *w, const struct device *d);
/* Whoever was nobody for a while, or may not read what they watch any more, has been sent away. */
bool device_may_stay(const struct world *w, const struct device *d);
/* A new subscriber: it has nothing yet. */
void view_begin(struct view *v);
/* HB_ROWS. */
void device_take_rows(struct world *w, struct device *d, const struct hb_action *a);

#endif
