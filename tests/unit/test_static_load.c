/*
 * A folder into memory: what is taken, what is left out, and what stops the start.
 */
#include "gateway/pages/static_load.h"

#include "tests/lib/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A private folder, `top`/build in it; the name of what lies below. */
static char top[FOLDER_SIZE];

static const char *at(const char *name)
{
    static char path[2][PATH_MAX];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", top, name);
    return path[turn];
}

static void put(const char *name, const char *text)
{
    folder_put(top, name, text);
}

static int setup(void **state)
{
    (void)state;
    folder_make(top, "static");
    if (mkdir(at("build"), 0755) || mkdir(at("build/assets"), 0755))
        return -1;
    put("secret.txt", "secret");
    put("build/index.html", "<html>");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(top);
    return 0;
}

static bool serves(const struct static_files *files, const char *path, const char *text)
{
    struct static_answer answer;
    struct static_request request = {.path = path};

    return static_files_answer(files, &request, &answer) && answer.body->len == strlen(text) &&
           !memcmp(answer.body->data, text, strlen(text));
}

static struct static_files *load(const char *name)
{
    char error[512] = "";
    struct static_files *files = static_load(at(name), error, sizeof error);

    if (!files)
        fail_msg("%s", error);
    return files;
}

static void assert_refused(const char *folder, const char *reason)
{
    char error[512] = "";
    struct static_files *files = static_load(folder, error, sizeof error);

    assert_null(files);
    assert_int_equal(strncmp(error, "--static: ", 10), 0);
    assert_null(strchr(error, '\n'));
    if (!strstr(error, reason))
        fail_msg("\"%s\" does not say \"%s\"", error, reason);
}

static void everything_below_the_folder_is_taken(void **state)
{
    (void)state;
    put("build/assets/app.js", "app()");
    put("build/empty.txt", "");
    struct static_files *files = load("build");
    assert_true(serves(files, "/", "<html>"));
    assert_true(serves(files, "/assets/app.js", "app()"));
    assert_true(serves(files, "/empty.txt", ""));
    static_files_free(files);
    files = load("build/"); /* a slash at the end changes nothing */
    assert_true(serves(files, "/assets/app.js", "app()"));
    static_files_free(files);
}

static void hidden_files_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("build/.git"), 0755), 0);
    put("build/.git/config", "hidden");
    put("build/.env", "hidden");
    struct static_files *files = load("build");
    assert_false(serves(files, "/.git/config", "hidden"));
    assert_false(serves(files, "/.env", "hidden"));
    static_files_free(files);
}

static void links_lead_to_files_inside_only(void **state)
{
    (void)state;
    put("build-2", "next to it");
    assert_int_equal(symlink("index.html", at("build/inside.html")), 0);
    assert_int_equal(symlink("../secret.txt", at("build/outside.txt")), 0);
    assert_int_equal(symlink(at("build-2"), at("build/beside.txt")), 0);
    assert_int_equal(symlink("..", at("build/up")), 0);
    assert_int_equal(symlink("assets", at("build/folder")), 0);
    put("build/assets/app.js", "app()");
    struct static_files *files = load("build");
    assert_true(serves(files, "/inside.html", "<html>"));
    assert_false(serves(files, "/outside.txt", "secret"));
    assert_false(serves(files, "/beside.txt", "next to it"));
    assert_false(serves(files, "/up/secret.txt", "secret"));
    assert_false(serves(files, "/folder/app.js", "app()"));
    static_files_free(files);
}

static void what_is_no_regular_file_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(at("build/pipe"), 0644), 0);
    struct static_files *files = load("build");
    assert_false(serves(files, "/pipe", ""));
    static_files_free(files);
}

static void what_cannot_be_served_stops_the_start(void **state)
{
    (void)state;
    assert_refused(at("nothing"), "No such file or directory");
    assert_refused(at("build/index.html"), "is no folder");
    assert_refused(at("build/assets"), "has no index.html");
    assert_refused("/", "give the folder");
    assert_int_equal(symlink("nowhere", at("build/broken")), 0);
    assert_refused(at("build"), "build/broken");
}

static void a_folder_that_is_too_large_stops_the_start(void **state)
{
    (void)state;
    put("build/large", "");
    assert_int_equal(truncate(at("build/large"), (off_t)STATIC_BYTES_MAX + 1), 0);
    assert_refused(at("build"), "64 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_below_the_folder_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(hidden_files_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(links_lead_to_files_inside_only, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_served_stops_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_too_large_stops_the_start, setup, teardown),
    };

    return cmocka_run_group_tests_name("static_load", tests, NULL, NULL);
}
