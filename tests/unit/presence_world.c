/*
 * A broker that writes down what it is asked, and riders that write down what they hear.
 */
#include "tests/unit/presence_world.h"

#include "common/clock.h"
#include "common/user.h"
#include "gateway/rides/ride.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct ack NO_ACK = {0};
const struct ack ACK_5 = {.wanted = true, .number = 5};

/* --- the broker --- */

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
    journal_note(&broker->world->journal, "watch %s", ride);
}

void broker_unwatch(struct broker *broker, const char *ride)
{
    journal_note(&broker->world->journal, "unwatch %s", ride);
}

void broker_submit(struct broker *broker, const struct broker_transition *transition)
{
    static const char *const kinds[] = {"board", "exit", "disconnect", "suspend", "resume"};
    struct submitted *submitted = &broker->submitted[broker->submitted_count++];

    assert_in_range(broker->submitted_count, 1, SUBMITTED_MAX);
    submitted->kind = transition->kind;
    submitted->ticket = transition->ticket;
    submitted->tenure = transition->tenure;
    submitted->returned = transition->returned;
    strcpy(submitted->ride, transition->ride);
    strcpy(submitted->socket_id, transition->socket_id);
    journal_note(&broker->world->journal, "%s %s %s%s%s", kinds[transition->kind], transition->ride,
                 name_of(broker->world, transition->socket_id), transition->user ? " " : "",
                 transition->user ? transition->user->data : "");
}

void broker_replay(struct broker *broker, const char *ride, const struct broker_position *from,
                   const char *socket_id, uint64_t ticket)
{
    struct submitted *submitted = &broker->submitted[broker->submitted_count++];

    assert_in_range(broker->submitted_count, 1, SUBMITTED_MAX);
    submitted->ticket = ticket;
    strcpy(submitted->ride, ride);
    journal_note(&broker->world->journal, "replay %s after %d-%s%s%s", ride, (int)from->offset, from->epoch,
                 socket_id ? " for " : "", socket_id ? name_of(broker->world, socket_id) : "");
}

void broker_forget(struct broker *broker, uint64_t ticket)
{
    (void)ticket;
    journal_note(&broker->world->journal, "forget");
}

void broker_reread(struct broker *broker, const char *ride)
{
    journal_note(&broker->world->journal, "reread %s", ride);
}

struct broker_message *broker_take(struct broker *broker)
{
    struct broker_message *messages = broker->first;

    broker->first = NULL;
    broker->end = &broker->first;
    return messages;
}

/* --- the broker's lines --- */

struct broker_message *message_new(struct world *w, enum broker_message_kind kind, const char *ride,
                                   uint64_t offset)
{
    struct broker_message *message = calloc(1, sizeof *message);

    assert_non_null(message);
    message->kind = kind;
    strcpy(message->ride, ride);
    message->position.offset = offset;
    strcpy(message->position.epoch, w->epoch);
    snprintf(message->position.chain, sizeof message->position.chain, "%08x", (unsigned)offset);
    *w->broker.end = message;
    w->broker.end = (struct broker_message **)&message->mail.next;
    return message;
}

static const char RECORD_BEGINS[] = "{\"is\":", RECORD_GOES_ON[] = ",\"id\":\"", RECORD_ENDS[] = "\"}";

static struct blob *record_of(const char *id, const char *user)
{
    char record[256];
    int len =
        snprintf(record, sizeof record, "%s%s%s%s%s", RECORD_BEGINS, user, RECORD_GOES_ON, id, RECORD_ENDS);

    assert_in_range(len, 1, sizeof record - 1);
    return blob_new(record, (size_t)len);
}

struct broker_message *says_roster(struct world *w, const char *ride, uint64_t offset, const char *set)
{
    struct broker_message *message = message_new(w, BROKER_ROSTER, ride, offset);

    message->riders = calloc(strlen(set) + 1, sizeof *message->riders);
    assert_non_null(message->riders);
    for (; *set; set += set[2] ? 3 : 2) {
        struct broker_rider *rider = &message->riders[message->rider_count++];

        rider->user = record_of((char[]){set[0], '\0'}, (char[]){set[1], '\0'});
    }
    return message;
}

void says_renumbered(struct world *w, const char *epoch, uint64_t offset, const char *set)
{
    w->epoch = epoch;
    says_roster(w, "/", offset, set)->renumbered = true;
}

