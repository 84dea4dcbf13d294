/*
 * The backend that reaches nothing: riders aboard are kept in this process. One process alone can run on it,
 * with nothing else installed. It holds what is aboard and the rides that are watched; a ride with neither is
 * forgotten, and has a new epoch when it comes back.
 *
 *   ride ─▶ people, by id: the record, and the connections through which each is aboard, one at least
 *        └▶ connections, by socket id: whose they are
 *
 * A rider is a person. A connection that boards is one of the person's; the last one that goes for good takes
 * it off; an exit takes it off whichever connections it has, and those are nobody's then and not kept here.
 *
 * Suspended connections wait in one queue: all wait equally long, so the first is due first, and one timer
 * does.
 */
#include "broker/backend.h"
#include "broker/broker_metrics.h"
#include "broker/chain.h"
#include "broker/message.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/id.h"
#include "common/metrics.h"
#include "common/user.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct person {
    struct blob *user; /* as it boarded last */
    struct memory_ride *ride;
    struct connection *connections;
    size_t count; /* of them; 0 only while one takes another's place */
    UT_hash_handle hh;
    char id[]; /* as long as it is */
};

struct connection {
    char socket_id[SOCKET_ID_LEN + 1];
    struct person *person;
    struct connection *person_prev, *person_next;
    bool suspended;
    uint64_t deadline_ms;           /* while suspended: by the monotonic clock */
    struct connection *prev, *next; /* while suspended */
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
    struct person *people;          /* by id */
    struct connection *connections; /* by socket id */
    struct past *past;              /* the last events, without a gap up to `position` */
    size_t past_count;
    char before[CHAIN_LEN + 1]; /* the fingerprint just before them */
    bool watched;
    UT_hash_handle hh;
};

struct memory {
    struct backend backend;
    struct memory_ride *rides;    /* by name */
    struct connection *suspended; /* on all rides, by deadline */
    struct event *timer;          /* the first one's deadline */
    struct blob *about;           /* what this gateway says of itself; NULL: nothing yet */
    char run[EPOCH_LEN + 1];      /* with a number, an operation's name */
    uint64_t operations;
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
    memcpy(ride->position.chain, CHAIN_START, CHAIN_LEN);
    memcpy(ride->before, CHAIN_START, CHAIN_LEN);
    HASH_ADD_STR(memory->rides, name, ride);
    return ride;
}

static void forget_oldest_event(struct memory_ride *ride)
{
    struct past *oldest = ride->past;

    DL_DELETE(ride->past, oldest);
    memcpy(ride->before, oldest->event.chain, sizeof ride->before);
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
    if (!ride->watched && !ride->people)
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
    memcpy(past->event.socket_id, socket_id, SOCKET_ID_LEN);
    memcpy(past->event.chain, ride->position.chain, CHAIN_LEN);
    DL_APPEND(ride->past, past);
    ride->past_count++;
}

/* An event of the operation that is being carried out. */
static void tell_event(struct memory_ride *ride, enum broker_event_kind kind, const char *socket_id,
                       struct blob *user)
{
    struct memory *memory = ride->memory;
    char operation[EPOCH_LEN + 24];

    snprintf(operation, sizeof operation, "%s.%" PRIu64, memory->run, memory->operations);
    ride->position.offset++;
    chain_next(ride->position.chain, operation, kind, socket_id);
    remember_event(ride, kind, socket_id, user);
    if (ride->watched)
        outbox_tell(memory->backend.setup.outbox,
                    message_event(ride->name, &ride->position, kind, socket_id, user));
}

/* --- people --- */

static struct person *person_find(struct memory_ride *ride, const char *id)
{
    struct person *person;

    HASH_FIND_STR(ride->people, id, person);
    return person;
}

static struct person *person_new(struct memory_ride *ride, const char *id)
{
    struct person *person = alloc_zeroed(sizeof *person + strlen(id) + 1);

    memcpy(person->id, id, strlen(id));
    person->ride = ride;
    HASH_ADD_STR(ride->people, id, person);
    return person;
}

static void count_held(struct memory *memory, int difference)
{
    metric_add(memory->backend.setup.metrics->riders_held, difference);
}

static struct connection *connection_find(struct memory_ride *ride, const char *socket_id)
{
    struct connection *connection;

    HASH_FIND_STR(ride->connections, socket_id, connection);
    return connection;
}

