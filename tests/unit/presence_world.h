/*
 * A world for the application: riders that record, and a broker whose functions are here, so that each test
 * writes the broker's lines. One program includes this once.
 *
 * Broker and riders write one journal; each test checks and empties it. What a rider hears is written down
 * when a turn ends; what the broker is asked, at once.
 */
#ifndef RIDECAST_TESTS_UNIT_PRESENCE_WORLD_H
#define RIDECAST_TESTS_UNIT_PRESENCE_WORLD_H

#include "gateway/rides/presence.h"

#include "common/clock.h"
#include "common/log.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    QUEUE = 2000,
    USER_MAX = 1024,
    BACKLOG = 1 << 20,
    SUBMITTED_MAX = 32,
    CLIENTS = 3,
    LEASE = 3000,
    WINDOW = 15000
};

/* A client on one ride. */
struct client {
    struct outlet outlet; /* first: the carrier finds its client by it */
    struct world *world;
    const char *name;
    char id[SOCKET_ID_LEN + 1]; /* of its rider, kept after that is gone */
    struct rider *rider;
    const char *subject; /* of its token; NULL: it needs none */
    bool leaves_at_disconnect;
    bool leaves_when_evicted;
    bool leaves_when_resumed; /* instead of joining */
};

/* What was submitted, for its result. */
struct submitted {
    enum broker_transition_kind kind;
    char ride[RIDE_NAME_MAX + 1];
    char socket_id[SOCKET_ID_LEN + 1];
    uint64_t ticket;
};

struct broker {
    struct world *world;
    struct broker_message *first, **end; /* to be taken */
    struct submitted submitted[SUBMITTED_MAX];
    size_t submitted_count;
};

struct world {
    struct broker broker;
    struct timers *timers;
    struct outlets outlets;
    struct presence_options options;
    struct presence *presence;
    struct client client[CLIENTS];
    const char *epoch;      /* of what the broker says */
    uint64_t window_ms;     /* takes effect with start() */
    size_t riders_per_ride; /* so does this */
    struct buf journal;
    unsigned stops, reloads;
};

/* --- the broker --- */

static inline void note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void note(struct world *w, const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_int_equal(buf_appendf(&w->journal, "%s\n", line), 0);
}

/* The name of the client whose rider has or had the socket id. */
static const char *name_of(struct world *w, const char *socket_id)
{
    for (int i = 0; i < CLIENTS; i++)
        if (!strcmp(w->client[i].id, socket_id))
            return w->client[i].name;
    return "?";
}

void broker_watch(struct broker *broker, const char *ride)
{
    note(broker->world, "watch %s", ride);
}

void broker_unwatch(struct broker *broker, const char *ride)
{
    note(broker->world, "unwatch %s", ride);
}

void broker_submit(struct broker *broker, const struct broker_transition *transition)
{
    static const char *const kinds[] = {"board", "exit", "disconnect", "suspend", "resume"};
    struct submitted *submitted = &broker->submitted[broker->submitted_count++];
    assert_in_range(broker->submitted_count, 1, SUBMITTED_MAX);
    submitted->kind = transition->kind;
    submitted->ticket = transition->ticket;
    strcpy(submitted->ride, transition->ride);
    strcpy(submitted->socket_id, transition->socket_id);
    note(broker->world, "%s %s %s%s%s", kinds[transition->kind], transition->ride,
         name_of(broker->world, transition->socket_id), transition->user ? " " : "",
         transition->user ? transition->user->data : "");
}

void broker_replay(struct broker *broker, const char *ride, const struct broker_position *from,
                   uint64_t ticket)
{
    struct submitted *submitted = &broker->submitted[broker->submitted_count++];
    assert_in_range(broker->submitted_count, 1, SUBMITTED_MAX);
    submitted->ticket = ticket;
    strcpy(submitted->ride, ride);
    note(broker->world, "replay %s after %d-%s", ride, (int)from->offset, from->epoch);
}

struct broker_message *broker_take(struct broker *broker)
{
    struct broker_message *messages = broker->first;
    broker->first = NULL;
    broker->end = &broker->first;
    return messages;
}

struct broker_message *broker_message_next(const struct broker_message *message)
{
    return (struct broker_message *)message->mail.next;
}

void broker_message_free(struct broker_message *message)
{
    for (size_t i = 0; i < message->rider_count; i++)
        blob_unref(message->riders[i].user);
    free(message->riders);
    for (size_t i = 0; i < message->event_count; i++)
        blob_unref(message->events[i].user);
    free(message->events);
    blob_unref(message->user);
    free(message);
}

/* --- the broker's lines --- */

static inline struct broker_message *message_new(struct world *w, enum broker_message_kind kind,
                                                 const char *ride, uint64_t offset)
{
    struct broker_message *message = calloc(1, sizeof *message);
    assert_non_null(message);
    message->kind = kind;
    strcpy(message->ride, ride);
    message->position.offset = offset;
    strcpy(message->position.epoch, w->epoch);
    *w->broker.end = message;
    w->broker.end = (struct broker_message **)&message->mail.next;
    return message;
}

