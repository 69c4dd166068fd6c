/* A bakery to look at: eight breads, and a week of baking and selling by the people there are. */
#include "base/time.h"
#include "store/work.h"

enum { DAYS = 7, SLOTS_PER_DAY = 96, PEOPLE_MAX = 64, SALES_PER_SLOT_MAX = 3 };

#define SLOT_US (TIME_US_PER_DAY / SLOTS_PER_DAY)

static const struct {
    const char *name, *size;
    int64_t price; /* hundredths */
    int64_t batch; /* a full shelf, more or less */
} breads[] = {
    {"Agege loaf", "large", 120000, 52},     {"Agege loaf, small", "small", 70000, 48},
    {"Sardine bread", "medium", 180000, 30}, {"Coconut bread", "medium", 160000, 34},
    {"Wheat bread", "large", 150000, 36},    {"Chocolate bread", "medium", 170000, 28},
    {"Meat pie", NULL, 80000, 60},           {"Doughnut", NULL, 40000, 70},
};

enum { BREADS = sizeof(breads) / sizeof(breads[0]) };

struct demo {
    struct store_session *s;
    struct rng rng;
    char bread_ids[BREADS][UUID_SIZE + 1];
    char people[PEOPLE_MAX][UUID_SIZE + 1];
    bool is_baker[PEOPLE_MAX];
    size_t people_count, baker_count;
    int64_t left[BREADS]; /* in the shop */
    bool has_begun, is_night;
};

static int64_t between(struct demo *d, int64_t from, int64_t to)
{
    return from + (int64_t)rng_below(&d->rng, (uint64_t)(to - from + 1));
}

static int step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum err has_breads(struct store_session *s)
{
    struct statement *st;
    int rc = session_prepare(s, BYTES("SELECT 1 FROM bread_types LIMIT 1"), &st);
    if (rc)
        return err_of_sqlite(rc);
    rc = sqlite3_step(st->stmt);
    sqlite3_reset(st->stmt);
    return rc == SQLITE_ROW ? ERR_EXISTS : err_of_sqlite(rc);
}

static enum err load_people(struct demo *d)
{
    struct statement *st;
    int rc = session_prepare(
        d->s, BYTES("SELECT id, role <> 'sales_rep' FROM users WHERE is_active ORDER BY rowid"),
        &st);
    if (rc)
        return err_of_sqlite(rc);
    while ((rc = sqlite3_step(st->stmt)) == SQLITE_ROW && d->people_count < PEOPLE_MAX) {
        struct bytes id = column_text(st->stmt, 0);
        if (id.size != UUID_SIZE)
            continue;
        memcpy(d->people[d->people_count], id.data, UUID_SIZE);
        d->is_baker[d->people_count] = sqlite3_column_int(st->stmt, 1) != 0;
        d->baker_count += d->is_baker[d->people_count++];
    }
    sqlite3_reset(st->stmt);
    if (rc == SQLITE_DONE && d->people_count == 0)
        return ERR_NOT_FOUND;
    return err_of_sqlite(rc);
}

static struct bytes somebody(struct demo *d)
{
    return bytes_of(d->people[rng_below(&d->rng, d->people_count)]);
}

/* Somebody who may bake, if there is such a person. */
static struct bytes baker(struct demo *d)
{
    size_t n = d->baker_count ? (size_t)rng_below(&d->rng, d->baker_count) : 0;
    for (size_t i = 0; i < d->people_count; i++)
        if (d->is_baker[i] && n-- == 0)
            return bytes_of(d->people[i]);
    return somebody(d);
}

static int add_bread(struct demo *d, size_t i)
{
    struct statement *st;
    int rc = session_prepare(d->s,
                             BYTES("INSERT INTO bread_types (id, name, size, unit_price, "
                                   "created_by, created_at, updated_at)"
                                   " VALUES (?1, ?2, ?3, ?4, ?5, now_us(), now_us())"),
                             &st);
    if (rc)
        return rc;
    rng_uuid7(&d->rng, d->s->now_us / 1000, d->bread_ids[i]);
    rc = bind_text(st->stmt, 1, bytes_of(d->bread_ids[i]));
    rc = rc ? rc : bind_text(st->stmt, 2, bytes_of(breads[i].name));
    if (breads[i].size)
        rc = rc ? rc : bind_text(st->stmt, 3, bytes_of(breads[i].size));
    else
        rc = rc ? rc : sqlite3_bind_null(st->stmt, 3);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 4, breads[i].price);
    rc = rc ? rc : bind_text(st->stmt, 5, baker(d));
    return rc ? rc : step(st->stmt);
}

