/*
 * Patterns of rides.
 */
#include "gateway/rides/ride_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_pattern_matches_the_whole_name(void **state)
{
    (void)state;
    assert_true(ride_list_has("/line-7", "/line-7"));
    assert_false(ride_list_has("/line-7", "/line-70"));
    assert_false(ride_list_has("/line-7", "/x/line-7"));
    assert_false(ride_list_has("line-7", "/line-7"));
    assert_false(ride_list_has("/line-7", "/"));
}

static void a_star_stands_for_any_run_of_characters(void **state)
{
    (void)state;
    assert_true(ride_list_has("*", "/"));
    assert_true(ride_list_has("/line-*", "/line-"));
    assert_true(ride_list_has("/line-*", "/line-7/north"));
    assert_true(ride_list_has("/*/north", "/a/north/b/north"));
    assert_true(ride_list_has("/a*b*c", "/axxbxxbc"));
    assert_false(ride_list_has("/a*b*c", "/axxbxxb"));
    assert_false(ride_list_has("/*/north", "/north"));
    assert_false(ride_list_has("/line-*", "/lin"));
}

static void one_of_several_is_enough(void **state)
{
    (void)state;
    assert_true(ride_list_has("/a, /b /c-*", "/c-1"));
    assert_true(ride_list_has(" ,/a", "/a"));
    assert_false(ride_list_has("/a, /b /c-*", "/d"));
    assert_false(ride_list_has("", "/"));
    assert_false(ride_list_has(" , ", "/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_whole_name),
        cmocka_unit_test(a_star_stands_for_any_run_of_characters),
        cmocka_unit_test(one_of_several_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
