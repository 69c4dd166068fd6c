#include "server/bakery.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/entropy.h"
#include "server/folder.h"

enum { DEMO_SEED = 1, DEMO_PASSWORD_SIZE = 64 };

static const char *const words[] = {
    "almond",  "anise",   "apple",    "barley",  "basket", "berry",    "brioche", "butter",
    "caramel", "cherry",  "cinnamon", "clove",   "cocoa",  "corn",     "crumb",   "crust",
    "dough",   "ember",   "fennel",   "flour",   "ginger", "grain",    "harvest", "hazel",
    "honey",   "kettle",  "lemon",    "linen",   "loaf",   "malt",     "maple",   "mill",
    "millet",  "morning", "nutmeg",   "oat",     "olive",  "oven",     "pecan",   "pepper",
    "plum",    "poppy",   "pretzel",  "quince",  "raisin", "rosemary", "rye",     "saffron",
    "salt",    "sesame",  "sorrel",   "spelt",   "sugar",  "sunrise",  "syrup",   "table",
    "thyme",   "toast",   "treacle",  "vanilla", "walnut", "wheat",    "window",  "yeast",
};
_Static_assert(sizeof(words) / sizeof(words[0]) == 64, "six bits a word");

/* 38 bits: three words and six digits. */
static void make_password(char out[DEMO_PASSWORD_SIZE])
{
    uint64_t n = entropy_u64();
    snprintf(out, DEMO_PASSWORD_SIZE, "%s-%s-%s-%06u", words[n & 63], words[n >> 6 & 63],
             words[n >> 12 & 63], (unsigned)((n >> 18) % 1000000));
}

struct demo_person {
    struct bakery_person person;
    char password[DEMO_PASSWORD_SIZE];
};

static enum err add_people(struct bakery *b, struct demo_person *people, size_t count,
                           struct buf *list)
{
    enum err e = OK;
    for (size_t i = 0; i < count && !e; i++) {
        struct demo_person *d = &people[i];
        make_password(d->password);
        d->person.password = d->password;
        e = bakery_add(b, &d->person);
        char line[256];
        snprintf(line, sizeof(line), "%-24s %-32s %s\n", d->person.email, d->password,
                 d->person.name);
        buf_put(list, bytes_of(line));
    }
    return e ? e : list->err;
}

static enum err write_private(const char *folder, const char *name, struct bytes text)
{
    char path[FOLDER_PATH_MAX];
    enum err e = folder_path(folder, name, path);
    if (e)
        return e;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    ssize_t n = fchmod(fd, 0600) ? -1 : write(fd, text.data, text.size);
    return close(fd) || n != (ssize_t)text.size ? ERR_IO : OK;
}

static int make_demo(struct bakery *b, struct buf *list)
{
    struct demo_person people[] = {
        {{"owner@homebake.example", "Owner", "owner", NULL}, ""},
        {{"manager@homebake.example", "Manager", "manager", NULL}, ""},
        {{"rep1@homebake.example", "Sales rep 1", "sales_rep", NULL}, ""},
        {{"rep2@homebake.example", "Sales rep 2", "sales_rep", NULL}, ""},
    };
    enum err e = add_people(b, people, sizeof(people) / sizeof(people[0]), list);
    if (!e)
        e = write_private(b->folder, "demo-sign-ins.txt", buf_bytes(list));
    if (!e)
        e = store_demo(b->session, clock_now_us(), DEMO_SEED);
    if (e)
        cmd_complain("demo", "%s: %s", b->folder, err_text(e));
    return e ? EXIT_FAILED : EXIT_OK;
}

int cmd_demo(int argc, char **argv)
{
    const char *folder = NULL;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true}};
    if (!cmd_parse("demo", argc, argv, options, 1))
        return EXIT_USAGE;
    struct bakery b;
    if (bakery_create(&b, "demo", folder))
        return EXIT_FAILED;
    struct buf list;
    buf_init(&list, 4096);
    int code = make_demo(&b, &list);
    bakery_close(&b);
    if (code == EXIT_OK)
        code = cmd_print(buf_bytes(&list));
    buf_done(&list);
    return code;
}
