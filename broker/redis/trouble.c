/*
 * Reasons, compared.
 */
#include "broker/redis/trouble.h"

#include "broker/redis/redis_address.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

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

bool trouble_is_news(struct trouble *trouble)
{
    if (strcmp(trouble->told, trouble->reason) == 0)
        return false;
    strcpy(trouble->told, trouble->reason);
    return true;
}

bool trouble_is_over(struct trouble *trouble)
{
    bool told = trouble->told[0] != '\0';

    trouble->rank = 0;
    trouble->told[0] = '\0';
    return told;
}
