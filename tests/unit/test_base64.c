/*
 * Base64: as browsers write it, and as tokens must.
 */
#include "common/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_decodes(enum base64_form form, const char *text, const char *bytes)
{
    /* No larger than it must be. */
    size_t n, len = strlen(text);
    char *out = malloc(BASE64_BYTES(len));

    assert_non_null(out);
    assert_int_equal(base64_decode(form, text, len, out, &n), 0);
    assert_int_equal(n, strlen(bytes));
    assert_memory_equal(out, bytes, n);
    free(out);
}

static void assert_refused(enum base64_form form, const char *text, size_t len)
{
    char out[16];
    size_t n;

    if (base64_decode(form, text, len, out, &n) == 0)
        fail_msg("%s is taken", text);
}

/* RFC 4648 section 10. */
static void it_decodes_the_vectors(void **state)
{
    static const char *const vectors[][3] = {
        {"", "", ""},
        {"Zg", "Zg==", "f"},
        {"Zm8", "Zm8=", "fo"},
        {"Zm9v", "Zm9v", "foo"},
        {"Zm9vYg", "Zm9vYg==", "foob"},
        {"Zm9vYmE", "Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "Zm9vYmFy", "foobar"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_decodes(BASE64_URL, vectors[i][0], vectors[i][2]);
        assert_decodes(BASE64, vectors[i][0], vectors[i][2]);
        assert_decodes(BASE64, vectors[i][1], vectors[i][2]);
    }
    assert_decodes(BASE64_URL, "-_-_", "\xfb\xff\xbf");
    assert_decodes(BASE64, "+/+/", "\xfb\xff\xbf");
}

static void base64url_is_nothing_else(void **state)
{
    static const char *const others[] = {"Zg==",   "Zm8=", "Zm9v=", "Zm9vY",  "Z",     "+/+/", "Zm 9v",
                                         "Zm9v\n", "Zh",   "Zm9",   "Zm9vYm", "Zm9v.", "=",    "\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(BASE64_URL, others[i], strlen(others[i]));
    assert_refused(BASE64_URL, "Zm\0v", 4);
}

static void base64_is_taken_as_browsers_take_it(void **state)
{
    static const char *const others[] = {
        "Zm8==", "Zg=", "Z===", "====", "Zg==Zg==", "Z", "-_-_", "Zm 9v", "Zm9v\n"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(BASE64, others[i], strlen(others[i]));
    assert_decodes(BASE64, "Zh==", "f");
    assert_decodes(BASE64, "Zm9", "fo");
}

static void it_decodes_where_the_text_lies(void **state)
{
    char text[] = "Zm9vYmFy";
    size_t n;

    (void)state;
    assert_int_equal(base64_decode(BASE64, text, 8, text, &n), 0);
    assert_int_equal(n, 6);
    assert_memory_equal(text, "foobar", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_decodes_the_vectors),
        cmocka_unit_test(base64url_is_nothing_else),
        cmocka_unit_test(base64_is_taken_as_browsers_take_it),
        cmocka_unit_test(it_decodes_where_the_text_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
