/* schema: the database's own structure: migrations forward, triggers, the catalogue read from it,
 * the settings kept in `meta`.  Private to src/store/. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/sqlite.h"

/* A file of schema/ that is built into the program (embed.py); ended by a name of NULL. */
struct embedded_file {
    const char *name;
    const char *text; /* with a zero behind it */
    size_t size;
};
extern const struct embedded_file
    embedded_migrations[]; /* schema/sqlite, in order: the first makes version 1 */
extern const struct embedded_file embedded_policies[];

enum { SCHEMA_APPLICATION_ID = 0x48426b65 /* "HBke" */ };

/* The version of the open database: 0 when it is empty.  ERR_CORRUPT: it is no database of ours;
 * ERR_UNSUPPORTED: it was made by a newer program. */
MUST_USE enum err schema_version(struct store_session *s, struct buf *message, int *out);
/* Brings it to the newest version; a new one also gets its epoch, secret and settings.  One
 * transaction. */
MUST_USE enum err schema_migrate(struct store_session *s, struct buf *message);
/* Makes the triggers what this program wants, if they are not.  Wants the catalogue. */
MUST_USE enum err schema_refresh_triggers(struct store_session *s, struct buf *message);
/* Adds a setting that is not there yet.  SQLite's result code. */
int schema_put_meta(struct store_session *s, const char *key, struct bytes value);
/* Reads settings, epoch and secret into the store. */
MUST_USE enum err schema_load_meta(struct store_session *s, struct buf *message);
/* Reads tables, columns, keys; and the shapes of rows. */
MUST_USE enum err catalogue_load(struct store_session *s, struct catalogue **out);

/* The triggers of one table and verb, as text: capture.c.  Nothing when there is none. */
void capture_put_trigger(struct buf *out, const struct table *t, enum verb verb);
void capture_put_trigger_name(struct buf *out, const struct table *t, enum verb verb);
/* The statements that keep stock and shift_totals, within a trigger: derived.c. */
struct bytes derived_statements(struct bytes table, enum verb verb);

#endif
