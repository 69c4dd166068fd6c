/* folder: the data folder: what lies where in it, and the lock that makes one process its master.
 */
#ifndef SERVER_FOLDER_H
#define SERVER_FOLDER_H

#include "base/buf.h"

enum { FOLDER_PATH_MAX = 4096 };

/* `<folder>/<name>`.  ERR_LIMIT: too long. */
MUST_USE enum err folder_path(const char *folder, const char *name, char out[FOLDER_PATH_MAX]);
/* Makes the folder (mode 0700) and what is missing above it; fine when it is there. */
MUST_USE enum err folder_make(const char *folder);
/* Does it hold a database? */
bool folder_has_data(const char *folder);
/* Takes the lock for as long as `*fd` is open.  ERR_BUSY: another process has it; ERR_NOT_FOUND: no
 * such folder; ERR_DENIED. */
MUST_USE enum err folder_lock(const char *folder, int *fd);

#endif