/* The set as text, `A1 B2`: socket A with record 1, socket B with record 2. */
static inline struct broker_message *says_roster(struct world *w, const char *ride, uint64_t offset,
                                                 const char *set)
{
    struct broker_message *message = message_new(w, BROKER_ROSTER, ride, offset);
    message->riders = calloc(strlen(set) + 1, sizeof *message->riders);
    assert_non_null(message->riders);
    for (; *set; set += set[2] ? 3 : 2) {
        struct broker_rider *rider = &message->riders[message->rider_count++];
        rider->socket_id[0] = set[0];
        rider->user = blob_new(set + 1, 1);
    }
    return message;
}

/* The same of another epoch. */
static inline void says_renumbered(struct world *w, const char *epoch, uint64_t offset, const char *set)
{
    w->epoch = epoch;
    says_roster(w, "/", offset, set)->renumbered = true;
}

static inline void says_event(struct world *w, uint64_t offset, enum broker_event_kind kind,
                              const char *socket_id, const char *user)
{
    struct broker_message *message = message_new(w, BROKER_EVENT, "/", offset);
    message->event = kind;
    strcpy(message->socket_id, socket_id);
    message->user = blob_new(user, strlen(user));
}

/* The result of the n-th order (transition or replay), counted from 0; `error` NULL: committed at `offset`.
 */
static inline struct broker_message *says_result(struct world *w, size_t n, uint64_t offset,
                                                 const char *error)
{
    assert_in_range(n, 0, w->broker.submitted_count - 1);
    const struct submitted *submitted = &w->broker.submitted[n];
    struct broker_message *message = message_new(w, BROKER_RESULT, submitted->ride, offset);
    strcpy(message->socket_id, submitted->socket_id);
    message->transition = submitted->kind;
    message->ticket = submitted->ticket;
    message->ok = !error;
    message->error = error;
    return message;
}

/* The n-th order was a resumption, and a rider was aboard with this record. */
static inline void says_resumed(struct world *w, size_t n, uint64_t offset, const char *user)
{
    says_result(w, n, offset, NULL)->user = blob_new(user, strlen(user));
}

/* The n-th order was a replay: all boardings from `first` to `last`, each with its offset (under 10) as
 * record. */
static inline void says_history(struct world *w, size_t n, uint64_t first, uint64_t last)
{
    struct broker_message *message = message_new(w, BROKER_HISTORY, "/", last);
    message->ticket = w->broker.submitted[n].ticket;
    message->ok = true;
    message->events = calloc(last + 2 - first, sizeof *message->events);
    assert_non_null(message->events);
    for (uint64_t offset = first; offset <= last; offset++) {
        char user = (char)('0' + offset);
        message->events[message->event_count++] =
            (struct broker_past_event){.offset = offset, .kind = BROKER_BOARDED, .user = blob_new(&user, 1)};
    }
}

static inline void says_no_history(struct world *w, size_t n)
{
    struct broker_message *message = message_new(w, BROKER_HISTORY, "/", 9);
    message->ticket = w->broker.submitted[n].ticket;
}

static inline void says_evicted(struct world *w, const char *ride, const char *socket_id)
{
    strcpy(message_new(w, BROKER_EVICTED, ride, 0)->socket_id, socket_id);
}

/* A secret of one letter. */
static inline void says_secret(struct world *w, char letter)
{
    memset(message_new(w, BROKER_SECRET, "", 0)->secret, letter, SECRET_LEN);
}

static inline void says_up(struct world *w, bool up)
{
    message_new(w, BROKER_STATE, "", 0)->up = up;
}

/* --- riders --- */

static inline size_t carrier_room(struct outlet *outlet)
{
    (void)outlet;
    return SIZE_MAX;
}

static inline void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct client *client = (struct client *)outlet;
    enum ws_opcode opcode;
    const char *payload;
    size_t len;
    for (size_t at = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len);)
        note(client->world, "%s < %.*s", client->name, (int)len, payload);
}

static inline void carrier_overflow(struct outlet *outlet)
{
    note(((struct client *)outlet)->world, "overflow");
}

/* Through the outlet, as real riders do, so that the place among the events shows. */
static inline void acknowledge(void *arg, const struct ack *ack, const char *json, size_t len)
{
    struct client *client = arg;
    char prefix[32];
    assert_true(ack->wanted);
    snprintf(prefix, sizeof prefix, "ack %u%s ", (unsigned)ack->number, ack->text ? ack->text->data : "");
    outlet_packet(&client->outlet, WS_TEXT, prefix, json, len);
}

static inline void exception(void *arg, const char *message)
{
    struct client *client = arg;
    outlet_packet(&client->outlet, WS_TEXT, "exception ", message, strlen(message));
}

static inline void end(struct client *client, enum rider_end how)
{
    rider_free(client->rider, how);
    client->rider = NULL;
}

