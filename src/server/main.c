#include <sodium.h>
#include <stdio.h>

#include "server/cmd.h"
#include "server/server.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    const char *help;
};

static const struct command commands[] = {
    {"init", cmd_init, "make a new bakery and its owner",
     "Usage: homebake init --data DIR --owner-email EMAIL [--owner-name NAME]\n"
     "\n"
     "Makes the folder DIR with an empty bakery, and its owner's account.  The password is read "
     "from standard input,\n"
     "one line of 8 to 128 characters.\n"
     "\n"
     "Example:  homebake init --data data --owner-email ada@bakery.example --owner-name Ada\n"},
    {"serve", cmd_serve, "serve the pages, the interfaces and the live data",
     "Usage: homebake serve --data DIR --listen ADDR:PORT [OPTION …]\n"
     "\n"
     "  --data DIR             the bakery's folder\n"
     "  --listen ADDR:PORT     where to listen; port 0 takes a free one; :8080 is every address of "
     "the machine\n"
     "  --tls-cert FILE        serve HTTPS with this certificate (PEM, with its chain) …\n"
     "  --tls-key FILE         … and this key\n"
     "  --shards N             threads that serve connections (one per core)\n"
     "  --readers N            threads that read the data and check passwords (2)\n"
     "  --limit NAME=VALUE     sets a limit; may be given again.  Sizes take KiB, MiB, GiB, "
     "durations ms, s, min, h, d\n"
     "  --limits               prints all limits and their values, and does nothing else\n"
     "  --max-connections N    the same as --limit connections=N\n"
     "  --outbox-bytes N       the same as --limit outbox-bytes=N\n"
     "  --log LEVEL            debug, info, warn, error or off (info)\n"
     "  --log-format FORMAT    text or json (text)\n"
     "\n"
     "Prints `listening on URL` when it is ready.  SIGTERM, SIGINT and SIGHUP end it in good "
     "order.\n"
     "\n"
     "Example:  homebake serve --data data --listen 127.0.0.1:8080 --limit idle-time=30s\n"},
    {"keys", cmd_keys, "print the keys for client libraries",
     "Usage: homebake keys --data DIR\n"
     "\n"
     "Prints {\"anon\": …, \"service_role\": …}.  The first is public, it is in every page; the "
     "second passes by all\n"
     "policies and is for scripts on the server alone.\n"
     "\n"
     "Example:  homebake keys --data data\n"},
    {"user", cmd_user, "add, list, disable and enable people",
     "Usage: homebake user add --data DIR --email EMAIL --name NAME --role ROLE\n"
     "       homebake user list --data DIR [--json]\n"
     "       homebake user disable --data DIR --email EMAIL\n"
     "       homebake user enable --data DIR --email EMAIL\n"
     "\n"
     "ROLE is owner, manager or sales_rep.  `add` reads the password from standard input, one line "
     "of 8 to 128\n"
     "characters.  Works with and without a running server; who is disabled is out at once, live "
     "feeds included.\n"
     "\n"
     "Example:  homebake user disable --data data --email rep1@homebake.example\n"},
    {"demo", cmd_demo, "make a bakery with people and a week of trade in it",
     "Usage: homebake demo --data DIR\n"
     "\n"
     "Makes the folder DIR with an owner, a manager, two sales reps, eight breads and a week of "
     "baking and selling.\n"
     "Prints the email addresses and passwords, and writes them to DIR/demo-sign-ins.txt.\n"
     "\n"
     "Example:  homebake demo --data demo && homebake serve --data demo --listen 127.0.0.1:8080\n"},
    {"verify", cmd_verify, "prove stock, totals and change log from the ledger",
     "Usage: homebake verify --data DIR\n"
     "\n"
     "Recounts stock and shift totals from production and sales, and checks that the change log "
     "has no hole.  Exit\n"
     "code 1, with a line for each difference, when something does not agree.  May be run beside a "
     "server.\n"
     "\n"
     "Example:  homebake verify --data data\n"},
    {"backup", cmd_backup, "copy a bakery, also while it is served",
     "Usage: homebake backup --data DIR --to FOLDER\n"
     "\n"
     "Makes FOLDER, which must not be there yet, with a copy of the bakery as it is at this "
     "instant, and recounts the copy\n"
     "as `verify` does.  Others go on reading and writing meanwhile.  Interrupted, or out of disk, "
     "it leaves nothing.\n"
     "\n"
     "The copy is a bakery: to go back to it, end the server, move DIR away, and serve the copy or "
     "a backup of it at its\n"
     "place.  What is done to it from then on is a history of its own, so every screen takes its "
     "data anew; sign-ins and\n"
     "keys stay good.  A folder that was copied by other means is made such a copy by a backup of "
     "it, too.\n"
     "\n"
     "Example:  homebake backup --data data --to backups/$(date +%F)\n"},
    {"explain", cmd_explain, "say why somebody got a change, or did not",
     "Usage: homebake explain --data DIR --user WHO --seq N [--table T] [--event E] [--filter F] "
     "[--json]\n"
     "\n"
     "Says what change N was, which policies let WHO see it and which do not, and what they are "
     "told of it.  WHO is an\n"
     "email, an id, anon or service_role; people, policies and subscriptions are taken as they are "
     "now.\n"
     "\n"
     "When a server runs on DIR, the live channels of WHO follow, with what each is told and where "
     "it stands in the\n"
     "log.  With --table, --event (INSERT, UPDATE, DELETE or *) or --filter (as in a subscription) "
     "a binding is tried\n"
     "instead, term by term.\n"
     "\n"
     "Example:  homebake explain --data data --user rep1@homebake.example --seq 812 --filter "
     "quantity=gt.5\n"},
    {"policy", cmd_policy, "print who may do what",
     "Usage: homebake policy check --data DIR\n"
     "\n"
     "Checks the policies against the tables and prints the matrix of roles, tables and verbs, and "
     "the policies that\n"
     "make it, with their places.\n"
     "\n"
     "Example:  homebake policy check --data data\n"},
    {"watch", cmd_watch, "follow a running server, live",
     "Usage: homebake watch --url URL --email EMAIL inventory|reports|TABLE [OPTION …]\n"
     "\n"
     "  inventory             each bread: baked, sold, left, and whether it is low or out\n"
     "  reports               the totals of the newest business day, by bread and shift\n"
     "  TABLE                 the rows of any table that you may read, what changed last on top\n"
     "\n"
     "  --url URL             http://name:port or https://name:port\n"
     "  --email EMAIL         who signs in\n"
     "  --password-file FILE  its first line is the password (else one line of standard input)\n"
     "  --filter F            of a TABLE only such rows: shift=eq.night,quantity=gt.3\n"
     "  --key COLUMNS         its primary key, where it is not known: with commas between (id)\n"
     "  --ca-file FILE        the authorities (PEM) that may have signed the server's certificate\n"
     "  --json                lines instead of a table\n"
     "\n"
     "On a terminal: a table that is kept live, with a mark (*) at what has changed just now.  r "
     "connects now, q ends.\n"
     "Colours unless NO_COLOR is set.  Elsewhere, with --json, and where TERM is dumb: a line of "
     "JSON for each row there\n"
     "is and for each change: {\"op\", \"table\", \"key\", \"row\"}, once and in order whatever "
     "happens to the network or\n"
     "the server; how the connection is, goes to standard error.  Ends with SIGINT or SIGTERM (0), "
     "or when signing in or,\n"
     "for lines, the subscription is refused (1).\n"
     "\n"
     "Example:  homebake watch --url http://127.0.0.1:8080 --email ada@bakery.example inventory\n"},
};

