/* What a token entitles to: see claims.h. */
#include "gateway/auth/claims.h"
#include "gateway/rides/ride_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 31, PATTERNS_MAX = 1024 };

/* Beyond this a double does not count in ones. */
static const double TIME_MAX = 9007199254740992.0;

/* Reads a NumericDate, fractions cut off. False: it is none. */
static bool read_time(struct json_slice value, int64_t *time)
{
    char text[NUMBER_MAX + 1];

    if (value.len > NUMBER_MAX || !strchr("-0123456789", json_text_type(value)))
        return false;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    double seconds = strtod(text, NULL);

    if (!(seconds >= 0 && seconds <= TIME_MAX))
        return false;
    *time = (int64_t)seconds;
    return true;
}

static enum token_fault judge_times(struct json_slice claims, int64_t now_s, struct grant *grant)
{
    struct json_slice from = json_text_member(claims, "nbf");
    struct json_slice until = json_text_member(claims, "exp");
    int64_t begins_s = 0;
    int64_t ends_s;

    if (!until.at || !read_time(until, &ends_s) || (from.at && !read_time(from, &begins_s)))
        return TOKEN_CLAIMS;
    grant->ends_s = ends_s + CLAIMS_LEEWAY_S;
    if (now_s >= grant->ends_s)
        return TOKEN_EXPIRED;
    return now_s + CLAIMS_LEEWAY_S < begins_s ? TOKEN_EARLY : TOKEN_GOOD;
}

/* A string, or a list's string. */
static bool names(struct json_slice value, const char *name)
{
    struct json_slice element;
    size_t cursor = 0;

    while (json_text_next(value, &cursor, &element))
        if (json_text_equals(element, name))
            return true;
    return json_text_equals(value, name);
}

static enum token_fault judge_parties(const struct claims_rules *rules, struct json_slice claims)
{
    struct json_slice audience = json_text_member(claims, "aud");

    if (rules->issuer[0] && !json_text_equals(json_text_member(claims, "iss"), rules->issuer))
        return TOKEN_ISSUER;
    if (rules->audience[0] ? !names(audience, rules->audience) : audience.at != NULL)
        return TOKEN_AUDIENCE;
    return TOKEN_GOOD;
}

/* A string of at most `size` - 1 bytes and no NUL. */
static bool read_text(struct json_slice value, char *out, size_t size)
{
    struct buf text;

    buf_init(&text, size - 1);
    bool fits = json_text_type(value) == '"' && json_text_unescape(value, &text) == 0 &&
                !(text.len && memchr(text.data, '\0', text.len));

    if (fits) {
        if (text.len)
            memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
    buf_deinit(&text);
    return fits;
}

static enum token_fault judge_subject(struct json_slice claims, struct grant *grant)
{
    struct json_slice subject = json_text_member(claims, "sub");

    grant->subject[0] = '\0';
    if (!subject.at)
        return TOKEN_GOOD;
    return read_text(subject, grant->subject, sizeof grant->subject) && grant->subject[0] ? TOKEN_GOOD
                                                                                          : TOKEN_CLAIMS;
}

static enum token_fault judge_patterns(struct json_slice value, const char *ride)
{
    char patterns[PATTERNS_MAX];

    if (!read_text(value, patterns, sizeof patterns))
        return TOKEN_CLAIMS;
    return ride_list_has(patterns, ride) ? TOKEN_GOOD : TOKEN_RIDE;
}

static enum token_fault judge_ride(struct json_slice claims, const char *ride)
{
    struct json_slice rides = json_text_member(claims, "rides");
    struct json_slice element;
    enum token_fault fault = TOKEN_RIDE;
    size_t cursor = 0;

    if (!rides.at)
        return TOKEN_RIDE;
    if (json_text_type(rides) != '[')
        return judge_patterns(rides, ride);
    while (fault == TOKEN_RIDE && json_text_next(rides, &cursor, &element))
        fault = judge_patterns(element, ride);
    return fault;
}

enum token_fault claims_judge(const struct claims_rules *rules, struct json_slice claims, const char *ride,
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
