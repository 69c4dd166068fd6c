/* The copy is made by SQLite's backup, page by page out of one snapshot: writers go on meanwhile.
 * It grows in a folder of another name, so that what has the wanted name is whole and on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"
#include "store/work.h"

enum { STEP_PAGES = 1024 /* between two words of progress: 2 MiB */ };

struct copy {
    const char *to;
    char *folder, *file; /* while it grows */
    char *parent;        /* of both */
    bool has_folder;
    struct buf *message;
};

/* ---- its folder ---- */

static enum err make_names(struct copy *c)
{
    static const char folder_end[] = ".XXXXXX";
    size_t size = strlen(c->to) + sizeof(folder_end) + sizeof(STORE_FILE);
    const char *slash = strrchr(c->to, '/');
    size_t above = slash == c->to ? 1 : slash ? (size_t)(slash - c->to) : 0;
    c->folder = mem_alloc(size);
    c->file = mem_alloc(size);
    c->parent = mem_copy(above ? (struct bytes){c->to, above} : BYTES("."));
    if (!c->folder || !c->file || !c->parent)
        return ERR_NOMEM;
    snprintf(c->folder, size, "%s%s", c->to, folder_end);
    return OK;
}

/* Mode 0700, and the file in it 0600. */
static enum err begin(struct copy *c)
{
    if (access(c->to, F_OK) == 0) {
        buf_put(c->message, bytes_of(c->to));
        buf_put_literal(c->message, " is there already");
        return ERR_EXISTS;
    }
    enum err e = make_names(c);
    if (e)
        return e;
    c->has_folder = mkdtemp(c->folder) != NULL;
    if (!c->has_folder)
        return errno_failed(c->message, "cannot make the folder", c->to);
    snprintf(c->file, strlen(c->folder) + sizeof(STORE_FILE), "%s" STORE_FILE, c->folder);
    int fd = open(c->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno_failed(c->message, "cannot make", c->file);
    close(fd);
    return OK;
}

/* What is left of one that failed. */
static void take_away(const struct copy *c)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    char path[FILENAME_MAX];
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int n = snprintf(path, sizeof(path), "%s%s", c->file, ends[i]);
        if (n > 0 && (size_t)n < sizeof(path))
            (void)unlink(path);
    }
    (void)rmdir(c->folder);
}

static enum err put_in_place(const struct copy *c)
{
    enum err e = folder_sync(c->folder, c->message);
    if (e)
        return e;
    if (rename(c->folder, c->to))
        return errno_failed(c->message, "cannot make the folder", c->to);
    e = folder_sync(c->parent, c->message);
    if (e)
        (void)rename(c->to, c->folder); /* where it is taken away */
    return e;
}

/* ---- its pages ---- */

static int copy_pages(sqlite3_backup *b, const struct store_backup *how, bool *is_stopped)
{
    int rc;
    do {
        rc = sqlite3_backup_step(b, STEP_PAGES);
        uint64_t count = (uint64_t)sqlite3_backup_pagecount(b);
        uint64_t copied = count - (uint64_t)sqlite3_backup_remaining(b);
        if (!rc && how->progress && !how->progress(how->context, copied, count))
            *is_stopped = true;
    } while (!rc && !*is_stopped);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum err copy_into(struct store_session *s, sqlite3 *db, const struct copy *c,
                          const struct store_backup *how)
{
    bool is_stopped = false;
    sqlite3_backup *b = sqlite3_backup_init(db, "main", s->db, "main");
    int rc = b ? copy_pages(b, how, &is_stopped) : sqlite3_errcode(db);
    int end = sqlite3_backup_finish(b);
    if (rc || end)
        buf_put(c->message, bytes_of(sqlite3_errstr(rc ? rc : end)));
    else if (is_stopped)
        return ERR_CLOSED;
    return err_of_sqlite(rc ? rc : end);
}

/* In a transaction of its own, or the snapshot would be another one after each step. */
static enum err copy_snapshot(struct store_session *s, const struct copy *c,
                              const struct store_backup *how, uint64_t *seq)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(c->file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    if (!rc)
        rc = session_run(s, FIXED_BEGIN);
    if (!rc)
        rc = session_head(s, seq);
    if (rc)
        buf_put(c->message, bytes_of(sqlite3_errstr(rc)));
    enum err e = rc ? err_of_sqlite(rc) : copy_into(s, db, c, how);
    if (!sqlite3_get_autocommit(s->db))
        session_run(s, FIXED_ROLLBACK);
    sqlite3_close(db);
    return e;
}

/* ---- its epoch ---- */

static enum err forget_epoch(const struct copy *c)
{
    struct store_config cfg = {.folder = c->folder};
    struct store *store;
    struct store_session *session;
    enum err e = store_open(&cfg, c->message, &store);
    if (e)
        return e;
    e = store_session_open(store, STORE_WRITER, &session);
    if (!e) {
        e = err_of_sqlite(session_exec(session, "DELETE FROM meta WHERE key = 'epoch'"));
        store_session_close(session);
    }
    store_close(store);
    return e;
}

enum err store_begin_epoch(struct store_session *s)
{
    char *epoch = s->store->epoch;
    if (epoch[0])
        return OK;
    char made[UUID_SIZE];
    rng_uuid4(&s->rng, made);
    int rc = schema_put_meta(s, "epoch", (struct bytes){made, sizeof(made)});
    if (!rc)
        memcpy(epoch, made, sizeof(made));
    return err_of_sqlite(rc);
}

/* ---- all of it ---- */

enum err store_backup(struct store_session *s, const struct store_backup *how, uint64_t *seq,
                      struct buf *message)
{
    struct copy c = {.to = how->to, .message = message};
    enum err e = begin(&c);
    if (!e)
        e = copy_snapshot(s, &c, how, seq);
    if (!e)
        e = forget_epoch(&c);
    if (!e)
        e = put_in_place(&c);
    if (e && c.has_folder)
        take_away(&c);
    if (e && message->size == 0)
        buf_put(message, bytes_of(err_text(e)));
    mem_free(c.folder);
    mem_free(c.file);
    mem_free(c.parent);
    return e;
}
