/*
 * A Redis, or a sentinel, that answers anything: the whole Redis backend above its connections
 * (redis_world.h). The input is orders from the gateway, replies from Redis, and what happens to connections:
 *
 *   w u         a ride is watched, unwatched
 *   b e x s m   a socket boards, exits, disconnects, is suspended, comes back
 *   B E         a socket boards, exits as another person
 *   y a v n     a replay, what this node says, a survey, the roster is to be read anew
 *   . *         the oldest command, or all, answered as Redis does
 *   r           the bytes that follow answer the oldest command
 *   p           ... or come on the connection for events
 *   h t c       this node is told that it holds a socket, that another has taken it; is asked to check
 *   l g z q     Redis loses its persons, is an older copy, is empty, publishes no event this once
 *   d           the lease of this node is gone
 *   + -         a connection is ready, is lost
 *   k           time passes
 *   f           the gateway stops
 *
 * Each is a letter and a digit (which ride, socket, connection, how much); an input that begins with `S` uses
 * sentinels. Replies are RESP and read by hiredis. Whatever Redis says, each order gets one answer, and of a
 * ride the gateway hears a roster and then events whose offsets rise by one and whose chains lead on.
 */
#include "broker/backend.h"
#include "broker/chain.h"
#include "broker/message.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "tests/fuzz/backend_host.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/redis_store.h"
#include "tests/fuzz/redis_world.h"
#include "tests/fuzz/virtual.h"
#include "tests/lib/virtual_clock.h"

#include <stdio.h>
#include <string.h>

enum { RIDES = 3, ANSWERS_MAX = 256 };

/* What the gateway has been told of a ride. */
struct told {
    bool watched, known;
    struct broker_position at;
};

struct broker {
    struct backend *backend;
    struct outbox outbox;
    struct told rides[RIDES];
    uint64_t orders, answers; /* transitions, replays and surveys */
    bool stopping;
};

static struct broker gateway;

static const char *const RIDE_NAMES[RIDES] = {"/", "/line-7", "/a"};

/* One for all inputs: nobody reads them. */
static struct metrics *registry;
static const struct broker_metrics *metrics;

/* --- what the gateway is told --- */

static struct told *told_of(const char *ride)
{
    for (size_t i = 0; i < RIDES; i++)
        if (!strcmp(RIDE_NAMES[i], ride))
            return &gateway.rides[i];
    abort();
}

static void hear_roster(struct told *told, const struct broker_message *message)
{
    CHECK(told->watched);
    CHECK(!message->renumbered || (told->known && strcmp(told->at.epoch, message->position.epoch) != 0));
    told->known = true;
    told->at = message->position;
}

static void hear_event(struct told *told, const struct broker_message *message)
{
    CHECK(told->watched && told->known && message->user);
    CHECK(!strcmp(told->at.epoch, message->position.epoch));
    CHECK(message->position.offset == told->at.offset + 1);
    CHECK(message->position.chain[0] && !strcmp(message->before, told->at.chain));
    told->at = message->position;
}

void outbox_tell(struct outbox *outbox, struct broker_message *message)
{
    struct broker *broker = outbox->arg;

    switch (message->kind) {
    case BROKER_ROSTER:
        hear_roster(told_of(message->ride), message);
        break;
    case BROKER_EVENT:
        hear_event(told_of(message->ride), message);
        break;
    case BROKER_RESULT:
    case BROKER_HISTORY:
        told_of(message->ride);
        broker->answers++;
        break;
    case BROKER_SURVEY:
        CHECK(!message->user || json_text_valid(message->user->data, message->user->len, 16));
        broker->answers++;
        break;
    case BROKER_TALLY:
        CHECK(told_of(message->ride)->watched && !message->riders);
        break;
    default:
        break;
    }
    broker_message_free(message);
}

void outbox_progress(struct outbox *outbox)
{
    struct broker *broker = outbox->arg;

    if (broker->stopping)
        broker->backend->row->finish(broker->backend);
}

/* --- what the gateway wants --- */

static int socket_letter(unsigned digit)
{
    return 'A' + (int)(digit / RIDES);
}

static struct order *new_order(enum order_kind kind, unsigned digit)
{
    gateway.orders++;
    return order_new(kind, RIDE_NAMES[digit % RIDES]);
}

static void submit(enum broker_transition_kind kind, const char *record, unsigned digit)
{
    struct order *order = new_order(ORDER_SUBMIT, digit);

    order->transition = kind;
    memset(order->socket_id, socket_letter(digit), SOCKET_ID_LEN);
    if (kind == BROKER_BOARD || kind == BROKER_EXIT)
        order->user = blob_new(record, strlen(record));
    gateway.backend->row->submit(gateway.backend, order);
}

static void replay(unsigned digit)
{
    struct order *order = new_order(ORDER_REPLAY, digit);

    order->from = (struct broker_position){.offset = digit / RIDES};
    strcpy(order->from.epoch, STORE_EPOCH);
    if (digit < RIDES)
        strcpy(order->from.chain, CHAIN_START);
    gateway.backend->row->replay(gateway.backend, order);
}

static void watch(unsigned digit, bool wanted)
{
    const char *ride = RIDE_NAMES[digit % RIDES];
    struct told *told = &gateway.rides[digit % RIDES];

    if (told->watched == wanted)
        return;
    if (!wanted)
        gateway.backend->row->unwatch(gateway.backend, ride);
    *told = (struct told){.watched = wanted};
    if (wanted)
        gateway.backend->row->watch(gateway.backend, ride);
}

