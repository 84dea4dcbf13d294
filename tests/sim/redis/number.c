#include "tests/sim/redis/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool sim_number_parse(struct bytes text, long long *value)
{
    char copy[SIM_NUMBER_SIZE], again[SIM_NUMBER_SIZE];

    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *value = strtoll(copy, NULL, 10);
    snprintf(again, sizeof again, "%lld", *value);
    return errno == 0 && bytes_equal(text, bytes_of(again));
}

bool sim_score_parse(struct bytes text, double *score)
{
    char copy[128], *end;

    if (text.len == 0 || text.len >= sizeof copy || strchr(" \t\n\v\f\r", *text.at))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *score = strtod(copy, &end);
    return end == copy + text.len && !isnan(*score) && !(errno == ERANGE && (isinf(*score) || *score == 0));
}

struct bytes sim_score_write(char text[SIM_NUMBER_SIZE], double score)
{
    if (isinf(score))
        return bytes_of(score > 0 ? "inf" : "-inf");
    return (struct bytes){text, (size_t)snprintf(text, SIM_NUMBER_SIZE, "%.17g", score)};
}
