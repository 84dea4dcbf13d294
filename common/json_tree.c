/* JSON as a tree: see json_tree.h. */
#include "common/json_tree.h"

#include "common/alloc.h"
#include "common/json_text.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

/* How many members an object has; SIZE_MAX: some name holds a NUL, where json-c would end it. */
static size_t count_members(struct json_slice object)
{
    struct json_slice name, value;
    size_t cursor = 0;
    size_t count = 0;

    for (; json_text_next_member(object, &cursor, &name, &value); count++)
        if (json_text_has_nul(name))
            return SIZE_MAX;
    return count;
}

struct json_object *json_tree_read(const char *text, size_t len, unsigned depth, size_t members)
{
    struct json_slice object = json_text_trim(text, len);

    if (!json_text_valid(object.at, object.len, depth) || json_text_type(object) != '{' ||
        json_text_has_lone_surrogate(object) || object.len > INT_MAX)
        return NULL;
    size_t count = count_members(object);

    if (count > members)
        return NULL;
    struct json_tokener *tokener = json_tokener_new_ex((int)depth + 1);

    if (!tokener)
        alloc_failed();
    struct json_object *tree = json_tokener_parse_ex(tokener, object.at, (int)object.len);

    json_tokener_free(tokener);
    if (tree && (size_t)json_object_object_length(tree) != count) { /* of one name it keeps the last */
        json_object_put(tree);
        tree = NULL;
    }
    return tree;
}

const char *json_tree_string(struct json_object *value, size_t max)
{
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    size_t len = (size_t)json_object_get_string_len(value);

    return len <= max && !memchr(text, '\0', len) ? text : NULL;
}

bool json_tree_is(struct json_object *value, const char *text)
{
    const char *string = json_tree_string(value, SIZE_MAX);

    return string && strcmp(string, text) == 0;
}

int json_tree_print(struct json_object *tree, struct buf *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    if (!text)
        alloc_failed();
    int failed = buf_append(out, text, len);

    json_object_put(tree);
    return failed;
}