void says_event(struct world *w, uint64_t offset, enum broker_event_kind kind, const char *socket_id,
                const char *user)
{
    struct broker_message *message = message_new(w, BROKER_EVENT, "/", offset);

    message->event = kind;
    strcpy(message->socket_id, socket_id);
    message->user = record_of(socket_id, user);
}

void says_event_of(struct world *w, uint64_t offset, enum broker_event_kind kind, const char *socket_id,
                   const char *id, const char *user)
{
    struct broker_message *message = message_new(w, BROKER_EVENT, "/", offset);

    message->event = kind;
    strcpy(message->socket_id, socket_id);
    message->user = record_of(id, user);
}

struct broker_message *says_result(struct world *w, size_t n, uint64_t offset, const char *error)
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

void says_resumed(struct world *w, size_t n, uint64_t offset, const char *user)
{
    says_result(w, n, offset, NULL)->user = blob_new(user, strlen(user));
}

struct broker_message *says_history(struct world *w, size_t n, uint64_t first, uint64_t last)
{
    struct broker_message *message = message_new(w, BROKER_HISTORY, "/", last);

    message->ticket = w->broker.submitted[n].ticket;
    message->ok = true;
    message->events = calloc(last + 2 - first, sizeof *message->events);
    assert_non_null(message->events);
    for (uint64_t offset = first; offset <= last; offset++) {
        char user = (char)('0' + offset);
        struct broker_past_event *event = &message->events[message->event_count++];

        *event =
            (struct broker_past_event){.offset = offset, .kind = BROKER_BOARDED, .user = blob_new(&user, 1)};
        snprintf(event->chain, sizeof event->chain, "%08x", (unsigned)offset);
    }
    return message;
}

void says_no_history(struct world *w, size_t n)
{
    struct broker_message *message = message_new(w, BROKER_HISTORY, "/", 9);

    message->ticket = w->broker.submitted[n].ticket;
}

void says_evicted(struct world *w, const char *ride, const char *socket_id)
{
    strcpy(message_new(w, BROKER_EVICTED, ride, 0)->socket_id, socket_id);
}

void says_secret(struct world *w, char letter)
{
    memset(message_new(w, BROKER_SECRET, "", 0)->secret, letter, SECRET_LEN);
}

void says_up(struct world *w, bool up)
{
    message_new(w, BROKER_STATE, "", 0)->up = up;
}

void says_tally_of(struct world *w, uint64_t offset, const char *set)
{
    struct broker_message *message = message_new(w, BROKER_TALLY, "/", offset);

    for (; *set; set += set[2] ? 3 : 2) {
        struct blob *user = record_of((char[]){set[0], '\0'}, (char[]){set[1], '\0'});

        message->rider_count++;
        message->marks += user_mark(user);
        blob_unref(user);
    }
}

struct broker_message *says_tally(struct world *w, uint64_t offset, size_t count)
{
    struct broker_message *message = message_new(w, BROKER_TALLY, "/", offset);

    message->rider_count = count;
    return message;
}

/* --- riders --- */

static size_t carrier_room(struct outlet *outlet)
{
    (void)outlet;
    return SIZE_MAX;
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct client *client = (struct client *)outlet;
    enum ws_opcode opcode;
    const char *payload;
    size_t len;

    for (size_t at = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len);)
        journal_note(&client->world->journal, "%s < %.*s", client->name, (int)len, payload);
}

static void carrier_overflow(struct outlet *outlet)
{
    journal_note(&((struct client *)outlet)->world->journal, "overflow");
}

/* Through the outlet, as real riders do, so that the place among the events shows. */
static void acknowledge(void *arg, const struct ack *ack, const char *json, size_t len)
{
    struct client *client = arg;
    char prefix[32];

    assert_true(ack->wanted);
    snprintf(prefix, sizeof prefix, "ack %u%s ", (unsigned)ack->number, ack->text ? ack->text->data : "");
    outlet_packet(&client->outlet, WS_TEXT, prefix, json, len);
}

static void tell_users(void *arg, const struct ack *ack, struct blob *json)
{
    acknowledge(arg, ack, json->data, json->len);
}

static void exception(void *arg, const char *message)
{
    struct client *client = arg;

    outlet_packet(&client->outlet, WS_TEXT, "exception ", message, strlen(message));
}

static void end(struct client *client, enum rider_end how)
{
    rider_free(client->rider, how);
    client->rider = NULL;
}

void leave(struct client *client)
{
    end(client, RIDER_LEFT);
}

void drop(struct client *client)
{
    end(client, RIDER_LOST);
}

