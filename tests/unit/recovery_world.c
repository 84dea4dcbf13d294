/*
 * Clients that drop and come back.
 */
#include "tests/unit/recovery_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int setup_recovery(void **state)
{
    if (setup(state))
        return -1;
    allow_recovery(*state);
    return 0;
}

void come_back_from(struct world *w, int i, const struct broker_position *from, uint64_t began)
{
    struct client *client = &w->client[i];
    const struct rider_options options = {
        .ride = "/", .outlet = &client->outlet, .ops = &OPS, .client = client};

    client->rider = rider_resume(presence_riders(w->presence), &options, client->id, from, began);
}

void come_back(struct world *w, int i, uint64_t offset)
{
    struct broker_position from = {.offset = offset};

    strcpy(from.epoch, w->epoch);
    snprintf(from.chain, sizeof from.chain, "%08x", (unsigned)offset);
    come_back_from(w, i, &from, 0);
}

void says_events(struct world *w, uint64_t first, uint64_t last)
{
    for (uint64_t offset = first; offset <= last; offset++) {
        char text[] = {(char)('0' + offset), '\0'};

        says_event(w, offset, BROKER_BOARDED, text, text);
    }
}

void board(struct world *w, int i)
{
    say(w, i, BOARDING, &NO_ACK);
    says_result(w, w->broker.submitted_count - 1, 0, NULL);
    turn(w);
    buf_clear(&w->journal);
}

void drop_after(struct world *w, uint64_t offset)
{
    join_live(w, 2);
    board(w, 0);
    says_events(w, 1, offset);
    turn(w);
    drop(&w->client[0]);
    leave(&w->client[1]);
    buf_clear(&w->journal);
}

void come_from_elsewhere(struct world *w, uint64_t offset)
{
    join(w, 1);
    says_roster(w, "/", 5, "");
    turn(w);
    leave(&w->client[1]);
    strcpy(w->client[0].id, "12345678901234567890");
    come_back(w, 0, offset);
    buf_clear(&w->journal);
}

bool shows(struct world *w, const char *ride, const char *recovery_id, struct broker_position *from)
{
    const struct recovery_scope scope = {.ride = ride};
    char socket_id[SOCKET_ID_LEN + 1];

    if (!riders_check_recovery_id(presence_riders(w->presence), &scope, recovery_id, strlen(recovery_id),
                                  socket_id, from))
        return false;
    assert_string_equal(socket_id, w->client[0].id);
    return true;
}
