/*
 * Passwords from files: what is read, and what stops the start without a word of what the file holds.
 */
#include "broker/redis/redis_password.h"

#include "tests/lib/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char folder[FOLDER_SIZE];

static int setup(void **state)
{
    (void)state;
    folder_make(folder, "password");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

/* A URL with the file `name` of the folder, read; `url` is the caller's to free. */
static int read_from(const char *name, struct redis_url *url, char *error, size_t error_size)
{
    char text[FOLDER_SIZE + 64];

    snprintf(text, sizeof text, "redis://ann@h?password_file=%s/%s", folder, name);
    assert_int_equal(redis_url_parse(text, url, error, error_size), 0);
    return redis_password_read(&url->login, error, error_size);
}

static void expect(const char *content, const char *password)
{
    struct redis_url url;
    char error[256] = "";

    folder_put(folder, "good", content);
    if (read_from("good", &url, error, sizeof error) != 0)
        fail_msg("%s", error);
    assert_string_equal(url.login.user, "ann");
    assert_string_equal(url.login.password, password);
    redis_url_deinit(&url);
}

static void expect_refused(const char *name, const char *word)
{
    struct redis_url url;
    char error[256] = "";

    assert_int_equal(read_from(name, &url, error, sizeof error), -1);
    if (!strstr(error, word) || !strstr(error, name))
        fail_msg("\"%s\" does not say \"%s\" of %s", error, word, name);
    assert_null(strstr(error, "hunter2"));
    assert_null(url.login.password);
    redis_url_deinit(&url);
}

static void a_file_holds_a_password_and_perhaps_a_line_end(void **state)
{
    (void)state;
    expect("hunter2", "hunter2");
    expect("hunter2\n", "hunter2");
    expect("hunter2\r\n\n", "hunter2");
    expect(" hunter2 %40 ", " hunter2 %40 ");
    expect("\nhunter2", "\nhunter2");
}

static void a_file_without_a_password_is_refused(void **state)
{
    char text[REDIS_PASSWORD_MAX + 2];

    (void)state;
    expect_refused("missing", "No such file");
    expect_refused(".", "directory");
    folder_put(folder, "empty", "");
    expect_refused("empty", "must hold the password");
    folder_put(folder, "line", "\n\r\n");
    expect_refused("line", "must hold the password");
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "hunter2", 7);
    text[sizeof text - 1] = '\0';
    folder_put(folder, "large", text);
    expect_refused("large", "at most 4096 bytes");
    text[sizeof text - 2] = '\0';
    expect(text, text);
}

static void no_file_is_no_password(void **state)
{
    struct redis_url url;
    char error[256] = "";

    (void)state;
    assert_int_equal(redis_url_parse("redis://:hunter2@h", &url, error, sizeof error), 0);
    assert_int_equal(redis_password_read(&url.login, error, sizeof error), 0);
    assert_string_equal(url.login.password, "hunter2");
    assert_int_equal(redis_password_read(&url.sentinel_login, error, sizeof error), 0);
    assert_null(url.sentinel_login.password);
    redis_url_deinit(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_a_password_and_perhaps_a_line_end),
        cmocka_unit_test(a_file_without_a_password_is_refused),
        cmocka_unit_test(no_file_is_no_password),
    };

    return cmocka_run_group_tests_name("redis_password", tests, setup, teardown);
}