static void connection_new(struct person *person, const char *socket_id)
{
    struct connection *connection = alloc_zeroed(sizeof *connection);

    memcpy(connection->socket_id, socket_id, SOCKET_ID_LEN);
    connection->person = person;
    HASH_ADD_STR(person->ride->connections, socket_id, connection);
    DL_APPEND2(person->connections, connection, person_prev, person_next);
    person->count++;
    count_held(person->ride->memory, 1);
}

static void unsuspend(struct connection *connection)
{
    struct memory *memory = connection->person->ride->memory;

    if (!connection->suspended)
        return;
    DL_DELETE(memory->suspended, connection);
    connection->suspended = false;
    count_held(memory, 1);
}

/* The person stays, also without any. */
static void connection_free(struct connection *connection)
{
    struct person *person = connection->person;

    unsuspend(connection);
    count_held(person->ride->memory, -1);
    HASH_DEL(person->ride->connections, connection);
    DL_DELETE2(person->connections, connection, person_prev, person_next);
    person->count--;
    free(connection);
}

static void person_free(struct person *person)
{
    while (person->connections)
        connection_free(person->connections);
    HASH_DEL(person->ride->people, person);
    blob_unref(person->user);
    free(person);
}

/* The connection is its person's no more. Where it was the last one, the person is gone, and told so. */
static void part(struct connection *connection)
{
    struct person *person = connection->person;

    if (person->count > 1) {
        connection_free(connection);
        return;
    }
    tell_event(person->ride, BROKER_DISCONNECTED, connection->socket_id, person->user);
    person_free(person);
}

/* The connection ends while its person is aboard. */
static void end_silently(struct connection *connection)
{
    struct person *person = connection->person;

    tell_event(person->ride, BROKER_ENDED, connection->socket_id, person->user);
    connection_free(connection);
}

/* A connection is gone for good. */
static void disconnect(struct connection *connection)
{
    if (connection->person->count == 1)
        part(connection);
    else
        end_silently(connection);
}

/* Whether the person may have one more connection: whoever is suspended gives way, the longest first. */
static bool make_room(struct person *person)
{
    struct connection *connection, *longest = NULL;

    if (person->count < person->ride->memory->backend.setup.connections_per_user)
        return true;
    for (connection = person->connections; connection; connection = connection->person_next)
        if (connection->suspended && (!longest || connection->deadline_ms < longest->deadline_ms))
            longest = connection;
    if (!longest)
        return false;
    end_silently(longest);
    return true;
}

/* The connection becomes one of the person's. NULL, or why it may not; then nothing has changed. */
static const char *join(struct memory_ride *ride, const char *id, const char *socket_id)
{
    struct connection *connection = connection_find(ride, socket_id);
    struct person *person = person_find(ride, id);

    if (connection && connection->person == person) {
        unsuspend(connection);
        return NULL;
    }
    if (person && !make_room(person))
        return "the user has too many connections";
    if (connection)
        part(connection);
    connection_new(person ? person : person_new(ride, id), socket_id);
    return NULL;
}

static const char *board(struct memory_ride *ride, const struct order *order)
{
    char id[USER_ID_MAX + 1];

    user_id(order->user, id);
    const char *error = join(ride, id, order->socket_id);
    if (error)
        return error;
    struct person *person = person_find(ride, id);
    blob_ref(order->user);
    blob_unref(person->user);
    person->user = order->user;
    tell_event(ride, BROKER_BOARDED, order->socket_id, order->user);
    return NULL;
}

static void leave(struct memory_ride *ride, const struct order *order)
{
    struct connection *connection = connection_find(ride, order->socket_id);
    char id[USER_ID_MAX + 1];

    user_id(order->user, id);
    struct person *person = person_find(ride, id);
    if (connection && connection->person != person)
        part(connection);
    tell_event(ride, BROKER_EXITED, order->socket_id, order->user);
    if (person)
        person_free(person);
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
        struct memory_ride *ride = memory->suspended->person->ride;

        memory->operations++;
        disconnect(memory->suspended);
        metric_add(memory->backend.setup.metrics->riders_swept, 1);
        ride_forget_if_unused(ride);
    }
    wait_for_first(memory);
}

static void suspend(struct connection *connection)
{
    struct memory *memory = connection->person->ride->memory;
    uint64_t window_ms = memory->backend.setup.recovery_window_ms;

    if (window_ms == 0) {
        disconnect(connection);
        return;
    }
    unsuspend(connection);
    connection->suspended = true;
    connection->deadline_ms = clock_ms() + window_ms;
    DL_APPEND(memory->suspended, connection);
    count_held(memory, -1);
    if (memory->suspended == connection)
        wait_for_first(memory);
}

