/* kitchen: prints every new production and sale, a line of JSON each, whatever happens.
 * Usage: HOMEBAKE_PASSWORD=… kitchen https://bakery.example cook@example.com
 * CA_FILE in the environment: the authority of a certificate of one's own. */
#include <homebake/posix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void take(struct hb_client *c, const struct hb_action *a)
{
    struct hb_row row;
    if (a->type == HB_FRAME)
        hb_client_frame(c, hb_posix_now()); /* no display to wait for: now */
    else if (a->type == HB_TROUBLE)
        fprintf(stderr, "%s: %.*s\n", hb_error_text(a->error), (int)a->text.size,
                a->text.size ? a->text.data : "");
    for (uint32_t i = 0; a->type == HB_ROWS && i < a->count; i++) {
        hb_client_row(c, i, &row);
        printf("%.*s\n", (int)row.row.size, row.row.data);
    }
    fflush(stdout);
}

/* Until a subscription has failed for good. */
static void follow(struct hb_posix *p)
{
    struct hb_query sales = {.table = {"sales_logs", 10}, .event = {"INSERT", 6}};
    struct hb_query baked = {.table = {"production_logs", 15}, .event = {"INSERT", 6}};
    struct hb_client *c = hb_posix_client(p);
    struct hb_action a = {0};
    uint32_t id;
    if (hb_client_subscribe(c, &sales, hb_posix_now(), &id) ||
        hb_client_subscribe(c, &baked, hb_posix_now(), &id))
        return;
    for (;; hb_posix_wait(p)) {
        while (hb_posix_next(p, &a)) {
            take(c, &a);
            if (a.type == HB_STATE && a.code == HB_SUB_FAILED)
                return;
        }
    }
}

int main(int argc, char **argv)
{
    struct hb_posix_options o = {.password = getenv("HOMEBAKE_PASSWORD"),
                                 .ca_file = getenv("CA_FILE")};
    char error[HB_POSIX_ERROR_SIZE];
    struct hb_posix *p;
    if (argc != 3 || !o.password)
        return 2;
    o.url = argv[1], o.email = argv[2];
    signal(SIGPIPE, SIG_IGN);
    for (;; sleep(5)) { /* a server that is not there yet, a password that is still to be set */
        if (hb_posix_new(&o, error, &p)) {
            fprintf(stderr, "%s\n", error);
            continue;
        }
        follow(p);
        hb_posix_free(p);
    }
}
