/*
 * Random identifiers: their letters, their spread, and the evenness of bounded numbers.
 */
#include "common/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

static void an_id_has_the_letters_asked_for_and_a_nul(void **state)
{
    char id[ID_LEN + 2];

    (void)state;
    memset(id, '#', sizeof id);
    id_make(id, ID_LEN);
    assert_int_equal(strlen(id), ID_LEN);
    assert_int_equal(strspn(id, alphabet), ID_LEN);
    assert_int_equal(id[ID_LEN + 1], '#');

    id_make(id, 0);
    assert_string_equal(id, "");
}

static void every_letter_of_the_alphabet_occurs_about_equally(void **state)
{
    enum { LETTERS = 64000 };
    static char id[LETTERS + 1];
    int count[256] = {0};

    (void)state;
    id_make(id, LETTERS);
    for (int i = 0; i < LETTERS; i++)
        count[(unsigned char)id[i]]++;
    /* 1000 expected, standard deviation 31: eight of them either way. */
    for (const char *letter = alphabet; *letter; letter++)
        assert_in_range(count[(unsigned char)*letter], 750, 1250);
}

static void two_ids_differ(void **state)
{
    char a[ID_LEN + 1], b[ID_LEN + 1];

    (void)state;
    id_make(a, ID_LEN);
    id_make(b, ID_LEN);
    assert_string_not_equal(a, b);
}

static void numbers_stay_below_the_bound_and_reach_all_of_it(void **state)
{
    int count[3] = {0};

    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint32_t n = id_random_below(3);

        assert_in_range(n, 0, 2);
        count[n]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(count[i], 750, 1250);
    assert_int_equal(id_random_below(1), 0);
}

/* Without drawing again, a bound of 3 * 2^30 would give the first third twice as often as the others. */
static void a_large_bound_is_even_too(void **state)
{
    const uint32_t bound = UINT32_C(3) << 30;
    int low = 0;

    (void)state;
    for (int i = 0; i < 3000; i++)
        low += id_random_below(bound) < bound / 3;
    assert_in_range(low, 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_has_the_letters_asked_for_and_a_nul),
        cmocka_unit_test(every_letter_of_the_alphabet_occurs_about_equally),
        cmocka_unit_test(two_ids_differ),
        cmocka_unit_test(numbers_stay_below_the_bound_and_reach_all_of_it),
        cmocka_unit_test(a_large_bound_is_even_too),
    };

    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
