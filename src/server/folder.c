#include "server/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err err_of_errno(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case EWOULDBLOCK:
        return ERR_BUSY;
    default:
        return ERR_IO;
    }
}

enum err folder_path(const char *folder, const char *name, char out[FOLDER_PATH_MAX])
{
    int n = snprintf(out, FOLDER_PATH_MAX, "%s/%s", folder, name);
    return n < 0 || n >= FOLDER_PATH_MAX ? ERR_LIMIT : OK;
}

static enum err make_one(const char *path, mode_t mode)
{
    return mkdir(path, mode) && errno != EEXIST ? err_of_errno(errno) : OK;
}

enum err folder_make(const char *folder)
{
    char path[FOLDER_PATH_MAX];
    size_t size = strlen(folder);
    if (size == 0 || size >= sizeof(path))
        return ERR_LIMIT;
    memcpy(path, folder, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (path[i] != '/')
            continue;
        path[i] = 0;
        enum err e = make_one(path, 0755);
        if (e)
            return e;
        path[i] = '/';
    }
    return make_one(path, 0700);
}

bool folder_has_data(const char *folder)
{
    char path[FOLDER_PATH_MAX];
    return folder_path(folder, "homebake.db", path) == OK && access(path, F_OK) == 0;
}

enum err folder_lock(const char *folder, int *out)
{
    char path[FOLDER_PATH_MAX];
    enum err e = folder_path(folder, "homebake.lock", path);
    if (e)
        return e;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_of_errno(errno);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        e = err_of_errno(errno);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}
