/*
 * Prints what json-c makes of JSON texts: see readers.mjs.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dump_string(const char *text, size_t len)
{
    putchar('"');
    for (size_t i = 0; i < len; i++)
        printf("%02x", (unsigned char)text[i]);
    putchar('"');
}

static void dump(struct json_object *value);

static void dump_object(struct json_object *object)
{
    const char *comma = "";
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);

    printf("{\"o\":[");
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);

        printf("%s[", comma);
        dump_string(name, strlen(name));
        putchar(',');
        dump(json_object_iter_peek_value(&at));
        putchar(']');
        comma = ",";
    }
    printf("]}");
}

static void dump_array(struct json_object *array)
{
    putchar('[');
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        printf("%s", i ? "," : "");
        dump(json_object_array_get_idx(array, i));
    }
    putchar(']');
}

static void dump(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        printf("null");
        break;
    case json_type_boolean:
        printf(json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_double:
        printf("{\"n\":\"%.17g\"}", json_object_get_double(value));
        break;
    case json_type_int:
        if (json_object_get_int64(value) < 0)
            printf("{\"n\":\"%lld\"}", (long long)json_object_get_int64(value));
        else
            printf("{\"n\":\"%llu\"}", (unsigned long long)json_object_get_uint64(value));
        break;
    case json_type_string:
        dump_string(json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    case json_type_array:
        dump_array(value);
        break;
    case json_type_object:
        dump_object(value);
    }
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        size_t len = strcspn(line, "\n") / 2;

        for (size_t i = 0; i < len; i++) {
            char digits[] = {line[2 * i], line[2 * i + 1], '\0'};

            line[i] = (char)strtoul(digits, NULL, 16);
        }
        line[len] = '\0';
        struct json_object *value = json_tokener_parse(line);

        if (!value) {
            fprintf(stderr, "json-c does not read %s\n", line);
            return EXIT_FAILURE;
        }
        dump(value);
        putchar('\n');
        json_object_put(value);
    }
    free(line);
    return EXIT_SUCCESS;
}
