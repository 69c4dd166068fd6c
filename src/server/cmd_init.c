#include "server/bakery.h"

#include <stdio.h>
#include <unistd.h>

#include "server/folder.h"

/* A bakery without its owner is of no use and cannot be made again: it is taken away. */
static void take_away(const char *folder)
{
    static const char *const names[] = {"homebake.db", "homebake.db-wal", "homebake.db-shm"};
    char path[FOLDER_PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (folder_path(folder, names[i], path) == OK)
            (void)unlink(path);
    }
}

int cmd_init(int argc, char **argv)
{
    const char *folder = NULL;
    struct bakery_person owner = {.role = "owner"};
    const struct option options[] = {
        {"--data", &folder, NULL, NULL, true},
        {"--owner-email", &owner.email, NULL, NULL, true},
        {"--owner-name", &owner.name, NULL, NULL, false},
    };
    if (!cmd_parse("init", argc, argv, options, sizeof(options) / sizeof(options[0])))
        return EXIT_USAGE;
    if (!owner.name)
        owner.name = "Owner";
    char password[PASSWORD_MAX + 1];
    if (!bakery_read_password("init", password))
        return EXIT_FAILED;
    owner.password = password;
    struct bakery b;
    if (bakery_create(&b, "init", folder))
        return EXIT_FAILED;
    enum err e = bakery_add(&b, &owner);
    bakery_close(&b);
    if (e) {
        take_away(folder);
        return EXIT_FAILED;
    }
    printf("created %s for %s\n", folder, owner.email);
    return EXIT_OK;
}
