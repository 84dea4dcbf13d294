/*
 * The backend that reaches nothing: riders aboard are kept in this process. One process alone can run on it,
 * with nothing else installed. It holds what is aboard and the rides that are watched; a ride with neither is
 * forgotten, and has a new epoch when it comes back.
 */
#include "broker/alloc.h"
#include "broker/backend.h"
#include "broker/message.h"
#include "common/id.h"
#include "common/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct rider {
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    UT_hash_handle hh;
};

struct memory_ride {
    char name[RIDE_NAME_MAX + 1];
    struct broker_position position;
    struct rider *riders; /* by socket id */
    bool watched;
    UT_hash_handle hh;
};

struct memory {
    struct backend backend;
    struct memory_ride *rides; /* by name */
};

static struct memory *memory_of(struct backend *backend)
{
    return (struct memory *)backend;
}

static struct memory_ride *ride_get(struct memory *memory, const char *name)
{
    struct memory_ride *ride;

    HASH_FIND_STR(memory->rides, name, ride);
    if (ride)
        return ride;
    ride = alloc_zeroed(sizeof *ride);
    memcpy(ride->name, name, strlen(name));
    id_make(ride->position.epoch, EPOCH_LEN);
    HASH_ADD_STR(memory->rides, name, ride);
    return ride;
}

static void rider_remove(struct memory_ride *ride, struct rider *rider)
{
    HASH_DEL(ride->riders, rider);
    blob_unref(rider->user);
    free(rider);
}

static void ride_forget_if_unused(struct memory *memory, struct memory_ride *ride)
{
    if (ride->watched || ride->riders)
        return;
    HASH_DEL(memory->rides, ride);
    free(ride);
}

static void tell_event(struct memory *memory, struct memory_ride *ride, enum broker_event_kind kind,
                       const char *socket_id, struct blob *user)
{
    ride->position.offset++;
    if (ride->watched)
        broker_tell(memory->backend.setup.broker,
                    message_event(ride->name, &ride->position, kind, socket_id, user));
}

static void board(struct memory *memory, struct memory_ride *ride, const struct order *order)
{
    struct rider *rider;

    HASH_FIND_STR(ride->riders, order->socket_id, rider);
    if (rider) {
        blob_unref(rider->user);
    } else {
        rider = alloc_zeroed(sizeof *rider);
        memcpy(rider->socket_id, order->socket_id, SOCKET_ID_LEN);
        HASH_ADD_STR(ride->riders, socket_id, rider);
    }
    rider->user = blob_ref(order->user);
    tell_event(memory, ride, BROKER_BOARDED, order->socket_id, order->user);
}

static void leave(struct memory *memory, struct memory_ride *ride, const struct order *order)
{
    struct rider *rider;

    HASH_FIND_STR(ride->riders, order->socket_id, rider);
    if (order->transition == BROKER_EXIT)
        tell_event(memory, ride, BROKER_EXITED, order->socket_id, order->user);
    else if (rider)
        tell_event(memory, ride, BROKER_DISCONNECTED, order->socket_id, rider->user);
    if (rider)
        rider_remove(ride, rider);
}

static void memory_submit(struct backend *backend, struct order *order)
{
    struct memory *memory = memory_of(backend);
    struct memory_ride *ride = ride_get(memory, order->ride);

    if (order->transition == BROKER_BOARD)
        board(memory, ride, order);
    else
        leave(memory, ride, order);
    broker_tell(backend->setup.broker, message_done(order, &ride->position));
    order_free(order);
    ride_forget_if_unused(memory, ride);
}

static void memory_watch(struct backend *backend, const char *name)
{
    struct memory_ride *ride = ride_get(memory_of(backend), name);
    size_t count = 0;

    assert(!ride->watched);
    ride->watched = true;
    struct broker_rider *riders = alloc_zeroed((HASH_COUNT(ride->riders) + 1) * sizeof *riders);
    for (struct rider *rider = ride->riders; rider; rider = rider->hh.next, count++) {
        memcpy(riders[count].socket_id, rider->socket_id, SOCKET_ID_LEN);
        riders[count].user = blob_ref(rider->user);
    }
    metric_add(backend->setup.metrics->rosters, 1);
    broker_tell(backend->setup.broker, message_roster(name, &ride->position, riders, count));
}

static void memory_unwatch(struct backend *backend, const char *name)
{
    struct memory_ride *ride = ride_get(memory_of(backend), name);

    ride->watched = false;
    ride_forget_if_unused(memory_of(backend), ride);
}

static struct backend *memory_open(const struct backend_setup *setup, char *error, size_t error_size)
{
    struct memory *memory = alloc_zeroed(sizeof *memory);

    (void)error, (void)error_size;
    memory->backend.row = &backend_memory;
    memory->backend.setup = *setup;
    return &memory->backend;
}

static void memory_start(struct backend *backend)
{
    broker_tell(backend->setup.broker, message_state(true));
}

static bool memory_busy(const struct backend *backend)
{
    (void)backend; /* every order has its result before the next one is looked at */
    return false;
}

static void memory_stop(struct backend *backend, const char *error)
{
    (void)error;
    broker_tell(backend->setup.broker, message_state(false));
}

static void memory_free(struct backend *backend)
{
    struct memory *memory = memory_of(backend);
    struct memory_ride *ride, *next_ride;
    struct rider *rider, *next_rider;

    HASH_ITER(hh, memory->rides, ride, next_ride)
    {
        HASH_ITER(hh, ride->riders, rider, next_rider) rider_remove(ride, rider);
        HASH_DEL(memory->rides, ride);
        free(ride);
    }
    free(memory);
}

const struct backend_row backend_memory = {
    .open = memory_open,
    .start = memory_start,
    .watch = memory_watch,
    .unwatch = memory_unwatch,
    .submit = memory_submit,
    .busy = memory_busy,
    .stop = memory_stop,
    .free = memory_free,
};