/* --- orders --- */

/* NULL, or why it is refused. `user` gets whom a RESUME found aboard. */
static const char *carry_out(struct memory_ride *ride, const struct order *order, struct blob **user)
{
    struct connection *connection = connection_find(ride, order->socket_id);

    switch (order->transition) {
    case BROKER_BOARD:
        return board(ride, order);
    case BROKER_EXIT:
        leave(ride, order);
        break;
    case BROKER_DISCONNECT:
        if (connection)
            disconnect(connection);
        break;
    case BROKER_SUSPEND:
        if (connection)
            suspend(connection);
        break;
    case BROKER_RESUME:
        if (!connection)
            break;
        unsuspend(connection);
        *user = connection->person->user;
        break;
    }
    return NULL;
}

static void memory_submit(struct backend *backend, struct order *order)
{
    struct memory *memory = memory_of(backend);
    struct memory_ride *ride = ride_get(memory, order->ride);
    struct blob *user = NULL;

    memory->operations++;
    const char *error = carry_out(ride, order, &user);
    outbox_tell(backend->setup.outbox,
                error ? message_refused(order, error) : message_done(order, &ride->position, user, 0));
    order_free(order);
    ride_forget_if_unused(ride);
}

/* The place that the ride's stream has at that offset, which is one that can be replayed from. */
static struct broker_position place_at(const struct memory_ride *ride, uint64_t offset)
{
    struct broker_position place = ride->position;

    place.offset = offset;
    memcpy(place.chain, ride->before, sizeof place.chain);
    for (const struct past *past = ride->past; past && past->event.offset <= offset; past = past->next)
        memcpy(place.chain, past->event.chain, sizeof place.chain);
    return place;
}

static bool can_replay(const struct memory_ride *ride, const struct broker_position *from)
{
    if (from->offset > ride->position.offset || ride->position.offset - from->offset > ride->past_count)
        return false;
    struct broker_position place = place_at(ride, from->offset);
    return broker_position_equal(&place, from);
}

/* What came up to `from` tells that the socket has ended, or may have told that. */
static bool may_have_ended(const struct memory_ride *ride, const char *socket_id, uint64_t from)
{
    const uint64_t oldest = ride->position.offset - ride->past_count + 1;
    bool ended = from >= oldest ? oldest > 1 && oldest + REPLAY_BEFORE > from + 1 : from > 0;

    for (const struct past *past = ride->past; past && past->event.offset <= from; past = past->next)
        if (strcmp(past->event.socket_id, socket_id) == 0)
            ended = broker_event_ends(past->event.kind);
    return ended;
}

static struct broker_message *history_after(struct memory_ride *ride, const struct order *order)
{
    uint64_t from = order->from.offset;
    size_t count = 0;

    if (!can_replay(ride, &order->from) ||
        (order->socket_id[0] && may_have_ended(ride, order->socket_id, from)))
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
    struct broker_rider *riders = alloc_zeroed((HASH_COUNT(ride->people) + 1) * sizeof *riders);
    for (struct person *person = ride->people; person; person = person->hh.next)
        riders[count++].user = blob_ref(person->user);
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
    id_make(memory->run, EPOCH_LEN);
    memory->timer = event_new(setup->base, -1, 0, sweep, memory);
    if (!memory->timer)
        alloc_failed();
    return &memory->backend;
}

static void memory_start(struct backend *backend)
{
    uint8_t secret[SECRET_LEN];

    id_fill(secret, SECRET_LEN);
    outbox_tell(backend->setup.outbox, message_secret(secret));
    outbox_tell(backend->setup.outbox, message_state(true, NULL));
}

static bool memory_finish(struct backend *backend)
{
    (void)backend; /* every order has its answer before the next one is looked at */
    return true;
}

static void memory_stop(struct backend *backend, const char *error)
{
    (void)error;
    outbox_tell(backend->setup.outbox, message_state(false, NULL));
}

static void memory_free(struct backend *backend)
{
    struct memory *memory = memory_of(backend);
    struct memory_ride *ride, *next_ride;
    struct person *person, *next_person;

    HASH_ITER(hh, memory->rides, ride, next_ride)
    {
        HASH_ITER(hh, ride->people, person, next_person) person_free(person);
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
