/* The program itself, run as people and scripts run it.  Usage: cmd_test PROGRAM */
#include "server/cmd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"
#include "support.h"

static const char *program;
static char out[65536]; /* of the last run: standard output … */
static char err[65536]; /* … and standard error */
static char data[56];
static struct bakery_folder folder;

static pid_t spawn(const char *const *words, int in, int out_fd, int err_fd)
{
    const char *argv[32] = {program};
    for (int i = 0; i < 30 && words[i]; i++)
        argv[i + 1] = words[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in, 0);
        dup2(out_fd, 1);
        dup2(err_fd, 2);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    return pid;
}

static void slurp(FILE *f, char text[65536])
{
    rewind(f);
    size_t size = fread(text, 1, 65535, f);
    text[size] = 0;
    fclose(f);
}

/* Runs to the end; returns the exit code. */
static int run(const char *input, const char *const *words)
{
    FILE *in = tmpfile(), *o = tmpfile(), *e = tmpfile();
    int status;
    fputs(input, in);
    fflush(in);
    rewind(in);
    pid_t pid = spawn(words, fileno(in), fileno(o), fileno(e));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fclose(in);
    slurp(o, out);
    slurp(e, err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define RUN(input, ...) run(input, (const char *const[]){__VA_ARGS__, NULL})

static int open_all(void **state)
{
    (void)state;
    make_folder(&folder);
    snprintf(data, sizeof(data), "%.40s/data", folder.path);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    struct bakery_folder inner;
    snprintf(inner.path, sizeof(inner.path), "%.47s", data);
    remove_folder(&inner);
    remove_folder(&folder);
    return 0;
}

static void help_is_given_for_everything(void **state)
{
    (void)state;
    static const char *const names[] = {"init",   "serve",  "keys",    "user",  "demo",
                                        "verify", "policy", "explain", "backup"};
    assert_int_equal(RUN("", "--help"), 0);
    assert_non_null(strstr(out, "Usage: homebake COMMAND"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_non_null(strstr(out, names[i]));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(RUN("", "help", names[i]), 0);
        assert_memory_equal(out, "Usage: homebake ", 16);
        assert_non_null(strstr(out, "Example:"));
        assert_int_equal(RUN("", names[i], "--help"), 0);
        assert_memory_equal(out, "Usage: homebake ", 16);
    }
    assert_int_equal(RUN("", "version"), 0);
    assert_string_equal(out, "homebake " SERVER_VERSION "\n");
}

static void a_wrong_command_line_is_told_with_2(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *complaint;
    } cases[] = {
        {{"bake"}, "unknown command 'bake'"},
        {{"help", "bake"}, "unknown command 'bake'"},
        {{"serve"}, "--data is missing"},
        {{"serve", "--data", "x"}, "--listen is missing"},
        {{"serve", "--data"}, "--data needs a value"},
        {{"serve", "--data", "x", "--data", "y"}, "--data is given twice"},
        {{"serve", "--port", "1"}, "unknown option '--port'"},
        {{"serve", "x"}, "unknown argument 'x'"},
        {{"serve", "--data=x", "--listen=:0", "--shards=0"},
         "--shards must be a number from 1 to 256"},
        {{"serve", "--data=x", "--listen=:0", "--readers", "many"}, "--readers must be a number"},
        {{"serve", "--data=x", "--listen=:0", "--tls-key=k"}, "belong together"},
        {{"serve", "--data=x", "--listen=:0", "--log=loud"}, "--log must be"},
        {{"serve", "--data=x", "--listen=:0", "--log-format=xml"}, "--log-format must be"},
        {{"serve", "--data=x", "--listen=:0", "--limit"}, "--limit needs a value"},
        {{"serve", "--data=x", "--listen=:0", "--limit=bread=1"}, "there is no limit 'bread'"},
        {{"serve", "--data=x", "--listen=:0", "--limit", "channels=0"},
         "channels must be from 1 to"},
        {{"serve", "--data=x", "--listen=:0", "--outbox-bytes=1"},
         "outbox-bytes must be from 16KiB to 1GiB"},
        {{"serve", "--limits", "--limit=channels=x"}, "channels must be a number"},
        {{"user"}, "say add, list, disable or enable"},
        {{"user", "list", "--data", "x", "--json=1"}, "--json takes no value"},
        {{"policy", "--data", "x"}, "'check'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(run("", cases[i].words), 2);
        if (!strstr(err, cases[i].complaint))
            fail_msg("case %zu: %s", i, err);
        assert_string_equal(out, "");
    }
    assert_int_equal(run("", (const char *const[]){NULL}), 2);
    assert_non_null(strstr(err, "Usage: homebake COMMAND"));
}

static void limits_are_shown_as_they_would_be(void **state)
{
    (void)state;
    assert_int_equal(RUN("", "serve", "--limits"), 0);
    assert_non_null(strstr(out, "\nchannels            1000 "));
    assert_int_equal(RUN("", "serve", "--limit", "channels=5", "--limits", "--limit=idle-time=90s"),
                     0);
    assert_non_null(strstr(out, "\nchannels            5 "));
    assert_non_null(strstr(out, "\nidle-time           90s "));
}

static void a_folder_that_is_not_there_is_told_with_1(void **state)
{
    (void)state;
    assert_int_equal(RUN("", "keys", "--data", "/nonexistent"), 1);
    assert_non_null(strstr(err, "homebake keys: there is no folder /nonexistent"));
    assert_int_equal(RUN("", "serve", "--data", "/nonexistent", "--listen", "127.0.0.1:0"), 1);
    assert_non_null(strstr(err, "holds no bakery"));
    assert_int_equal(RUN("", "verify", "--data", folder.path), 1);
    assert_non_null(strstr(err, "holds no bakery"));
}

static void init_makes_a_bakery_once_and_wants_a_password(void **state)
{
    (void)state;
    assert_int_equal(RUN("short\n", "init", "--data", data, "--owner-email", "ada@bakery.example"),
                     1);
    assert_non_null(strstr(err, "8 to 128"));
    assert_int_equal(RUN("", "init", "--data", data, "--owner-email", "ada@bakery.example"), 1);
    assert_int_equal(RUN("12345678\n", "init", "--data", data, "--owner-email", "no email"), 1);
    assert_non_null(strstr(err, "no email address"));
    assert_int_equal(
        RUN("12345678\n", "init", "--data", data, "--owner-email", "ada@bakery.example"), 0);
    assert_int_equal(
        RUN("12345678\n", "init", "--data", data, "--owner-email", "ada@bakery.example"), 1);
    assert_non_null(strstr(err, "holds a bakery already"));
    struct stat st;
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void keys_are_json_and_stay_the_same(void **state)
{
    (void)state;
    static char first[sizeof(out)];
    struct json_value v, anon, service;
    assert_int_equal(RUN("", "keys", "--data", data), 0);
    snprintf(first, sizeof(first), "%s", out);
    assert_int_equal(json_parse(bytes_of(first), &v), OK);
    assert_int_equal(json_get(v, BYTES("anon"), &anon), OK);
    assert_int_equal(json_get(v, BYTES("service_role"), &service), OK);
    assert_false(bytes_equal(anon.raw, service.raw));
    assert_int_equal(RUN("", "keys", "--data", data), 0);
    assert_string_equal(out, first);
}

static void verify_and_policy_report(void **state)
{
    (void)state;
    assert_int_equal(RUN("", "verify", "--data", data), 0);
    assert_non_null(strstr(out, "no hole"));
    assert_int_equal(RUN("", "policy", "check", "--data", data), 0);
    assert_non_null(strstr(out, "sales_logs"));
    assert_non_null(strstr(out, "sales_rep"));
}

static void a_backup_is_a_bakery_and_nothing_is_written_over(void **state)
{
    (void)state;
    static char first[sizeof(out)];
    char to[128], again[160];
    struct bakery_folder copy;
    snprintf(to, sizeof(to), "%s-copies/a", data);
    snprintf(again, sizeof(again), "%s//", to);
    assert_int_equal(RUN("", "keys", "--data", data), 0);
    snprintf(first, sizeof(first), "%s", out);
    assert_int_equal(RUN("", "backup", "--data", data, "--to", again), 0);
    assert_non_null(strstr(out, "-copies/a holds "));
    assert_int_equal(RUN("", "keys", "--data", to), 0);
    assert_string_equal(out, first);
    assert_int_equal(RUN("", "verify", "--data", to), 0);
    assert_int_equal(RUN("", "backup", "--data", data, "--to", to), 1);
    assert_non_null(strstr(err, "/a is there already"));
    assert_int_equal(RUN("", "backup", "--data", "/nonexistent", "--to", again), 1);
    assert_non_null(strstr(err, "there is no folder /nonexistent"));
    assert_int_equal(RUN("", "backup", "--data", data, "--to", ""), 1);
    assert_non_null(strstr(err, "no name for a folder"));
    snprintf(copy.path, sizeof(copy.path), "%.47s", to);
    remove_folder(&copy);
    *strrchr(copy.path, '/') = 0;
    assert_int_equal(rmdir(copy.path), 0);
}

static void people_are_kept_without_a_server(void **state)
{
    (void)state;
    assert_int_equal(RUN("12345678\n", "user", "add", "--data", data, "--email",
                         "rep@bakery.example", "--name", "Rep", "--role", "sales_rep"),
                     0);
    assert_int_equal(RUN("12345678\n", "user", "add", "--data", data, "--email",
                         "rep@bakery.example", "--name", "Rep", "--role", "sales_rep"),
                     1);
    assert_non_null(strstr(err, "already"));
    assert_int_equal(RUN("", "user", "list", "--data", data), 0);
    assert_non_null(strstr(out, "rep@bakery.example"));
    assert_int_equal(RUN("", "user", "disable", "--data", data, "--email", "rep@bakery.example"),
                     0);
    assert_int_equal(RUN("", "user", "list", "--data", data, "--json"), 0);
    assert_non_null(strstr(out, "\"is_active\":false"));
    assert_int_equal(RUN("", "user", "enable", "--data", data, "--email", "who@bakery.example"), 1);
    assert_non_null(strstr(err, "nobody has this email"));
}

static void explain_says_who_is_told_what(void **state)
{
    (void)state;
    struct bakery_folder demo;
    make_folder(&demo);
    assert_int_equal(RUN("", "demo", "--data", demo.path), 0);
#define EXPLAIN(...) RUN("", "explain", "--data", demo.path, __VA_ARGS__)
    assert_int_equal(EXPLAIN("--user", "owner@homebake.example", "--seq", "1"), 0);
    assert_non_null(strstr(out, "change 1, "));
    assert_non_null(strstr(out, "owner@homebake.example: owner, active\n"));
    assert_non_null(strstr(out, ") lets them see the row"));
    assert_non_null(strstr(out, "policies: they are told all of it\n"));
    assert_non_null(strstr(out, "no server that runs on this data could be asked"));
    assert_int_equal(EXPLAIN("--user", "anon", "--seq", "1"), 0);
    assert_non_null(strstr(out, "is not for this role"));
    assert_non_null(strstr(out, "policies: they may not see this row, and are told nothing\n"));
    assert_int_equal(EXPLAIN("--user", "service_role", "--seq", "1", "--event", "TRUNCATE"), 0);
    assert_non_null(strstr(out, "  binding: it is told\n"));
    assert_int_equal(
        EXPLAIN("--user", "OWNER@homebake.example", "--seq=1", "--filter", "id=is.null"), 0);
    assert_non_null(strstr(out, "  binding: it is not told: the filter does not hold\n"));
    assert_non_null(strstr(out, "    id is is false: the row has \""));
    assert_int_equal(EXPLAIN("--user", "owner@homebake.example", "--seq", "1", "--json"), 0);
    struct json_value v;
    assert_int_equal(json_parse(bytes_of(out), &v), OK);
    assert_int_equal(
        RUN("", "user", "disable", "--data", demo.path, "--email", "rep1@homebake.example"), 0);
    assert_int_equal(EXPLAIN("--user", "rep1@homebake.example", "--seq", "1"), 0);
    assert_non_null(strstr(out, "disabled: is told nothing"));
    remove_folder(&demo);
}

static void explain_says_what_it_cannot_explain(void **state)
{
    (void)state;
    struct bakery_folder demo;
    make_folder(&demo);
    assert_int_equal(RUN("", "demo", "--data", demo.path), 0);
    assert_int_equal(EXPLAIN("--user", "who@bakery.example", "--seq", "1"), 1);
    assert_non_null(strstr(err, "nobody has the email or id 'who@bakery.example'"));
    assert_int_equal(EXPLAIN("--user", "anon", "--seq", "999999999"), 1);
    assert_non_null(strstr(err, "there is no change 999999999 yet: the newest is "));
    assert_int_equal(EXPLAIN("--user", "anon", "--seq", "0"), 2);
    assert_int_equal(EXPLAIN("--user", "anon", "--seq", "1", "--table", "nothing"), 1);
    assert_non_null(strstr(err, "table: nothing"));
    assert_int_equal(EXPLAIN("--user", "anon", "--seq", "1", "--filter", "nothing=eq.1"), 1);
    assert_non_null(strstr(err, "nothing"));
    remove_folder(&demo);
}

struct running {
    pid_t pid;
    FILE *out;
    char url[128];
};

static void serve(struct running *r)
{
    int fds[2];
    int null = open("/dev/null", O_RDWR);
    const char *const words[] = {"serve",       "--data", data,  "--listen",
                                 "127.0.0.1:0", "--log",  "off", NULL};
    assert_int_equal(pipe(fds), 0);
    r->pid = spawn(words, null, fds[1], null);
    close(fds[1]);
    close(null);
    r->out = fdopen(fds[0], "r");
    assert_int_equal(fscanf(r->out, "listening on %127s", r->url), 1);
}

/* The exit code. */
static int stop(struct running *r, int signal_number)
{
    int status;
    char rest[64] = "";
    kill(r->pid, signal_number);
    size_t size = fread(rest, 1, sizeof(rest) - 1, r->out);
    assert_int_equal(size, 1); /* the line's end: exactly one line was printed */
    fclose(r->out);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_server_ends_well_by_every_polite_signal(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        struct running r;
        serve(&r);
        assert_memory_equal(r.url, "http://127.0.0.1:", 17);
        assert_int_equal(stop(&r, signals[i]), 0);
    }
}

static void commands_beside_a_server_go_through_it(void **state)
{
    (void)state;
    struct running r;
    serve(&r);
    assert_int_equal(RUN("", "serve", "--data", data, "--listen", "127.0.0.1:0"), 1);
    assert_non_null(strstr(err, "another homebake has"));
    assert_int_equal(RUN("", "user", "enable", "--data", data, "--email", "rep@bakery.example"), 0);
    assert_int_equal(RUN("", "user", "list", "--data", data, "--json"), 0);
    assert_null(strstr(out, "\"is_active\":false"));
    assert_int_equal(RUN("12345678\n", "user", "add", "--data", data, "--email",
                         "two@bakery.example", "--name", "Two", "--role", "manager"),
                     0);
    assert_int_equal(RUN("", "keys", "--data", data), 0);
    assert_int_equal(RUN("", "verify", "--data", data), 0);
    assert_int_equal(RUN("", "explain", "--data", data, "--user", "anon", "--seq", "1"), 0);
    assert_non_null(strstr(out, "they have no live channel now\n"));
    assert_int_equal(stop(&r, SIGTERM), 0);
    assert_int_equal(RUN("", "user", "list", "--data", data), 0);
    assert_non_null(strstr(out, "two@bakery.example"));
}

static void demo_makes_people_who_can_be_read_from_a_private_file(void **state)
{
    (void)state;
    struct bakery_folder demo;
    char path[200], text[4096] = "";
    struct stat st;
    make_folder(&demo);
    assert_int_equal(RUN("", "demo", "--data", demo.path), 0);
    snprintf(path, sizeof(path), "%s/demo-sign-ins.txt", demo.path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(path, "r");
    (void)!fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    assert_string_equal(text, out);
    static const char *const emails[] = {"owner@homebake.example ", "manager@homebake.example ",
                                         "rep1@homebake.example ", "rep2@homebake.example "};
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(text, emails[i]));
    assert_int_equal(RUN("", "demo", "--data", demo.path), 1);
    assert_int_equal(RUN("", "verify", "--data", demo.path), 0);
    remove_folder(&demo);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_is_given_for_everything),
        cmocka_unit_test(a_wrong_command_line_is_told_with_2),
        cmocka_unit_test(limits_are_shown_as_they_would_be),
        cmocka_unit_test(a_folder_that_is_not_there_is_told_with_1),
        cmocka_unit_test(init_makes_a_bakery_once_and_wants_a_password),
        cmocka_unit_test(keys_are_json_and_stay_the_same),
        cmocka_unit_test(verify_and_policy_report),
        cmocka_unit_test(a_backup_is_a_bakery_and_nothing_is_written_over),
        cmocka_unit_test(people_are_kept_without_a_server),
        cmocka_unit_test(explain_says_who_is_told_what),
        cmocka_unit_test(explain_says_what_it_cannot_explain),
        cmocka_unit_test(a_server_ends_well_by_every_polite_signal),
        cmocka_unit_test(commands_beside_a_server_go_through_it),
        cmocka_unit_test(demo_makes_people_who_can_be_read_from_a_private_file),
    };
    if (argc != 2)
        return 2;
    program = argv[1];
    return cmocka_run_group_tests(tests, open_all, close_all);
}
