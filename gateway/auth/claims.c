/* What a token entitles to: see claims.h. */
#include "gateway/auth/claims.h"

#include "common/json_tree.h"
#include "gateway/rides/ride_list.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 31, PATTERNS_MAX = 1023 };

/* Beyond this a double does not count in ones. */
static const double TIME_MAX = 9007199254740992.0;

/* Reads a NumericDate of at most NUMBER_MAX characters, fractions cut off. False: it is none. */
static bool read_time(struct json_object *value, int64_t *time)
{
    double seconds = json_object_get_double(value);

    if ((!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double)) ||
        strlen(json_object_get_string(value)) > NUMBER_MAX || !(seconds >= 0 && seconds <= TIME_MAX))
        return false;
    *time = (int64_t)seconds;
    return true;
}

static enum token_fault judge_times(struct json_object *claims, int64_t now_s, struct grant *grant)
{
    struct json_object *from;
    int64_t begins_s = 0;
    int64_t ends_s;

    if (!read_time(json_object_object_get(claims, "exp"), &ends_s) ||
        (json_object_object_get_ex(claims, "nbf", &from) && !read_time(from, &begins_s)))
        return TOKEN_CLAIMS;
    grant->ends_s = ends_s + CLAIMS_LEEWAY_S;
    if (now_s >= grant->ends_s)
        return TOKEN_EXPIRED;
    return now_s + CLAIMS_LEEWAY_S < begins_s ? TOKEN_EARLY : TOKEN_GOOD;
}

/* A string, or a list's string. */
static bool names(struct json_object *value, const char *name)
{
    if (!json_object_is_type(value, json_type_array))
        return json_tree_is(value, name);
    for (size_t i = 0; i < json_object_array_length(value); i++)
        if (json_tree_is(json_object_array_get_idx(value, i), name))
            return true;
    return false;
}

static enum token_fault judge_parties(const struct claims_rules *rules, struct json_object *claims)
{
    struct json_object *audience;
    bool has_audience = json_object_object_get_ex(claims, "aud", &audience);

    if (rules->issuer[0] && !json_tree_is(json_object_object_get(claims, "iss"), rules->issuer))
        return TOKEN_ISSUER;
    if (rules->audience[0] ? !names(audience, rules->audience) : has_audience)
        return TOKEN_AUDIENCE;
    return TOKEN_GOOD;
}

static enum token_fault judge_subject(struct json_object *claims, struct grant *grant)
{
    struct json_object *value;

    grant->subject[0] = '\0';
    if (!json_object_object_get_ex(claims, "sub", &value))
        return TOKEN_GOOD;
    const char *subject = json_tree_string(value, USER_ID_MAX);

    snprintf(grant->subject, sizeof grant->subject, "%s", subject ? subject : "");
    return grant->subject[0] ? TOKEN_GOOD : TOKEN_CLAIMS;
}

static enum token_fault judge_patterns(struct json_object *value, const char *ride)
{
    const char *patterns = json_tree_string(value, PATTERNS_MAX);

    if (!patterns)
        return TOKEN_CLAIMS;
    return ride_list_has(patterns, ride) ? TOKEN_GOOD : TOKEN_RIDE;
}

static enum token_fault judge_ride(struct json_object *claims, const char *ride)
{
    enum token_fault fault = TOKEN_RIDE;
    struct json_object *rides;

    if (!json_object_object_get_ex(claims, "rides", &rides))
        return TOKEN_RIDE;
    if (!json_object_is_type(rides, json_type_array))
        return judge_patterns(rides, ride);
    for (size_t i = 0; fault == TOKEN_RIDE && i < json_object_array_length(rides); i++)
        fault = judge_patterns(json_object_array_get_idx(rides, i), ride);
    return fault;
}

enum token_fault claims_judge(const struct claims_rules *rules, struct json_object *claims, const char *ride,
                              int64_t now_s, struct grant *grant)
{
    enum token_fault fault = judge_times(claims, now_s, grant);

    if (fault == TOKEN_GOOD)
        fault = judge_parties(rules, claims);
    if (fault == TOKEN_GOOD)
        fault = judge_subject(claims, grant);
    if (fault == TOKEN_GOOD)
        fault = judge_ride(claims, ride);
    return fault;
}
