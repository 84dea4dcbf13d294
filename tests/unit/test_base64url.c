/*
 * Base64url: one text for any bytes, and nothing else.
 */
#include "gateway/auth/base64url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_decodes(const char *text, const char *bytes, size_t len)
{
    struct buf out;

    buf_init(&out, 100);
    assert_int_equal(base64url_decode(text, strlen(text), &out), 0);
    assert_int_equal(out.len, len);
    if (len)
        assert_memory_equal(out.data, bytes, len);
    buf_deinit(&out);
}

static void assert_refused(const char *text, size_t len)
{
    struct buf out;

    buf_init(&out, 100);
    assert_int_equal(base64url_decode(text, len, &out), -1);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

/* RFC 4648 section 10, without the padding. */
static void it_decodes_the_vectors(void **state)
{
    (void)state;
    assert_decodes("", "", 0);
    assert_decodes("Zg", "f", 1);
    assert_decodes("Zm8", "fo", 2);
    assert_decodes("Zm9v", "foo", 3);
    assert_decodes("Zm9vYg", "foob", 4);
    assert_decodes("Zm9vYmE", "fooba", 5);
    assert_decodes("Zm9vYmFy", "foobar", 6);
    assert_decodes("-_-_", "\xfb\xff\xbf", 3);
}

static void it_refuses_everything_else(void **state)
{
    static const char *const others[] = {"Zg==",   "Zm8=", "Zm9v=", "Zm9vY",  "Z",     "+/+/", "Zm 9v",
                                         "Zm9v\n", "Zh",   "Zm9",   "Zm9vYm", "Zm9v.", "=",    "\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(others[i], strlen(others[i]));
    assert_refused("Zm\0v", 4);
}

static void it_stops_at_the_ceiling(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 5);
    assert_int_equal(base64url_decode("Zm9v", 4, &out), 0);
    assert_int_equal(base64url_decode("Zm9v", 4, &out), -1);
    assert_int_equal(out.len, 3);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_decodes_the_vectors),
        cmocka_unit_test(it_refuses_everything_else),
        cmocka_unit_test(it_stops_at_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