static int bake(struct demo *d, size_t bread, int64_t quantity)
{
    struct statement *st;
    int rc = session_prepare(
        d->s,
        BYTES("INSERT INTO production_logs (id, bread_type_id, quantity, shift, recorded_by,"
              " created_at, updated_at) VALUES (uuid7(), ?1, ?2, shift_at(now_us()), ?3, now_us(),"
              " now_us())"),
        &st);
    rc = rc ? rc : bind_text(st->stmt, 1, bytes_of(d->bread_ids[bread]));
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 2, quantity);
    rc = rc ? rc : bind_text(st->stmt, 3, baker(d));
    return rc ? rc : step(st->stmt);
}

/* One that is in the shop, the ones baked in larger batches more often; BREADS: all is sold. */
static size_t pick_bread(struct demo *d)
{
    int64_t sum = 0, dice;
    for (size_t i = 0; i < BREADS; i++)
        sum += d->left[i] > 0 ? breads[i].batch : 0;
    dice = sum ? between(d, 1, sum) : 0;
    for (size_t i = 0; i < BREADS && sum; i++) {
        dice -= d->left[i] > 0 ? breads[i].batch : 0;
        if (dice <= 0 && d->left[i] > 0)
            return i;
    }
    return BREADS;
}

/* Every tenth with a discount, every fiftieth brought back. */
static int sell(struct demo *d)
{
    struct statement *st;
    size_t bread = pick_bread(d);
    if (bread == BREADS)
        return SQLITE_OK;
    int64_t quantity = between(d, 1, d->left[bread] < 4 ? d->left[bread] : 4);
    int64_t discount = between(d, 1, 10) == 1 ? breads[bread].price / 10 * quantity : 0;
    bool is_returned = between(d, 1, 50) == 1;
    int rc = session_prepare(
        d->s,
        BYTES("INSERT INTO sales_logs (id, bread_type_id, quantity, unit_price, discount, returned,"
              " shift, recorded_by, created_at, updated_at) VALUES (uuid7(), ?1, ?2, ?3, ?4, ?5,"
              " shift_at(now_us()), ?6, now_us(), now_us())"),
        &st);
    rc = rc ? rc : bind_text(st->stmt, 1, bytes_of(d->bread_ids[bread]));
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 2, quantity);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 3, breads[bread].price);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 4, discount);
    rc = rc ? rc : sqlite3_bind_int64(st->stmt, 5, is_returned);
    rc = rc ? rc : bind_text(st->stmt, 6, somebody(d));
    d->left[bread] -= is_returned ? 0 : quantity;
    return rc ? rc : step(st->stmt);
}

/* Up to a full shelf in the morning, to half of one at night; a little in any case. */
static int bake_all(struct demo *d, bool is_night, int64_t start_us)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < BREADS && !rc; i++) {
        int64_t batch = is_night ? breads[i].batch / 2 : breads[i].batch;
        int64_t quantity = between(d, batch - batch / 5, batch + batch / 5) - d->left[i];
        quantity = quantity < batch / 8 + 1 ? batch / 8 + 1 : quantity;
        d->s->now_us = start_us + (int64_t)i * TIME_US_PER_S;
        d->left[i] += quantity;
        rc = bake(d, i, quantity);
    }
    return rc;
}

/* A quarter of an hour.  A shift begins with baking, and so does the week. */
static int play_slot(struct demo *d, int64_t start_us)
{
    int rc = SQLITE_OK;
    clock_at(&d->s->store->settings, start_us, &d->s->days);
    bool is_night = bytes_equal(d->s->days.shift, BYTES("night"));
    if (!d->has_begun || is_night != d->is_night)
        rc = bake_all(d, is_night, start_us);
    d->has_begun = true;
    d->is_night = is_night;
    int64_t sales = between(d, 0, SALES_PER_SLOT_MAX);
    for (int64_t i = 0; i < sales && !rc; i++) {
        d->s->now_us = start_us + SLOT_US / (SALES_PER_SLOT_MAX + 1) * (i + 1);
        rc = sell(d);
    }
    return rc;
}

static enum err play(struct demo *d, int64_t now_us)
{
    int64_t start_us = now_us - DAYS * TIME_US_PER_DAY;
    int rc = SQLITE_OK;
    enum err e = has_breads(d->s);
    if (!e)
        e = load_people(d);
    if (e)
        return e;
    d->s->now_us = start_us;
    for (size_t i = 0; i < BREADS && !rc; i++)
        rc = add_bread(d, i);
    for (int slot = 0; slot < DAYS * SLOTS_PER_DAY && !rc; slot++)
        rc = play_slot(d, start_us + slot * SLOT_US);
    return err_of_sqlite(rc);
}

enum err store_demo(struct store_session *s, int64_t now_us, uint64_t seed)
{
    struct demo d = {.s = s};
    struct rng own = s->rng;
    enum err e = admin_begin(s, now_us);
    if (e)
        return e;
    rng_init(&d.rng, seed);
    rng_init(&s->rng, seed); /* uuid7() */
    e = admin_end(s, play(&d, now_us));
    s->rng = own;
    return e;
}
