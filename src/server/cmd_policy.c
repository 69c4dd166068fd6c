#include "server/bakery.h"

int cmd_policy(int argc, char **argv)
{
    const char *folder = NULL;
    const struct option options[] = {{"--data", &folder, NULL, NULL, true}};
    if (argc < 1 || strcmp(argv[0], "check") != 0) {
        cmd_complain("policy", "the one thing to do is 'check'; see 'homebake help policy'");
        return EXIT_USAGE;
    }
    if (!cmd_parse("policy", argc - 1, argv + 1, options, 1))
        return EXIT_USAGE;
    struct bakery b;
    if (bakery_open(&b, "policy", folder))
        return EXIT_FAILED;
    struct buf out;
    buf_init(&out, 1024 * 1024);
    policies_print(&out, store_policies(b.store));
    bakery_close(&b);
    int code = out.err ? EXIT_FAILED : cmd_print(buf_bytes(&out));
    buf_done(&out);
    return code;
}
