/* One whole server on a bakery of its own, for all tests of a file. */
#ifndef TESTS_SERVER_WHOLE_SERVER_H
#define TESTS_SERVER_WHOLE_SERVER_H

#include "support.h"

static struct bakery_folder folder;
static struct server *server;
static struct answer got; /* the last HTTP answer */

/* For cmocka, as the ends of a group; a group with settings of its own has its own beginning. */
static inline int open_all(void **state)
{
    (void)state;
    make_bakery(&folder);
    struct server_config c = test_config(&folder);
    server = start_server(&c);
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    server_stop(server);
    remove_folder(&folder);
    return 0;
}

#endif
