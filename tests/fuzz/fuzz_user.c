/*
 * User records and JSON from a hostile client. What is taken means the same to json-c and to json_text, and
 * is kept byte for byte; a record is refused for a number, a name or a surrogate if and only if it has one;
 * whatever the bytes, valid or not, stepping through them ends and stays inside.
 */
#include "tests/fuzz/fuzz.h"

#include "common/json_text.h"
#include "common/json_tree.h"
#include "common/user.h"

#include <float.h>
#include <json-c/json_object.h>
#include <math.h>
#include <stdlib.h>

enum { RECORD_MAX = 1000 };

/* A string that could be unescaped says the same when it is quoted again. */
static void unescape(struct json_slice string, bool valid)
{
    struct buf plain, quoted, again;

    buf_init(&plain, string.len);
    buf_init(&quoted, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    if (!json_text_unescape(string, &plain) && valid) {
        CHECK(plain.len <= string.len);
        CHECK(!json_text_quote(plain.len ? plain.data : "", plain.len, &quoted));
        CHECK(json_text_valid(quoted.data, quoted.len, 0));
        CHECK(!json_text_unescape((struct json_slice){quoted.data, quoted.len}, &again));
        CHECK(again.len == plain.len && (!plain.len || !memcmp(again.data, plain.data, plain.len)));
    }
    buf_deinit(&plain);
    buf_deinit(&quoted);
    buf_deinit(&again);
}

/* How many values there are in it; each of a valid one is valid. */
static size_t walk(struct json_slice value, unsigned depth, bool valid)
{
    struct json_slice name, inner;
    size_t count = 1, cursor = 0;

    CHECK(!valid || json_text_valid(value.at, value.len, depth));
    if (json_text_type(value) == '"')
        unescape(value, valid);
    if (!depth)
        return count;
    while (json_text_next(value, &cursor, &inner))
        count += walk(inner, depth - 1, valid);
    while (json_text_next_member(value, &cursor, &name, &inner))
        count += walk(name, 0, valid) + walk(inner, depth - 1, valid);
    return count;
}

/* Whether a number is beyond what a double holds, judged by the C library: surely, or perhaps at a bound. */
static void judge_number(struct json_slice number, bool *surely, bool *perhaps)
{
    char *whole = fuzz_text(number.at, number.len);
    char *mantissa = fuzz_text(number.at, number.len);

    mantissa[strcspn(mantissa, "eE")] = '\0';
    bool zero = mantissa[strspn(mantissa, "-0.")] == '\0';
    const double values[] = {fabs(strtod(whole, NULL)), fabs(strtod(mantissa, NULL))};

    for (size_t i = 0; i < 2; i++) {
        *surely = *surely || isinf(values[i]) || (values[i] == 0 && !zero);
        *perhaps = *perhaps || values[i] >= DBL_MAX || values[i] <= DBL_TRUE_MIN;
    }
    free(whole);
    free(mantissa);
}

/* Whether an object of a valid text has a name twice; each name is compared with those before it. */
static bool names_twice(struct json_slice object)
{
    struct json_slice name, value, other;
    size_t cursor = 0;

    while (json_text_next_member(object, &cursor, &name, &value)) {
        struct buf plain;
        bool twice = false;

        buf_init(&plain, SIZE_MAX / 2);
        CHECK(!json_text_unescape(name, &plain) && !buf_append(&plain, "", 1));
        for (size_t at = 0; at < cursor && json_text_next_member(object, &at, &other, &value);)
            twice = twice || (other.at != name.at && json_text_equals(other, plain.data));
        buf_deinit(&plain);
        if (twice)
            return true;
    }
    return false;
}

struct findings {
    bool beyond, perhaps_beyond, twice;
};

static void look_through(struct json_slice value, struct findings *found)
{
    struct json_slice name, inner;
    size_t cursor = 0;

    if (json_text_type(value) == '-' || (json_text_type(value) >= '0' && json_text_type(value) <= '9'))
        judge_number(value, &found->beyond, &found->perhaps_beyond);
    while (json_text_next(value, &cursor, &inner))
        look_through(inner, found);
    found->twice = found->twice || names_twice(value);
    while (json_text_next_member(value, &cursor, &name, &inner))
        look_through(inner, found);
}

/* `error` NULL: the record was taken. */
static void check_reason(struct json_slice record, const char *error)
{
    struct findings found = {0};

    if (json_text_type(record) != '{' || record.len > RECORD_MAX || json_text_has_nul(record))
        return;
    bool lone = json_text_has_lone_surrogate(record);
    CHECK(lone == (error && strstr(error, "surrogate")));
    if (lone)
        return;
    look_through(record, &found);
    bool for_number = error && strstr(error, "double");
    bool for_name = error && strstr(error, "twice");
    CHECK(!found.beyond || for_number);
    CHECK(!for_number || found.perhaps_beyond);
    CHECK(for_name == (found.twice && !for_number));
}

static void check_user(const struct user *user, struct json_slice text)
{
    struct json_slice record = {user->json->data, user->json->len};
    const char *word = user->status == USER_BOARDING ? "boarding" : "exiting";
    struct user again;
    const char *error;

    CHECK(record.len == text.len && !memcmp(record.at, text.at, text.len));
    CHECK(json_text_type(json_text_member(record, "id")) == '"');
    CHECK(json_text_type(json_text_member(record, "name")) == '"');
    CHECK(json_text_equals(json_text_member(record, "status"), word));
    CHECK(!user_is(user, "") && !user_is(user, "nobody of the corpus"));
    CHECK(!user_parse(record.at, record.len, record.len, &again, &error));
    CHECK(again.status == user->status && blob_equal(again.json, user->json));
    CHECK(user->id[0] && !strcmp(user->id, again.id));
    blob_unref(again.json);
    CHECK(user_parse(record.at, record.len, record.len - 1, &again, &error));
}

/* What is read as a tree is strict JSON, says the same as the text, and can be printed. */
static void check_tree(struct json_slice text, bool valid)
{
    struct json_object *tree = json_tree_read(text.at, text.len, USER_DEPTH_MAX, 8);

    if (!tree)
        return;
    CHECK(valid);
    const char *id = json_tree_string(json_object_object_get(tree, "id"), SIZE_MAX);
    struct buf printed;

    CHECK(!id || json_text_equals(json_text_member(text, "id"), id));
    buf_init(&printed, SIZE_MAX / 2);
    CHECK(!json_tree_print(tree, &printed));
    buf_deinit(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    struct json_slice text = json_text_trim(copy, size);
    bool valid = json_text_valid(copy, size, USER_DEPTH_MAX);
    struct user user;
    const char *error = NULL;

    CHECK(walk(text, USER_DEPTH_MAX, valid) <= 2 * size + 1);
    check_tree(text, valid);
    if (!user_parse(copy, size, RECORD_MAX, &user, &error)) {
        CHECK(valid && text.len <= RECORD_MAX);
        check_user(&user, text);
        blob_unref(user.json);
    } else {
        CHECK(error);
    }
    if (valid)
        check_reason(text, error);
    free(copy);
    return 0;
}