static void disconnect(void *arg)
{
    struct client *client = arg;

    outlet_packet(&client->outlet, WS_TEXT, "disconnected", NULL, 0);
    if (client->leaves_at_disconnect)
        leave(client);
}

static void evict(void *arg)
{
    struct client *client = arg;

    journal_note(&client->world->journal, "%s evicted", client->name);
    if (client->leaves_when_evicted)
        drop(client);
}

static void resumed(void *arg, bool recovered)
{
    struct client *client = arg;

    journal_note(&client->world->journal, "%s %s", client->name, recovered ? "recovered" : "not recovered");
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

const struct rider_ops OPS = {acknowledge, tell_users, exception, disconnect,
                              evict,       resumed,    address,   subject};

static void stop(void *arg)
{
    ((struct world *)arg)->stops++;
}

static void reload(void *arg)
{
    ((struct world *)arg)->reloads++;
}

void start(struct world *w, const char *rides)
{
    w->options = (struct presence_options){
        .rides = rides,
        .max_user_bytes = USER_MAX,
        .backlog_bytes = BACKLOG,
        .queue_bytes = QUEUE,
        .riders_per_ride = w->riders_per_ride,
        .roster_bytes = w->roster_bytes,
        .transitions = w->transitions,
        .events = w->events,
        .recovery_window_ms = w->window_ms,
        .node_lease_ms = LEASE,
        .broker = &w->broker,
        .timers = w->timers,
        .stop = stop,
        .reload = reload,
        .owner = w,
        .peers = w->peers,
        .refusals = w->refusals,
    };
    w->presence = presence_new(&w->options);
}

int setup(void **state)
{
    static const struct outlet_carrier carrier = {
        .room = carrier_room, .write = carrier_write, .overflow = carrier_overflow};
    static const char *const names[CLIENTS] = {"ann", "bob", "cyd"};
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    virtual_us = 1000000;
    w->epoch = "e";
    w->outlets.backlog_bytes = BACKLOG;
    w->broker.world = w;
    w->broker.end = &w->broker.first;
    w->timers = timers_new();
    journal_init(&w->journal);
    for (int i = 0; i < CLIENTS; i++) {
        w->client[i].world = w;
        w->client[i].name = names[i];
        outlet_init(&w->client[i].outlet, &w->outlets, &carrier);
    }
    start(w, "*");
    *state = w;
    return 0;
}

int teardown(void **state)
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
    peers_free(w->peers);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

/* --- what tests do --- */

void turn(struct world *w)
{
    presence_broker_ready(w->presence);
    rides_flush(presence_rides(w->presence));
    outlets_flush(&w->outlets);
}

void in_short(char *text)
{
    for (char *record = text; (record = strstr(record, RECORD_BEGINS));) {
        char *shown = record + strlen(RECORD_BEGINS);
        char *shown_end = strstr(shown, RECORD_GOES_ON);
        char *end = strstr(shown_end, RECORD_ENDS) + strlen(RECORD_ENDS);
        size_t len = (size_t)(shown_end - shown);

        memmove(record, shown, len);
        record += len;
        memmove(record, end, strlen(end) + 1);
    }
}

void assert_journal(struct world *w, const char *expected)
{
    turn(w);
    if (w->journal.len > 0) {
        assert_int_equal(buf_append(&w->journal, "", 1), 0);
        in_short(w->journal.data);
        w->journal.len = strlen(w->journal.data);
    }
    journal_check(&w->journal, expected);
}

void advance(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, clock_ms());
}

void join_ride(struct world *w, int i, const char *ride)
{
    struct client *client = &w->client[i];
    const struct rider_options options = {
        .ride = ride, .outlet = &client->outlet, .ops = &OPS, .client = client, .pace = &client->pace};

    client->rider = rider_new(presence_riders(w->presence), &options);
    strcpy(client->id, rider_id(client->rider));
}

void join(struct world *w, int i)
{
    join_ride(w, i, "/");
}

void allow_recovery(struct world *w)
{
    presence_free(w->presence);
    w->window_ms = WINDOW;
    w->epoch = "epoch-01";
    start(w, "*");
    says_secret(w, 'k');
    presence_broker_ready(w->presence);
}

void join_live(struct world *w, int count)
{
    for (int i = 0; i < count; i++)
        join(w, i);
    says_roster(w, "/", 0, "");
    turn(w);
    buf_clear(&w->journal);
}

void say(struct world *w, int i, const char *json, const struct ack *ack)
{
    rider_message(w->client[i].rider, json, strlen(json), ack);
}
