/*
 * Reasons, compared.
 */
#include "broker/redis/trouble.h"

#include "broker/redis/redis_address.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

bool told_is_news(struct told *told, const char *reason, uint64_t now_ms)
{
    if (strncmp(told->reason, reason, sizeof told->reason - 1) == 0 ||
        (told->lines >= TROUBLE_LINES && now_ms - told->last_ms < TROUBLE_EVERY_MS))
        return false;
    snprintf(told->reason, sizeof told->reason, "%s", reason);
    told->lines++;
    told->last_ms = now_ms;
    return true;
}

void told_clear(struct told *told)
{
    told->reason[0] = '\0';
    told->lines = 0;
}

void trouble_begin(struct trouble *trouble)
{
    trouble->rank = 0;
}

void trouble_note(struct trouble *trouble, int rank, const char *who, const struct redis_address *address,
                  const char *reason)
{
    char text[REDIS_ADDRESS_TEXT_SIZE];

    redis_address_text(address, text);
    log_debug("broker", "%s %s: %s", who, text, reason);
    if (rank < trouble->rank)
        return;
    trouble->rank = rank;
    snprintf(trouble->text, sizeof trouble->text, "%s %s: %s", who, text, reason);
    snprintf(trouble->reason, sizeof trouble->reason, "%s", reason);
}

bool trouble_is_news(struct trouble *trouble, uint64_t now_ms)
{
    return told_is_news(&trouble->told, trouble->reason, now_ms);
}

bool trouble_is_over(struct trouble *trouble)
{
    bool told = trouble->told.lines > 0;

    trouble->rank = 0;
    told_clear(&trouble->told);
    return told;
}