static const char overview_tail[] =
    "  version  print the version\n"
    "  help     help [COMMAND]\n"
    "\n"
    "Exit codes: 0 done; 1 it went wrong; 2 the command line was wrong.  Every command knows "
    "--help.\n"
    "\n"
    "Example:  homebake demo --data demo && homebake serve --data demo --listen 127.0.0.1:8080\n";

static void overview(FILE *to)
{
    fputs("HomeBake: a bakery's back office that is live on every screen.\n\n"
          "Usage: homebake COMMAND [OPTION …]\n\n",
          to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs(overview_tail, to);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool is_word(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int unknown(const char *name)
{
    fprintf(stderr, "homebake: unknown command '%s'; see 'homebake help'\n", name);
    return EXIT_USAGE;
}

/* What was printed may not have got anywhere. */
static int end_of_print(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_OK : EXIT_FAILED;
}

static int help(const char *name)
{
    const struct command *c = name ? find(name) : NULL;
    if (name && !c)
        return unknown(name);
    if (c)
        fputs(c->help, stdout);
    else
        overview(stdout);
    return end_of_print();
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (is_word(argv[i], "--help", "-h"))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        overview(stderr);
        return EXIT_USAGE;
    }
    if (is_word(argv[1], "help", "--help") || is_word(argv[1], "-h", "help"))
        return help(argc > 2 ? argv[2] : NULL);
    if (is_word(argv[1], "version", "--version")) {
        puts("homebake " SERVER_VERSION);
        return end_of_print();
    }
    const struct command *c = find(argv[1]);
    if (!c)
        return unknown(argv[1]);
    if (asks_for_help(argc - 2, argv + 2))
        return help(c->name);
    if (sodium_init() < 0) {
        fputs("homebake: libsodium cannot be used on this machine\n", stderr);
        return EXIT_FAILED;
    }
    return c->run(argc - 2, argv + 2);
}
