/*
 * The user record: json_text checks it and keeps its bytes, json-c reads the three fields the gateway
 * understands.
 */
#include "common/user.h"

#include "common/json_text.h"

#include <json-c/json.h>
#include <string.h>

static bool text_within(struct json_object *value, size_t max)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    int len = json_object_get_string_len(value);
    return len >= 1 && (size_t)len <= max;
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

    const char *error = "the server is out of memory";
    struct json_tokener *tokener = json_tokener_new_ex(USER_DEPTH_MAX + 1);
    struct json_object *tree = tokener ? json_tokener_parse_ex(tokener, record.at, (int)record.len) : NULL;
    if (tree)
        error = check_fields(tree, status);
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
    return 0;
}

bool user_is(const struct user *user, const char *id)
{
    struct json_slice record = {user->json->data, user->json->len};
    struct json_slice name, value;
    size_t cursor = 0;
    bool is = *id != '\0';

    while (json_text_next_member(record, &cursor, &name, &value))
        if (json_text_equals(name, "id") && !json_text_equals(value, id))
            is = false;
    return is;
}
