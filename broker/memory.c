/*
 * The backend that reaches nothing: riders aboard are kept in this process. One process alone can run on it,
 * with nothing else installed. It holds what is aboard and the rides that are watched; a ride with neither is
 * forgotten, and has a new epoch when it comes back.
 *
 * Suspended riders wait in one queue: all wait equally long, so the first is due first, and one timer does.
 */
#include "broker/backend.h"
#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/secret.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/metrics.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct rider {
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    struct memory_ride *ride;
    bool suspended;
    uint64_t deadline_ms;      /* while suspended: by the monotonic clock */
    struct rider *prev, *next; /* while suspended */
    UT_hash_handle hh;
};

/* An event that can be replayed. */
struct past {
    struct broker_past_event event;
    struct past *prev, *next;
};

struct memory_ride {
    char name[RIDE_NAME_MAX + 1];
    struct memory *memory;
    struct broker_position position;
    struct rider *riders; /* by socket id */
    struct past *past;    /* the last events, without a gap up to `position` */
    size_t past_count;
    bool watched;
    UT_hash_handle hh;
};

struct memory {
    struct backend backend;
    struct memory_ride *rides; /* by name */
    struct rider *suspended;   /* on all rides, by deadline */
    struct event *timer;       /* the first one's deadline */
    struct blob *about;        /* what this gateway says of itself; NULL: nothing yet */
};

static struct memory *memory_of(struct backend *backend)
{
    return (struct memory *)backend;
}

/* --- rides --- */

static struct memory_ride *ride_get(struct memory *memory, const char *name)
{
    struct memory_ride *ride;

    HASH_FIND_STR(memory->rides, name, ride);
    if (ride)
        return ride;
    ride = alloc_zeroed(sizeof *ride);
    memcpy(ride->name, name, strlen(name));
    ride->memory = memory;
    id_make(ride->position.epoch, EPOCH_LEN);
    HASH_ADD_STR(memory->rides, name, ride);
    return ride;
}

static void forget_oldest_event(struct memory_ride *ride)
{
    struct past *oldest = ride->past;

    DL_DELETE(ride->past, oldest);
    ride->past_count--;
    blob_unref(oldest->event.user);
    free(oldest);
}

static void ride_free(struct memory_ride *ride)
{
    while (ride->past)
        forget_oldest_event(ride);
    HASH_DEL(ride->memory->rides, ride);
    free(ride);
}

static void ride_forget_if_unused(struct memory_ride *ride)
{
    if (!ride->watched && !ride->riders)
        ride_free(ride);
}

static void remember_event(struct memory_ride *ride, enum broker_event_kind kind, const char *socket_id,
                           struct blob *user)
{
    struct past *past = alloc_zeroed(sizeof *past);

    if (ride->past_count == REPLAY_EVENTS_MAX)
        forget_oldest_event(ride);
    past->event =
        (struct broker_past_event){.offset = ride->position.offset, .kind = kind, .user = blob_ref(user)};
    memcpy(past->event.socket_id, socket_id, sizeof past->event.socket_id);
    DL_APPEND(ride->past, past);
    ride->past_count++;
}

static void tell_event(struct memory_ride *ride, enum broker_event_kind kind, const char *socket_id,
                       struct blob *user)
{
    ride->position.offset++;
    remember_event(ride, kind, socket_id, user);
    if (ride->watched)
        outbox_tell(ride->memory->backend.setup.outbox,
                    message_event(ride->name, &ride->position, kind, socket_id, user));
}

/* --- riders --- */

static void count_held(struct memory *memory, int difference)
{
    metric_add(memory->backend.setup.metrics->riders_held, difference);
}

static void unsuspend(struct rider *rider)
{
    struct memory *memory = rider->ride->memory;

    if (!rider->suspended)
        return;
    DL_DELETE(memory->suspended, rider);
    rider->suspended = false;
    count_held(memory, 1);
}

