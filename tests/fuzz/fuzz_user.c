/*
 * User records and JSON from a hostile client. What is taken means the same to json-c and to json_text, and
 * is kept byte for byte; whatever the bytes, valid or not, stepping through them ends and stays inside.
 */
#include "tests/fuzz/fuzz.h"

#include "common/json_text.h"
#include "common/json_tree.h"
#include "common/user.h"

#include <json-c/json_object.h>

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
    free(copy);
    return 0;
}
