/* match: what a change costs as subscriptions grow that do not match it, from 10 to 100,000.  Once
 * through the whole server (HTTP, commit, delivery to the one whom it concerns), and then in the
 * hub alone, where the search itself can be seen: filters that are found by value (`eq`), where
 * all but one want another value or each another row; and filters that must be asked one by one
 * (`gte`), which is what the others are spared.  Each cost is the least of some runs: a search is
 * not made slower by being measured again. */
#include "match.h"
#include "options.h"

int main(int argc, char **argv)
{
    const char *program = "build/homebake";
    bool is_quick = false;
    const struct option options[] = {{.name = "--quick", .flag = &is_quick},
                                     {.name = "--program", .text = &program}};
    options_parse(argc, argv, options, sizeof(options) / sizeof(*options));
    unsigned most = is_quick ? 1000 : 100000, budget = is_quick ? 500 : 20000;
    match_server(program, is_quick ? 10 : most, is_quick ? 20 : 300);
    match_hub(MATCH_EQUAL, most, budget);
    match_hub(MATCH_IDS, most, budget);
    match_hub(MATCH_ASKED, most / 10, budget);
    return 0;
}
