/* Lists of patterns for the names of rides: see ride_list.h. */
#include "gateway/rides/ride_list.h"

#include <stddef.h>
#include <string.h>

/* Whether `name` matches a pattern in which * stands for any run of characters. */
static bool matches(const char *pattern, size_t pattern_len, const char *name)
{
    const char *end = pattern + pattern_len;
    const char *star = NULL;
    const char *retry = NULL;

    while (*name) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (pattern < end && *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

bool ride_list_has(const char *list, const char *name)
{
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ", ");

        if (n && matches(at, n, name))
            return true;
        at += n;
        at += strspn(at, ", ");
    }
    return false;
}