static inline void leave(struct client *client)
{
    end(client, RIDER_LEFT);
}

static inline void drop(struct client *client)
{
    end(client, RIDER_LOST);
}

static inline void disconnect(void *arg)
{
    struct client *client = arg;
    outlet_packet(&client->outlet, WS_TEXT, "disconnected", NULL, 0);
    if (client->leaves_at_disconnect)
        leave(client);
}

static inline void evict(void *arg)
{
    struct client *client = arg;
    note(client->world, "%s evicted", client->name);
    if (client->leaves_when_evicted)
        drop(client);
}

static inline void resumed(void *arg, bool recovered)
{
    struct client *client = arg;
    note(client->world, "%s %s", client->name, recovered ? "recovered" : "not recovered");
    if (client->leaves_when_resumed)
        drop(client);
    else
        rider_join(client->rider);
}

static struct ip address(void *client)
{
    (void)client;
    return (struct ip){{0}};
}

static const char *subject(void *client)
{
    return ((struct client *)client)->subject;
}

static const struct rider_ops OPS = {WIRE_SOCKETIO, acknowledge, exception, disconnect,
                                     evict,         resumed,     address,   subject};

static inline void stop(void *arg)
{
    ((struct world *)arg)->stops++;
}

static inline void reload(void *arg)
{
    ((struct world *)arg)->reloads++;
}

static inline void start(struct world *w, const char *rides)
{
    w->options = (struct presence_options){
        .rides = rides,
        .max_user_bytes = USER_MAX,
        .backlog_bytes = BACKLOG,
        .queue_bytes = QUEUE,
        .riders_per_ride = w->riders_per_ride,
        .recovery_window_ms = w->window_ms,
        .node_lease_ms = LEASE,
        .broker = &w->broker,
        .timers = w->timers,
        .stop = stop,
        .reload = reload,
        .stop_arg = w,
    };
    w->presence = presence_new(&w->options);
}

static inline int setup(void **state)
{
    static const struct outlet_carrier carrier = {
        .room = carrier_room, .write = carrier_write, .overflow = carrier_overflow};
    static const char *const names[CLIENTS] = {"ann", "bob", "cyd"};
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    virtual_us = 1000000;
    w->epoch = "e";
    w->broker.world = w;
    w->broker.end = &w->broker.first;
    w->timers = timers_new();
    buf_init(&w->journal, 1 << 20);
    for (int i = 0; i < CLIENTS; i++) {
        w->client[i].world = w;
        w->client[i].name = names[i];
        outlet_init(&w->client[i].outlet, &w->outlets, &carrier, BACKLOG);
    }
    start(w, "*");
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < CLIENTS; i++) {
        leave(&w->client[i]);
        outlet_deinit(&w->client[i].outlet);
    }
    for (struct broker_message *message; (message = w->broker.first);) {
        w->broker.first = broker_message_next(message);
        broker_message_free(message);
    }
    presence_free(w->presence);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

/* --- what tests do --- */

/* A loop turn: what the broker said is handled, and everything is written. */
static inline void turn(struct world *w)
{
    presence_broker_ready(w->presence);
    rides_flush(presence_rides(w->presence));
    outlets_flush(&w->outlets);
}

static inline void assert_journal(struct world *w, const char *expected)
{
    turn(w);
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_string_equal(w->journal.data, expected);
    buf_clear(&w->journal);
}

static inline void advance(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, clock_ms());
}

static inline void join_ride(struct world *w, int i, const char *ride)
{
    struct client *client = &w->client[i];
    client->rider = rider_new(w->presence, ride, &client->outlet, &OPS, client);
    strcpy(client->id, rider_id(client->rider));
}

static inline void join(struct world *w, int i)
{
    join_ride(w, i, "/");
}

/* Clients may come back. Nobody is on any ride yet. */
static inline void allow_recovery(struct world *w)
{
    presence_free(w->presence);
    w->window_ms = WINDOW;
    w->epoch = "epoch-01";
    start(w, "*");
    says_secret(w, 'k');
    presence_broker_ready(w->presence);
}

/* The first `count` clients are on the ride, whose roster is empty at offset 0. */
static inline void join_live(struct world *w, int count)
{
    for (int i = 0; i < count; i++)
        join(w, i);
    says_roster(w, "/", 0, "");
    turn(w);
    buf_clear(&w->journal);
}

static const struct ack NO_ACK = {0};
static const struct ack ACK_5 = {.wanted = true, .number = 5};

static inline void say(struct world *w, int i, const char *json, const struct ack *ack)
{
    rider_message(w->client[i].rider, json, strlen(json), ack);
}

#define BOARDING "{\"id\":\"u\",\"name\":\"n\",\"status\":\"boarding\"}"
#define EXITING  "{\"id\":\"u\",\"name\":\"n\",\"status\":\"exiting\"}"
#define AWAY     "the presence store cannot be reached now; try again"

#endif
