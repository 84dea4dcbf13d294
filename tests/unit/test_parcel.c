/*
 * Parcels: that all of one comes, in order and once, in pieces of any size, and that what is shared is not
 * copied.
 */
#include "gateway/net/parcel.h"

#include "common/blob.h"
#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_comes(struct parcel *parcel, size_t piece, const char *expected)
{
    struct buf got;
    size_t n;

    buf_init(&got, 1000);
    assert_int_equal(parcel_len(parcel), strlen(expected));
    while (parcel_left(parcel)) {
        const char *bytes = parcel_next(parcel, piece, &n);

        assert_in_range(n, 1, piece);
        assert_int_equal(buf_append(&got, bytes, n), 0);
        parcel_sent(parcel, n);
    }
    parcel_next(parcel, piece, &n);
    assert_int_equal(n, 0);
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.data, expected, got.len);
    buf_deinit(&got);
    parcel_free(parcel);
}

static void it_comes_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct blob *shared = blob_new("shared", 6);

    for (size_t piece = 1; piece < 20; piece++) {
        assert_comes(parcel_new(NULL, "head ", 5, shared, " tail", 5), piece, "head shared tail");
        assert_comes(parcel_new(NULL, NULL, 0, shared, NULL, 0), piece, "shared");
        assert_comes(parcel_new(NULL, "head", 4, NULL, "tail", 4), piece, "headtail");
        assert_comes(parcel_new(NULL, NULL, 0, NULL, NULL, 0), piece, "");
    }
    blob_unref(shared);
}

static void what_is_shared_is_there_once(void **state)
{
    (void)state;
    struct blob *shared = blob_new("shared", 6);
    struct parcel *parcel = parcel_new(NULL, "head", 4, shared, NULL, 0);
    size_t n;

    assert_int_equal(shared->refs, 2);
    parcel_sent(parcel, 5);
    assert_ptr_equal(parcel_next(parcel, 100, &n), shared->data + 1);
    assert_int_equal(n, 5);
    parcel_free(parcel);
    assert_int_equal(shared->refs, 1);
    blob_unref(shared);
    parcel_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_in_pieces_of_any_size),
        cmocka_unit_test(what_is_shared_is_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
