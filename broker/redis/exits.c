/*
 * Exits, counted by person.
 */
#include "broker/redis/exits.h"

#include "common/user.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct exiting {
    size_t count;
    UT_hash_handle hh; /* in the ride */
    char id[USER_ID_MAX + 1];
};

static struct exiting *find(const struct redis_ride *ride, const char *id)
{
    struct exiting *exiting;

    HASH_FIND_STR(ride->exiting, id, exiting);
    return exiting;
}

void exits_add(struct redis_ride *ride, const char *id)
{
    struct exiting *exiting = find(ride, id);

    if (!exiting) {
        exiting = alloc_zeroed(sizeof *exiting);
        memcpy(exiting->id, id, strlen(id));
        HASH_ADD_STR(ride->exiting, id, exiting);
    }
    exiting->count++;
}

void exits_remove(struct redis_ride *ride, const char *id)
{
    struct exiting *exiting = find(ride, id);

    assert(exiting);
    if (--exiting->count > 0)
        return;
    HASH_DEL(ride->exiting, exiting);
    free(exiting);
}

bool exits_has(const struct redis_ride *ride, const char *id)
{
    return find(ride, id) != NULL;
}
