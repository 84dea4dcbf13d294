/* Whether the gateways agree on their options: see agreement.h. */
#include "gateway/pages/agreement.h"

#include "common/alloc.h"
#include "common/hash.h"
#include "common/json_tree.h"
#include "common/log.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_MAX = 64, OPTION_MAX = 40 };

/* A gateway whose option is another than this gateway's. */
struct difference {
    char where[OPTION_MAX + 1 + NODE_MAX + 1]; /* the option, a space, the node; the key */
    char value[AGREEMENT_VALUE_MAX + 1];
    bool heard; /* in this survey */
    UT_hash_handle hh;
};

/* --- this gateway's own --- */

static struct json_object *must(struct json_object *json)
{
    if (!json)
        alloc_failed();
    return json;
}

/* FNV-1a. */
static uint64_t fingerprint(const char *text)
{
    uint64_t hash = 14695981039346656037U;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash;
}

/* Texts are told by a fingerprint: whoever may ask /api/cluster need not know them. */
static struct json_object *value_of(const struct option_row *row, const struct config *config)
{
    const void *field = (const char *)config + row->offset;
    char text[AGREEMENT_VALUE_MAX + 1];

    switch (row->type) {
    case OPTION_UINT:
        return must(json_object_new_uint64(*(const uint64_t *)field));
    case OPTION_CHOICE:
        return must(json_object_new_string(row->choices[*(const int *)field]));
    case OPTION_STRING:
        break;
    }
    snprintf(text, sizeof text, "#%016" PRIx64, fingerprint(*(char *const *)field));
    return must(json_object_new_string(text));
}

void agreement_init(struct agreement *agreement, const struct config *config)
{
    *agreement = (struct agreement){.own = must(json_object_new_object())};
    for (size_t i = 0; i < config_program.row_count; i++) {
        const struct option_row *row = &config_program.rows[i];

        if (row->flags & OPTION_COMMON)
            json_object_object_add(agreement->own, row->name, value_of(row, config));
    }
}

static void forget(struct agreement *agreement, struct difference *difference)
{
    HASH_DEL(agreement->others, difference);
    free(difference);
}

void agreement_deinit(struct agreement *agreement)
{
    struct difference *difference, *next;

    HASH_ITER(hh, agreement->others, difference, next)
    forget(agreement, difference);
    json_object_put(agreement->own);
    json_object_put(agreement->told);
}

/* --- what the others say --- */

void agreement_begin(struct agreement *agreement)
{
    json_object_put(agreement->told);
    agreement->told = must(json_object_new_object());
}

/* A whole number, or text of a bounded length. NULL: something else. */
static const char *value_text(struct json_object *value)
{
    if (json_object_is_type(value, json_type_int))
        return json_object_get_string(value);
    return json_tree_string(value, AGREEMENT_VALUE_MAX);
}

/* The member, made where it is missing. */
static struct json_object *member(struct json_object *object, const char *name,
                                  struct json_object *(*make)(void))
{
    struct json_object *found = json_object_object_get(object, name);

    if (!found) {
        found = must(make());
        json_object_object_add(object, name, found);
    }
    return found;
}

/* Only options that this gateway has: so there are few, whatever others say. */
void agreement_hear(struct agreement *agreement, struct json_object *about)
{
    const char *node = json_tree_string(json_object_object_get(about, "node"), NODE_MAX);
    struct json_object *options = json_object_object_get(about, "options");

    if (!node || !json_object_is_type(options, json_type_object))
        return;
    json_object_object_foreach(agreement->own, option, mine)
    {
        const char *value = value_text(json_object_object_get(options, option));

        if (!value)
            continue;
        struct json_object *values = member(agreement->told, option, json_object_new_object);

        json_object_array_add(member(values, value, json_object_new_array),
                              must(json_object_new_string(node)));
    }
}

/* --- the log --- */

static struct difference *find(const struct agreement *agreement, const char *where)
{
    struct difference *found;

    HASH_FIND_STR(agreement->others, where, found);
    return found;
}

static bool differs(struct agreement *agreement, const char *where, const char *value)
{
    struct difference *difference = find(agreement, where);

    if (difference && (difference->heard || strcmp(difference->value, value) == 0)) {
        difference->heard = true; /* two of one name: the first that was heard counts */
        return false;
    }
    if (!difference) {
        difference = alloc_zeroed(sizeof *difference);
        snprintf(difference->where, sizeof difference->where, "%s", where);
        HASH_ADD_STR(agreement->others, where, difference);
    }
    snprintf(difference->value, sizeof difference->value, "%s", value);
    difference->heard = true;
    return true;
}

static bool agrees_again(struct agreement *agreement, const char *where)
{
    struct difference *difference = find(agreement, where);

    if (!difference || difference->heard)
        return false;
    forget(agreement, difference);
    return true;
}

/* All that say `value`. `mine`: what this gateway has. */
static void compare(struct agreement *agreement, const char *option, const char *value,
                    struct json_object *nodes, const char *mine, size_t *lines)
{
    bool same = strcmp(value, mine) == 0;

    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        const char *node = json_object_get_string(json_object_array_get_idx(nodes, i));
        char where[OPTION_MAX + 1 + NODE_MAX + 1];

        snprintf(where, sizeof where, "%s %s", option, node);
        bool news = same ? agrees_again(agreement, where) : differs(agreement, where, value);

        if (!news || ++*lines > AGREEMENT_LINES_MAX)
            continue;
        if (same)
            log_info("cluster", "gateway %s agrees again on --%s", node, option);
        else
            log_warn("cluster", "gateway %s has --%s %s, this one %s; give all of them the same", node,
                     option, value, mine);
    }
}

/* What is the same is compared last, so that it is known by then who said something else as well. */
static void compare_all(struct agreement *agreement)
{
    size_t lines = 0;

    for (int same = 0; same <= 1; same++) {
        json_object_object_foreach(agreement->told, option, values)
        {
            const char *mine = json_object_get_string(json_object_object_get(agreement->own, option));

            json_object_object_foreach(values, value, nodes)
            {
                if ((strcmp(value, mine) == 0) == same)
                    compare(agreement, option, value, nodes, mine, &lines);
            }
        }
    }
    if (lines > AGREEMENT_LINES_MAX)
        log_warn("cluster", "%zu more options differ or agree again; /api/cluster tells of all",
                 lines - AGREEMENT_LINES_MAX);
}

static void forget_the_silent(struct agreement *agreement)
{
    struct difference *difference, *next;

    HASH_ITER(hh, agreement->others, difference, next)
    {
        if (!difference->heard)
            forget(agreement, difference);
        else
            difference->heard = false;
    }
}

struct json_object *agreement_end(struct agreement *agreement)
{
    struct json_object *differing = must(json_object_new_object());

    compare_all(agreement);
    forget_the_silent(agreement);
    json_object_object_foreach(agreement->told, option, values)
    {
        if (json_object_object_length(values) > 1)
            json_object_object_add(differing, option, json_object_get(values));
    }
    agreement->differing = (size_t)json_object_object_length(differing);
    json_object_put(agreement->told);
    agreement->told = NULL;
    return differing;
}
