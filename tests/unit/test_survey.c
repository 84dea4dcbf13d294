/*
 * What is passed on as what a gateway says of itself.
 */
#include "broker/redis/survey.h"

#include "broker/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool takes(const char *about)
{
    return survey_takes((struct json_slice){about, strlen(about)});
}

static void objects_are_taken(void **state)
{
    (void)state;
    assert_true(takes("{}"));
    assert_true(takes(" {\"node\":\"a\",\"clients\":1,\"more\":[{\"x\":null}]}\n"));
    assert_true(takes("{\"node\":\"\xea\xb0\x80\"}"));
}

static void what_is_no_object_is_left_out(void **state)
{
    static const char *const not [] = {"",
                                       " ",
                                       "[]",
                                       "[{}]",
                                       "1",
                                       "\"{}\"",
                                       "null",
                                       "{",
                                       "}",
                                       "{}{}",
                                       "{},{}",
                                       "{\"a\"}",
                                       "{'a':1}",
                                       "{\"a\":1}]",
                                       "{,}",
                                       "{}x",
                                       "{\"a\":\"\xff\"}",
                                       "{\"a\":\"\n\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (takes(not [i]))
            fail_msg("%s is taken", not [i]);
    assert_false(survey_takes((struct json_slice){"{}\0", 3}));
}

static void what_is_too_large_or_too_deep_is_left_out(void **state)
{
    char about[ABOUT_MAX + 2];

    (void)state;
    snprintf(about, sizeof about, "{%*s}", ABOUT_MAX - 2, "");
    assert_true(takes(about));
    snprintf(about, sizeof about, "{%*s}", ABOUT_MAX - 1, "");
    assert_false(takes(about));
    assert_true(takes("{\"a\":[[[[[[1]]]]]]}"));
    assert_false(takes("{\"a\":[[[[[[[[1]]]]]]]]}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_taken),
        cmocka_unit_test(what_is_no_object_is_left_out),
        cmocka_unit_test(what_is_too_large_or_too_deep_is_left_out),
    };

    return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