static void survey(void)
{
    gateway.orders++;
    gateway.backend->row->survey(gateway.backend);
}

static void say_about(void)
{
    struct blob *json = blob_new("{}", 2);

    gateway.backend->row->about(gateway.backend, json);
    blob_unref(json);
}

/* --- what happens --- */

static void let_time_pass(unsigned digit)
{
    static const unsigned steps_ms[] = {0, 1, 10, 100, 200, 500, 1000, 3000, 10000, 60000};
    uint64_t end_ms = clock_ms() + steps_ms[digit];
    unsigned fired = 0;

    while (virtual_next_ms() <= end_ms && fired++ < ANSWERS_MAX) {
        if (virtual_next_ms() > clock_ms())
            virtual_pass_ms(virtual_next_ms() - clock_ms());
        virtual_fire();
        world_turn();
    }
    virtual_pass_ms(end_ms - clock_ms());
}

static void stop_orders(void)
{
    gateway.stopping = true;
    gateway.backend->row->finish(gateway.backend);
}

/* Whether it is the letter of an order; a gateway that stops gives none any more. */
static bool order(char letter, unsigned digit)
{
    static const char transitions[] = "bexsmBE";
    enum { ANOTHER = BROKER_RESUME + 1 };
    const char *transition = strchr(transitions, letter);

    if (!letter || (!transition && !strchr("wuyavn", letter)))
        return false;
    if (gateway.stopping)
        return true;
    if (transition)
        submit((enum broker_transition_kind)((transition - transitions) % ANOTHER),
               transition - transitions < ANOTHER ? "{\"id\":\"u\"}" : "{\"id\":\"v\"}", digit);
    else if (letter == 'w' || letter == 'u')
        watch(digit, letter == 'w');
    else if (letter == 'y')
        replay(digit);
    else if (letter == 'a')
        say_about();
    else if (letter == 'n')
        gateway.backend->row->reread(gateway.backend, RIDE_NAMES[digit % RIDES]);
    else
        survey();
    gateway.backend->row->settle(gateway.backend);
    return true;
}

/* Whether it is a letter of what others do at Redis. */
static bool disturb(char letter, unsigned digit)
{
    const char *ride = RIDE_NAMES[digit % RIDES];
    char socket_id[SOCKET_ID_LEN + 1] = "", text[200];

    memset(socket_id, socket_letter(digit), SOCKET_ID_LEN);
    switch (letter) {
    case 'h':
        snprintf(text, sizeof text, "held %s %s", ride, socket_id);
        world_tell_node(text);
        return true;
    case 't':
        snprintf(text, sizeof text, "taken %s 9000000000000000 %s", ride, socket_id);
        world_tell_node(text);
        return true;
    case 'c':
        world_tell_ride(ride, "check");
        return true;
    case 'd':
        world_lose_lease();
        return true;
    case 'l':
        store_lose_persons();
        return true;
    case 'g':
        store_go_back();
        return true;
    case 'z':
        store_lose_all();
        return true;
    case 'q':
        store_be_silent();
        return true;
    default:
        return false;
    }
}

/* How many of the bytes were used; 0: the input ends. */
static size_t step(const char *at, size_t left)
{
    unsigned digit = left > 1 && at[1] >= '0' && at[1] <= '9' ? (unsigned)(at[1] - '0') : 0;
    unsigned answers = 0;
    size_t used = left > 1 ? 2 : 1;

    if (order(*at, digit) || disturb(*at, digit))
        return used;
    switch (*at) {
    case 'r':
    case 'p': {
        struct redis_link *link = *at == 'p' ? world_event_link() : world_command_link(digit);
        size_t said = world_say(link, at + used, left - used);
        return said ? used + said : 0;
    }
    case '.':
        world_answer(world_link(digit));
        return used;
    case '*':
        while (answers++ < ANSWERS_MAX && world_answer(world_link(digit)))
            ;
        return used;
    case '+':
        world_connect(world_link(digit));
        return used;
    case '-':
        world_disconnect(world_link(digit));
        return used;
    case 'k':
        let_time_pass(digit);
        return used;
    case 'f':
        stop_orders();
        return used;
    default:
        return 1;
    }
}

static void begin(bool sentinels)
{
    struct backend_setup setup = {
        .outbox = &gateway.outbox,
        .url = sentinels ? "redis+sentinel://a,b/primary" : "redis://:password@a/1",
        .prefix = "r:",
        .node_id = "me",
        .queue_bytes = 2000,
        .connections_per_user = 3,
        .node_lease_ms = 3000,
        .recovery_window_ms = 15000,
        .metrics = metrics,
    };
    char error[200];

    virtual_begin();
    gateway = (struct broker){.outbox = {.arg = &gateway}};
    world_begin();
    gateway.backend = backend_redis.open(&setup, error, sizeof error);
    CHECK(gateway.backend);
    backend_redis.start(gateway.backend);
}

static void end(void)
{
    stop_orders();
    world_turn();
    backend_redis.stop(gateway.backend, "the end");
    CHECK(gateway.answers == gateway.orders && world_pending() == 0);
    backend_redis.free(gateway.backend);
    CHECK(virtual_idle());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    size_t left = size, used = 1;

    if (!registry) {
        registry = metrics_new();
        metrics = any_metrics(registry);
    }
    begin(size > 0 && *at == 'S');
    while (left > 0 && used > 0) {
        used = step(at, left);
        at += used;
        left -= used;
        world_turn();
    }
    end();
    return 0;
}
