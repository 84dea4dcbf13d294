/*
 * Arguments: what is about the call, about each ride, about each operation.
 */
#include "broker/redis/operations.h"

#include "common/clock.h"

#include <string.h>
#include <utlist.h>

enum { COMPARE_EVERY_MS = 1000 };

/* Whether Redis is to compare what is known of the ride with its log. Behind others of this node it is old in
 * any case, and to find it there costs Redis a third of a transition: now and then is enough. */
static bool compares(const struct transition *first)
{
    struct redis_ride *ride = first->ride;
    uint64_t now = clock_ms();

    if (first != ride->transitions && now - ride->compared_ms < COMPARE_EVERY_MS)
        return false;
    ride->compared_ms = now;
    return true;
}

/* What SCRIPT_TRANSITION is to do. */
static const char *word_for(const struct transition *transition)
{
    switch (transition->order->transition) {
    case BROKER_BOARD:
        return transition->unsure ? "again" : "board";
    case BROKER_EXIT:
        return "exit";
    default:
        return "disconnect";
    }
}

/* The others are told up to where the record is the latest, and which event has told it. It was the latest at
 * the end of an epoch that is over: nothing of the one that is now has been heard. */
static void add_kind(struct call *call, const struct transition *transition)
{
    const struct broker_position *heard = &transition->heard;

    if (transition->script == SCRIPT_TRANSITION)
        call_text(call, word_for(transition));
    else if (heard->epoch[0] == '\0')
        call_text(call, transition->origin);
    else
        call_number_and(call, strcmp(heard->epoch, transition->ride->known.at.epoch) == 0 ? heard->offset : 0,
                        transition->origin);
}

static uint64_t limit_of(const struct store *store, const struct transition *transition)
{
    if (transition->script == SCRIPT_SUSPEND)
        return transition->wait_ms;
    if (transition->order->transition == BROKER_BOARD)
        return store->setup->connections_per_user;
    return transition_ends_for_good(transition);
}

static void add_operation(struct call *call, const struct transition *transition)
{
    const struct order *order = transition->order;
    const struct blob *user = order->user;

    add_kind(call, transition);
    call_text(call, order->socket_id);
    call_text(call, transition->id);
    call_bytes(call, user ? user->data : "", user ? user->len : 0);
    call_number(call, transition->tenure);
    call_number(call, transition->sequence);
    call_number(call, limit_of(call->store, transition));
}

static void add_run(struct call *call, const struct transition *first)
{
    const struct transition *transition = first;

    call_number(call, first->together);
    call_number(call, first == first->ride->transitions ? 0 : first->ride_prev->sequence);
    for (size_t i = 0; i < first->together; i++, transition = transition->ride_next)
        add_operation(call, transition);
}

/* Those of the rides of a chain. */
static void add_keys(struct call *call, const struct transition *chain)
{
    const struct transition *first;

    LL_FOREACH2(chain, first, next_run)
    {
        call_keys(call, first->ride->name);
    }
}

/* A node of a cluster takes a call whose keys are in one slot: those of the first ride lead it there, and the
 * others come as arguments, with how many they are behind them (scripts.c). */
void operations_call(struct call *call, struct store *store, const struct transition *chain)
{
    const struct transition *first;
    size_t rides;

    LL_COUNT2(chain, first, rides, next_run);
    call_rides(call, store, chain->script, store->cluster ? 1 : rides);
    if (store->cluster)
        call_keys(call, chain->ride->name);
    else
        add_keys(call, chain);
    LL_FOREACH2(chain, first, next_run)
    {
        const struct redis_ride *ride = first->ride;

        if (first == chain) {
            call_first(call, ride->name, &ride->known, compares(first));
            call_text(call, store->node);
            call_text(call, store->run);
        } else {
            call_another(call, ride->name, &ride->known, compares(first));
        }
        add_run(call, first);
    }
    if (store->cluster) {
        add_keys(call, chain->next_run);
        call_number(call, (rides - 1) * CALL_RIDE_KEYS);
    }
}
