/*
 * JSON as a tree: what is read, what is not since the tree would hold something else, and printing.
 */
#include "common/json_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json_object.h>

enum { DEPTH = 3, MEMBERS = 4 };

/* From memory that ends where the text ends. */
static struct json_object *read_text(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    struct json_object *tree = json_tree_read(copy, len, DEPTH, MEMBERS);

    free(copy);
    return tree;
}

static void assert_read(const char *text)
{
    struct json_object *tree = read_text(text);

    if (!tree)
        fail_msg("%s is not read", text);
    json_object_put(tree);
}

static void assert_refused(const char *text)
{
    if (read_text(text))
        fail_msg("%s is read", text);
}

static void objects_of_strict_json_are_read(void **state)
{
    (void)state;
    assert_read(" {}\n");
    assert_read("{\"a\":[{}],\"b\":null,\"c\":1e400,\"d\":99999999999999999999}");
    assert_refused("");
    assert_refused("[]");
    assert_refused("\"a\"");
    assert_refused("{\"a\":01}");
    assert_refused("{\"a\":NaN}");
    assert_refused("{'a':1}");
    assert_refused("{\"a\":\"\t\"}");
    assert_refused("{}{}");
    assert_refused("{\"a\":[[[]]]}");
}

static void no_name_comes_twice(void **state)
{
    (void)state;
    assert_read("{\"a\":1,\"b\":{\"a\":1,\"a\":2},\"A\":3,\"\":4}");
    assert_refused("{\"a\":1,\"b\":2,\"a\":3}");
    assert_refused("{\"\":1,\"\":2}");
    assert_refused("{\"a/b\":1,\"\\u0061\\/b\":2}");
    assert_refused("{\"\xc3\xa9\":1,\"\\u00e9\":2}");
}

static void members_are_so_many_at_most(void **state)
{
    (void)state;
    assert_read("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
    assert_refused("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}");
}

static void what_the_tree_would_change_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"a\\u0000\":1}");
    assert_read("{\"a\":\"\\u0000\",\"b\":{\"a\\u0000\":1}}");
    assert_refused("{\"a\":[\"\\ud800\"]}");
    assert_refused("{\"\\udc00\":1}");
    assert_read("{\"a\":\"\\ud83d\\ude00\"}");
}

static void strings_are_told_from_anything_else(void **state)
{
    struct json_object *tree = read_text("{\"a\":\"abc\",\"b\":\"a\\u0000\",\"c\":7,\"d\":\"\"}");
    struct json_object *a = json_object_object_get(tree, "a"), *b = json_object_object_get(tree, "b");

    (void)state;
    assert_string_equal(json_tree_string(a, 3), "abc");
    assert_null(json_tree_string(a, 2));
    assert_null(json_tree_string(b, 3));
    assert_null(json_tree_string(json_object_object_get(tree, "c"), 3));
    assert_null(json_tree_string(NULL, 3));
    assert_string_equal(json_tree_string(json_object_object_get(tree, "d"), 0), "");
    assert_true(json_tree_is(a, "abc"));
    assert_false(json_tree_is(a, "ab"));
    assert_false(json_tree_is(b, "a"));
    assert_false(json_tree_is(json_object_object_get(tree, "c"), "7"));
    json_object_put(tree);
}

static void a_tree_is_printed_in_its_order_or_not_at_all(void **state)
{
    static const char text[] = "{\"z\":\"/\\\"\",\"a\":[1,null,0.25]}";
    struct buf out;

    (void)state;
    for (size_t max = 0; max < sizeof text - 1; max++) {
        buf_init(&out, max);
        assert_int_equal(json_tree_print(read_text(text), &out), -1);
        assert_int_equal(out.len, 0);
        buf_deinit(&out);
    }
    buf_init(&out, sizeof text - 1);
    assert_int_equal(json_tree_print(read_text(text), &out), 0);
    assert_int_equal(out.len, sizeof text - 1);
    assert_memory_equal(out.data, text, out.len);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_strict_json_are_read),
        cmocka_unit_test(no_name_comes_twice),
        cmocka_unit_test(members_are_so_many_at_most),
        cmocka_unit_test(what_the_tree_would_change_is_refused),
        cmocka_unit_test(strings_are_told_from_anything_else),
        cmocka_unit_test(a_tree_is_printed_in_its_order_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
