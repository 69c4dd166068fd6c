#include "server/bakery.h"

int cmd_verify(int argc, char **argv)
{
    const char *folder = NULL;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true}};
    if (!cmd_parse("verify", argc, argv, options, 1))
        return EXIT_USAGE;
    struct bakery b;
    if (bakery_open(&b, "verify", folder))
        return EXIT_FAILED;
    struct buf report;
    buf_init(&report, 16 * 1024 * 1024);
    enum err e = store_verify(b.session, &report);
    bakery_close(&b);
    if (e)
        cmd_complain("verify", "%s: %s", folder, err_text(e));
    else
        buf_put_literal(&report,
                        "stock and shift totals equal a recount, and the change log has no hole\n");
    int code = cmd_print(buf_bytes(&report));
    buf_done(&report);
    return e ? EXIT_FAILED : code;
}
