/*
 * The user record: json_text checks it and keeps its bytes, json-c reads the three fields the gateway
 * understands.
 */
#include "common/user.h"

#include "common/alloc.h"
#include "common/json_text.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <string.h>

static bool text_within(struct json_object *value, size_t max)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    int len = json_object_get_string_len(value);
    return len >= 1 && (size_t)len <= max;
}

/* How many members all objects of a tree have together. */
static size_t count_members(struct json_object *value)
{
    size_t count = 0;

    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            count += count_members(json_object_array_get_idx(value, i));
    } else if (json_object_is_type(value, json_type_object)) {
        struct json_object_iterator at = json_object_iter_begin(value);
        const struct json_object_iterator end = json_object_iter_end(value);

        for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
            count += 1 + count_members(json_object_iter_peek_value(&at));
    }
    return count;
}

static const char *check_fields(struct json_object *record, enum user_status *status)
{
    struct json_object *status_value = json_object_object_get(record, "status");

    if (!text_within(json_object_object_get(record, "id"), USER_ID_MAX))
        return "\"id\" must be a string of 1 to 128 bytes";
    if (!text_within(json_object_object_get(record, "name"), USER_NAME_MAX))
        return "\"name\" must be a string of 1 to 256 bytes";
    const char *word =
        json_object_is_type(status_value, json_type_string) ? json_object_get_string(status_value) : "";
    if (!strcmp(word, "boarding"))
        *status = USER_BOARDING;
    else if (!strcmp(word, "exiting"))
        *status = USER_EXITING;
    else
        return "\"status\" must be \"boarding\" or \"exiting\"";
    return NULL;
}

static const char *check_record(struct json_slice record, size_t max_bytes, enum user_status *status)
{
    if (record.len > max_bytes)
        return "the user record is too large";
    if (!json_text_valid(record.at, record.len, USER_DEPTH_MAX))
        return "the message is not valid JSON, or is nested too deep";
    if (json_text_type(record) != '{')
        return "the message must be a JSON object";
    if (json_text_has_nul(record)) /* json-c's names end there */
        return "the user record must not hold NUL characters";
    if (json_text_has_lone_surrogate(record))
        return "the user record must not hold one half of a surrogate pair";
    if (json_text_has_number_beyond_double(record))
        return "the user record must not hold a number beyond the range of a double";

    const char *error = "the server is out of memory";
    struct json_tokener *tokener = json_tokener_new_ex(USER_DEPTH_MAX + 1);
    struct json_object *tree = tokener ? json_tokener_parse_ex(tokener, record.at, (int)record.len) : NULL;
    if (tree) /* of a name that comes twice in an object json-c keeps one */
        error = count_members(tree) < json_text_count_members(record)
                    ? "the user record must not name a member twice"
                    : check_fields(tree, status);
    json_object_put(tree);
    if (tokener)
        json_tokener_free(tokener);
    return error;
}

int user_parse(const char *text, size_t len, size_t max_bytes, struct user *user, const char **error)
{
    struct json_slice record = json_text_trim(text, len);
    enum user_status status = USER_BOARDING;
    const char *wrong = check_record(record, max_bytes, &status);

    if (wrong) {
        *error = wrong;
        return -1;
    }
    struct blob *json = blob_new(record.at, record.len);

    if (!json) {
        *error = "the server is out of memory";
        return -1;
    }
    *user = (struct user){.status = status, .json = json};
    user_id(json, user->id);
    return 0;
}

enum { ID_LEN_BITS = 8 };

/* Where the id stands in the bytes, and how long it is, in one number; 0: nowhere, or with escapes. It is
 * looked for once: each thread that asks finds the same. */
static unsigned find_id(const struct blob *json)
{
    const struct json_slice id = json_text_member((struct json_slice){json->data, json->len}, "id");

    if (json_text_type(id) != '"' || id.len - 2 > USER_ID_MAX || memchr(id.at, '\\', id.len) ||
        (size_t)(id.at - json->data) > UINT32_MAX >> ID_LEN_BITS)
        return 0;
    return (unsigned)(id.at + 1 - json->data) << ID_LEN_BITS | (unsigned)(id.len - 2);
}

void user_id(const struct blob *json, char id[USER_ID_MAX + 1])
{
    atomic_uint *found = &((struct blob *)json)->found;
    unsigned place = atomic_load_explicit(found, memory_order_relaxed);
    struct json_slice record = {json->data, json->len};

    if (place == 0) {
        place = find_id(json);
        atomic_store_explicit(found, place, memory_order_relaxed);
    }
    if (place != 0) {
        memcpy(id, json->data + (place >> ID_LEN_BITS), place % (1 << ID_LEN_BITS));
        id[place % (1 << ID_LEN_BITS)] = '\0';
    } else if (json_text_copy(json_text_member(record, "id"), id, USER_ID_MAX + 1) != 0) {
        id[0] = '\0';
    }
}

uint32_t user_mark(const struct blob *json)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(json->data, json->len, digest, NULL, EVP_sha1(), NULL))
        alloc_failed();
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
}

bool user_is(const struct user *user, const char *id)
{
    struct json_slice record = {user->json->data, user->json->len};

    return json_text_equals(json_text_member(record, "id"), id);
}