static void rider_remove(struct rider *rider)
{
    unsuspend(rider);
    count_held(rider->ride->memory, -1);
    HASH_DEL(rider->ride->riders, rider);
    blob_unref(rider->user);
    free(rider);
}

static struct rider *rider_find(struct memory_ride *ride, const char *socket_id)
{
    struct rider *rider;

    HASH_FIND_STR(ride->riders, socket_id, rider);
    return rider;
}

static void board(struct memory_ride *ride, const struct order *order)
{
    struct rider *rider = rider_find(ride, order->socket_id);

    if (rider) {
        unsuspend(rider);
        blob_unref(rider->user);
    } else {
        rider = alloc_zeroed(sizeof *rider);
        memcpy(rider->socket_id, order->socket_id, SOCKET_ID_LEN);
        rider->ride = ride;
        HASH_ADD_STR(ride->riders, socket_id, rider);
        count_held(ride->memory, 1);
    }
    rider->user = blob_ref(order->user);
    tell_event(ride, BROKER_BOARDED, order->socket_id, order->user);
}

static void leave(struct memory_ride *ride, const struct order *order)
{
    struct rider *rider = rider_find(ride, order->socket_id);

    tell_event(ride, BROKER_EXITED, order->socket_id, order->user);
    if (rider)
        rider_remove(rider);
}

static void disconnect(struct rider *rider)
{
    tell_event(rider->ride, BROKER_DISCONNECTED, rider->socket_id, rider->user);
    rider_remove(rider);
}

static void wait_for_first(struct memory *memory)
{
    uint64_t now = clock_ms();

    if (!memory->suspended)
        return;
    uint64_t left = memory->suspended->deadline_ms > now ? memory->suspended->deadline_ms - now : 0;
    const struct timeval delay = {.tv_sec = (time_t)(left / 1000),
                                  .tv_usec = (suseconds_t)(left % 1000) * 1000};
    event_add(memory->timer, &delay);
}

static void sweep(evutil_socket_t fd, short what, void *arg)
{
    struct memory *memory = arg;
    uint64_t now = clock_ms();

    (void)fd, (void)what;
    while (memory->suspended && memory->suspended->deadline_ms <= now) {
        struct memory_ride *ride = memory->suspended->ride;

        metric_add(memory->backend.setup.metrics->riders_swept, 1);
        disconnect(memory->suspended);
        ride_forget_if_unused(ride);
    }
    wait_for_first(memory);
}

static void suspend(struct rider *rider)
{
    struct memory *memory = rider->ride->memory;
    uint64_t window_ms = memory->backend.setup.recovery_window_ms;

    if (window_ms == 0) {
        disconnect(rider);
        return;
    }
    unsuspend(rider);
    rider->suspended = true;
    rider->deadline_ms = clock_ms() + window_ms;
    DL_APPEND(memory->suspended, rider);
    count_held(memory, -1);
    if (memory->suspended == rider)
        wait_for_first(memory);
}

/* --- orders --- */

/* Returns whom a RESUME found aboard. */
static struct blob *carry_out(struct memory_ride *ride, const struct order *order)
{
    struct rider *rider = rider_find(ride, order->socket_id);

    switch (order->transition) {
    case BROKER_BOARD:
        board(ride, order);
        break;
    case BROKER_EXIT:
        leave(ride, order);
        break;
    case BROKER_DISCONNECT:
        if (rider)
            disconnect(rider);
        break;
    case BROKER_SUSPEND:
        if (rider)
            suspend(rider);
        break;
    case BROKER_RESUME:
        if (!rider)
            break;
        unsuspend(rider);
        return rider->user;
    }
    return NULL;
}

static void memory_submit(struct backend *backend, struct order *order)
{
    struct memory_ride *ride = ride_get(memory_of(backend), order->ride);
    struct blob *user = carry_out(ride, order);

    outbox_tell(backend->setup.outbox, message_done(order, &ride->position, user));
    order_free(order);
    ride_forget_if_unused(ride);
}

