/*
 * Shared immutable bytes: the copy, the count, and the count under several threads.
 */
#include "common/blob.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_blob_is_a_copy_with_one_reference_and_a_nul(void **state)
{
    char text[] = "a\0b";

    (void)state;
    struct blob *blob = blob_new(text, 3);
    assert_non_null(blob);
    text[0] = 'x';
    assert_int_equal(atomic_load(&blob->refs), 1);
    assert_int_equal(blob->len, 3);
    assert_memory_equal(blob->data, "a\0b", 4);
    blob_unref(blob);
}

static void an_empty_blob_holds_only_the_nul(void **state)
{
    (void)state;
    struct blob *blob = blob_new(NULL, 0);
    assert_non_null(blob);
    assert_int_equal(blob->len, 0);
    assert_int_equal(blob->data[0], '\0');
    blob_unref(blob);
}

static void a_length_beyond_memory_fails(void **state)
{
    (void)state;
    assert_null(blob_new("x", SIZE_MAX));
    assert_null(blob_new("x", SIZE_MAX - sizeof(struct blob)));
}

static void the_bytes_live_until_the_last_reference_goes(void **state)
{
    (void)state;
    struct blob *blob = blob_new("abc", 3);
    assert_ptr_equal(blob_ref(blob), blob);
    assert_int_equal(atomic_load(&blob->refs), 2);
    blob_unref(blob);
    assert_int_equal(atomic_load(&blob->refs), 1);
    assert_string_equal(blob->data, "abc");
    blob_unref(blob);
}

static void dropping_null_is_harmless(void **state)
{
    (void)state;
    blob_unref(NULL);
}

/* Adds and drops references, then drops the one it was given. */
static void *hold_and_drop(void *arg)
{
    struct blob *blob = arg;

    for (int i = 0; i < 20000; i++)
        blob_unref(blob_ref(blob));
    blob_unref(blob);
    return NULL;
}

static void threads_can_share_a_blob(void **state)
{
    pthread_t threads[4];

    (void)state;
    struct blob *blob = blob_new("shared", 6);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, blob_ref(blob)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&blob->refs), 1);
    assert_string_equal(blob->data, "shared");
    blob_unref(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_is_a_copy_with_one_reference_and_a_nul),
        cmocka_unit_test(an_empty_blob_holds_only_the_nul),
        cmocka_unit_test(a_length_beyond_memory_fails),
        cmocka_unit_test(the_bytes_live_until_the_last_reference_goes),
        cmocka_unit_test(dropping_null_is_harmless),
        cmocka_unit_test(threads_can_share_a_blob),
    };

    return cmocka_run_group_tests_name("blob", tests, NULL, NULL);
}
