#include "server/folder.h"

#include <sys/stat.h>

#include "support.h"

static void folders_are_made_with_what_is_above_them(void **state)
{
    (void)state;
    struct bakery_folder f;
    char inner[128], outer[128];
    struct stat st;
    make_folder(&f);
    snprintf(outer, sizeof(outer), "%s/a", f.path);
    snprintf(inner, sizeof(inner), "%s/a/b", f.path);
    assert_int_equal(folder_make(inner), OK);
    assert_int_equal(folder_make(inner), OK);
    assert_int_equal(stat(inner, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_false(folder_has_data(inner));
    rmdir(inner);
    rmdir(outer);
    remove_folder(&f);
}

static void a_file_in_the_way_and_an_empty_name_are_refused(void **state)
{
    (void)state;
    assert_int_equal(folder_make(""), ERR_LIMIT);
    assert_int_equal(folder_make("/dev/null/x"), ERR_NOT_FOUND);
}

static void one_process_has_the_lock(void **state)
{
    (void)state;
    struct bakery_folder f;
    int first, second;
    make_folder(&f);
    assert_int_equal(folder_lock(f.path, &first), OK);
    assert_int_equal(folder_lock(f.path, &second), ERR_BUSY); /* flock: by open file, not process */
    close(first);
    assert_int_equal(folder_lock(f.path, &second), OK);
    close(second);
    remove_folder(&f);
    assert_int_equal(folder_lock(f.path, &second), ERR_NOT_FOUND);
}

static void paths_are_bounded(void **state)
{
    (void)state;
    static char name[FOLDER_PATH_MAX];
    char path[FOLDER_PATH_MAX];
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(folder_path("a", name, path), ERR_LIMIT);
    assert_int_equal(folder_make(name), ERR_IO); /* ENAMETOOLONG */
    assert_int_equal(folder_path("a", "b", path), OK);
    assert_string_equal(path, "a/b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made_with_what_is_above_them),
        cmocka_unit_test(a_file_in_the_way_and_an_empty_name_are_refused),
        cmocka_unit_test(one_process_has_the_lock),
        cmocka_unit_test(paths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