static struct broker_message *history_after(struct memory_ride *ride, const struct order *order)
{
    uint64_t from = order->from.offset;
    size_t count = 0;

    if (strcmp(ride->position.epoch, order->from.epoch) != 0 || from > ride->position.offset ||
        ride->position.offset - from > ride->past_count)
        return message_no_history(order);
    struct broker_past_event *events =
        alloc_zeroed((size_t)(ride->position.offset - from + 1) * sizeof *events);
    for (struct past *past = ride->past; past; past = past->next) {
        if (past->event.offset <= from)
            continue;
        events[count] = past->event;
        blob_ref(events[count++].user);
    }
    return message_history(order, &ride->position, events, count);
}

static void memory_replay(struct backend *backend, struct order *order)
{
    struct memory_ride *ride;

    HASH_FIND_STR(memory_of(backend)->rides, order->ride, ride);
    outbox_tell(backend->setup.outbox, ride ? history_after(ride, order) : message_no_history(order));
    order_free(order);
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
    outbox_tell(backend->setup.outbox, message_roster(name, &ride->position, riders, count, false));
}

static void memory_unwatch(struct backend *backend, const char *name)
{
    struct memory_ride *ride = ride_get(memory_of(backend), name);

    ride->watched = false;
    ride_forget_if_unused(ride);
}

/* --- about --- */

static void memory_about(struct backend *backend, struct blob *json)
{
    struct memory *memory = memory_of(backend);

    blob_unref(memory->about);
    memory->about = blob_ref(json);
}

static void memory_survey(struct backend *backend)
{
    const struct blob *about = memory_of(backend)->about;
    struct buf json;

    buf_init(&json, ABOUT_MAX + 2);
    if (buf_append(&json, "[", 1) || (about && buf_append(&json, about->data, about->len)) ||
        buf_append(&json, "]", 1))
        alloc_failed();
    outbox_tell(backend->setup.outbox, message_survey(alloc_blob(json.data, json.len)));
    buf_deinit(&json);
}

/* --- life --- */

static struct backend *memory_open(const struct backend_setup *setup, char *error, size_t error_size)
{
    struct memory *memory = alloc_zeroed(sizeof *memory);

    (void)error, (void)error_size;
    memory->backend.row = &backend_memory;
    memory->backend.setup = *setup;
    memory->timer = event_new(setup->base, -1, 0, sweep, memory);
    if (!memory->timer)
        alloc_failed();
    return &memory->backend;
}

static void memory_start(struct backend *backend)
{
    uint8_t secret[SECRET_LEN];

    secret_make(secret);
    outbox_tell(backend->setup.outbox, message_secret(secret));
    outbox_tell(backend->setup.outbox, message_state(true));
}

static bool memory_finish(struct backend *backend)
{
    (void)backend; /* every order has its answer before the next one is looked at */
    return true;
}

static void memory_stop(struct backend *backend, const char *error)
{
    (void)error;
    outbox_tell(backend->setup.outbox, message_state(false));
}

static void memory_free(struct backend *backend)
{
    struct memory *memory = memory_of(backend);
    struct memory_ride *ride, *next_ride;
    struct rider *rider, *next_rider;

    HASH_ITER(hh, memory->rides, ride, next_ride)
    {
        HASH_ITER(hh, ride->riders, rider, next_rider) rider_remove(rider);
        ride_free(ride);
    }
    event_free(memory->timer);
    blob_unref(memory->about);
    free(memory);
}

const struct backend_row backend_memory = {
    .open = memory_open,
    .start = memory_start,
    .watch = memory_watch,
    .unwatch = memory_unwatch,
    .submit = memory_submit,
    .replay = memory_replay,
    .about = memory_about,
    .survey = memory_survey,
    .finish = memory_finish,
    .stop = memory_stop,
    .free = memory_free,
};
