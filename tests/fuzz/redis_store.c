#include "tests/fuzz/redis_store.h"

#include "broker/chain.h"
#include "broker/redis/record.h"
#include "broker/redis/scripts.h"
#include "common/user.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>

enum { RIDES = 8, CONNECTIONS = 64, LOGGED = 8, ID_SIZE = 200, RECORD_SIZE = 300, NODE_SIZE = 100 };

/* Where the arguments of scripts are, behind EVALSHA, digest, count and five keys (scripts/ride.lua). */
enum {
    USERS = 3,
    CHANNEL = 8,
    CANDIDATE = 11,
    KNOWN_EPOCH,
    KNOWN_OFFSET,
    KNOWN_CHAIN,
    LEFT,
    OWN, /* the first of the script's own */
};

/* Those of scripts/roster.lua, */
enum { FROM_EPOCH = OWN + 1, FROM_OFFSET };

/* and of operations (scripts/operation.lua), once each has been taken out of its call. */
enum { NODE = OWN, RUN, BEFORE, KIND, SOCKET, ID, USER, TENURE, SEQUENCE, LIMIT, OPERATION_ARGS };

struct event {
    uint64_t offset;
    char chain[CHAIN_LEN + 1], operation[64];
    enum broker_event_kind kind;
    char socket[SOCKET_ID_LEN + 1], record[RECORD_SIZE];
};

struct ride {
    char users[300]; /* the key; empty: none yet */
    char channel[300];
    char epoch[EPOCH_LEN + 1], chain[CHAIN_LEN + 1];
    uint64_t offset, done, tenure;
    bool crowd;               /* somebody was aboard when the epoch began */
    struct event log[LOGGED]; /* the latest, by offset */
};

struct connection {
    struct ride *ride; /* NULL: free */
    char socket[SOCKET_ID_LEN + 1], id[ID_SIZE], record[RECORD_SIZE], node[NODE_SIZE];
    bool suspended, aboard;
    uint64_t tenure;
};

static struct ride rides[RIDES];
static struct connection connections[CONNECTIONS];
static store_publish *publish;
static bool silent;

static const char *const kind_words[] = {
    [BROKER_BOARDED] = "boarded",   [BROKER_EXITED] = "exited", [BROKER_DISCONNECTED] = "disconnected",
    [BROKER_RESTORED] = "restored", [BROKER_ENDED] = "ended",
};

/* --- RESP --- */

void resp_list(struct buf *out, size_t count)
{
    CHECK(!buf_appendf(out, "*%zu\r\n", count));
}

void resp_text(struct buf *out, const char *text)
{
    CHECK(!buf_appendf(out, "$%zu\r\n%s\r\n", strlen(text), text));
}

void resp_number(struct buf *out, unsigned long long number)
{
    CHECK(!buf_appendf(out, ":%llu\r\n", number));
}

static void resp_digits(struct buf *out, uint64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%" PRIu64, number);
    resp_text(out, digits);
}

/* --- rides --- */

/* The input may have one script called as another: what is not there is empty. */
static const char *arg(const struct store_call *call, size_t n)
{
    return n < call->count ? call->args[n] : "";
}

static uint64_t number(const struct store_call *call, size_t n)
{
    return strtoull(arg(call, n), NULL, 10);
}

#define COPY(to, from) snprintf(to, sizeof(to), "%s", from)

static size_t count_aboard(const struct ride *ride);

static void begin_epoch(struct ride *ride, const char *epoch)
{
    COPY(ride->epoch, epoch);
    strcpy(ride->chain, CHAIN_START);
    ride->offset = 0;
    ride->crowd = count_aboard(ride) > 0;
    memset(ride->log, 0, sizeof ride->log);
}

static const struct event *logged(const struct ride *ride, uint64_t offset)
{
    const struct event *event = &ride->log[offset % LOGGED];

    return offset > 0 && event->offset == offset ? event : NULL;
}

/* Whether what is known leads to where the ride is. */
static bool leads_on(const struct ride *ride, const struct store_call *call)
{
    uint64_t offset = number(call, KNOWN_OFFSET);
    const char *chain = arg(call, KNOWN_CHAIN);
    const struct event *event = logged(ride, offset);

    if (offset > ride->offset)
        return false;
    if (offset == ride->offset)
        return !*chain || !strcmp(chain, ride->chain);
    return !event || !*chain || !strcmp(chain, event->chain);
}

/* Rides that the input makes up take the last place from each other. */
static struct ride *place_of(const char *users)
{
    struct ride *ride = rides, *last = rides + RIDES - 1;

    while (ride < last && ride->users[0] && strcmp(ride->users, users) != 0)
        ride++;
    if (ride < last || !strcmp(ride->users, users))
        return ride;
    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        if (at->ride == ride)
            at->ride = NULL;
    memset(ride, 0, sizeof *ride);
    return ride;
}

static struct ride *ride_of(const struct store_call *call, bool begins)
{
    struct ride *ride = place_of(arg(call, USERS));

    if (!ride->users[0]) {
        COPY(ride->users, arg(call, USERS));
        COPY(ride->channel, arg(call, CHANNEL));
        begin_epoch(ride, STORE_EPOCH);
        ride->tenure = 1;
    }
    if (begins &&
        (!strcmp(ride->epoch, arg(call, KNOWN_EPOCH)) ? !leads_on(ride, call)
                                                      : strstr(arg(call, LEFT), ride->epoch) != NULL))
        begin_epoch(ride, arg(call, CANDIDATE));
    return ride;
}

/* What a call tells of one ride. */
static struct buf told;
static char told_on[300];

static void forget_told(void)
{
    buf_deinit(&told);
    buf_init(&told, SIZE_MAX / 2);
}

static void tell(struct ride *ride, const char *operation, enum broker_event_kind kind, const char *socket,
                 const char *record)
{
    struct event *event = &ride->log[(ride->offset + 1) % LOGGED];
    char before[CHAIN_LEN + 1], text[RECORD_SIZE + 200];

    COPY(before, ride->chain);
    chain_next(ride->chain, operation, kind, socket);
    *event = (struct event){.offset = ++ride->offset, .kind = kind};
    COPY(event->chain, ride->chain);
    COPY(event->operation, operation);
    COPY(event->socket, socket);
    COPY(event->record, record);
    snprintf(text, sizeof text, "%s %" PRIu64 " %s %s %s %s %s", ride->epoch, ride->offset, ride->chain,
             before, kind_words[kind], socket, record);
    if (!silent) {
        CHECK(!buf_appendf(&told, "%s%s", told.len > 0 ? "\x1e" : "", text));
        COPY(told_on, ride->channel);
    }
    silent = false;
}

/* As the scripts do: several events in one message. */
static void publish_told(void)
{
    if (told.len > 0)
        publish(told_on, told.data);
    forget_told();
}

/* --- connections --- */

static struct connection *find(const struct ride *ride, const char *socket)
{
    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        if (at->ride == ride && !strcmp(at->socket, socket))
            return at;
    return NULL;
}

static struct connection *get(struct ride *ride, const char *socket)
{
    struct connection *at = find(ride, socket);

    for (struct connection *other = connections; !at; other++) {
        CHECK(other < connections + CONNECTIONS);
        if (!other->ride)
            at = other;
    }
    at->ride = ride;
    COPY(at->socket, socket);
    return at;
}

/* Another connection as which the person is aboard; NULL: none. */
static struct connection *person(const struct ride *ride, const char *id, const struct connection *but)
{
    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        if (at->ride == ride && at->aboard && at != but && !strcmp(at->id, id))
            return at;
    return NULL;
}

/* Counts persons as a script would: each by the first of its connections. */
static size_t count_aboard(const struct ride *ride)
{
    size_t count = 0;

    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        count += at->ride == ride && at->aboard && person(ride, at->id, NULL) == at;
    return count;
}

static size_t count_suspended(const struct ride *ride)
{
    size_t count = 0;

    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        count += at->ride == ride && at->suspended;
    return count;
}

static void end(struct connection *at, const char *operation)
{
    if (at->aboard)
        tell(at->ride, operation, person(at->ride, at->id, at) ? BROKER_ENDED : BROKER_DISCONNECTED,
             at->socket, at->record);
    *at = (struct connection){.ride = NULL};
}

/* --- answers --- */

static void say_position(struct buf *reply, const char *word, const struct ride *ride, size_t more)
{
    resp_list(reply, 4 + more);
    resp_text(reply, word);
    resp_text(reply, ride->epoch);
    resp_digits(reply, ride->offset);
    resp_text(reply, ride->chain);
}

static void say_word(struct buf *reply, const char *word)
{
    resp_list(reply, 1);
    resp_text(reply, word);
}

static void say_ok(struct buf *reply, const struct ride *ride, uint64_t tenure, const char *detail)
{
    char text[RECORD_SIZE + 100];

    snprintf(text, sizeof text, "ok %s %" PRIu64 " %s %" PRIu64 " %s", ride->epoch, ride->offset, ride->chain,
             tenure, detail);
    resp_text(reply, text);
}

static void say_moved(struct buf *reply, const struct ride *ride)
{
    char text[100];

    snprintf(text, sizeof text, "moved %s %" PRIu64 " %s", ride->epoch, ride->offset, ride->chain);
    resp_text(reply, text);
}

static void say_log(struct buf *reply, const struct ride *ride, uint64_t from)
{
    char id[30];

    say_position(reply, "log", ride, 1);
    resp_list(reply, ride->offset - from);
    while (from < ride->offset) {
        const struct event *event = logged(ride, ++from);

        snprintf(id, sizeof id, "%" PRIu64 "-0", from);
        resp_list(reply, 2);
        resp_text(reply, id);
        resp_list(reply, 10);
        resp_text(reply, "chain");
        resp_text(reply, event->chain);
        resp_text(reply, "op");
        resp_text(reply, event->operation);
        resp_text(reply, "kind");
        resp_text(reply, kind_words[event->kind]);
        resp_text(reply, "socket");
        resp_text(reply, event->socket);
        resp_text(reply, "user");
        resp_text(reply, event->record);
    }
}

/* On the channel of the node that holds it: a word, the ride and the rest. */
static void tell_node(const struct connection *at, const char *word, const char *rest)
{
    char channel[NODE_SIZE + 20], text[400];
    const char *name = strchr(at->ride->users, '{');

    if (!name)
        return;
    snprintf(channel, sizeof channel, "r:node:%s", at->node);
    snprintf(text, sizeof text, "%s %.*s %s", word, (int)strcspn(name + 1, "}"), name + 1, rest);
    publish(channel, text);
}

/* --- operations --- */

struct operation {
    const struct store_call *call;
    struct ride *ride;
    const char *socket, *node, *id, *user;
    char name[64];
    struct connection *at; /* NULL: not known */
    bool mine, stale;
    struct buf *reply;
};

static void hold(struct operation *op, uint64_t tenure)
{
    struct connection *at = get(op->ride, op->socket);
    char words[60];

    if (op->at && !op->mine && !op->at->suspended) {
        snprintf(words, sizeof words, "%" PRIu64 " %s", tenure, op->socket);
        tell_node(at, "taken", words);
    }
    COPY(at->node, op->node);
    COPY(at->id, op->id);
    at->tenure = tenure;
    at->aboard = true;
    at->suspended = false;
}

static void board(struct operation *op, enum broker_event_kind kind, const char *detail)
{
    uint64_t tenure = op->mine ? op->at->tenure : ++op->ride->tenure;

    if (op->at && strcmp(op->at->id, op->id) != 0) {
        end(op->at, op->name);
        op->at = NULL;
    }
    tell(op->ride, op->name, kind, op->socket, op->user);
    hold(op, tenure);
    for (struct connection *at = connections; at < connections + CONNECTIONS; at++)
        if (at->ride == op->ride && at->aboard && !strcmp(at->id, op->id))
            COPY(at->record, op->user);
    say_ok(op->reply, op->ride, tenure, detail);
}

static void leave(struct operation *op)
{
    struct connection *at;

    tell(op->ride, op->name, BROKER_EXITED, op->socket, op->user);
    while ((at = person(op->ride, op->id, NULL))) {
        at->aboard = false;
        at->tenure = ++op->ride->tenure;
        if (at->suspended || at == op->at)
            *at = (struct connection){.ride = NULL};
    }
    say_ok(op->reply, op->ride, 0, "");
}

static void transition(struct operation *op)
{
    switch (*arg(op->call, KIND)) {
    case 'b':
        board(op, BROKER_BOARDED, "");
        break;
    case 'e':
        leave(op);
        break;
    default:
        if (op->mine)
            end(op->at, op->name);
        say_ok(op->reply, op->ride, 0, "");
    }
}

static void take_back(struct operation *op)
{
    uint64_t tenure = number(op->call, TENURE);
    const struct connection *other = person(op->ride, op->id, NULL);

    hold(op, tenure);
    COPY(get(op->ride, op->socket)->record, other->record);
    say_ok(op->reply, op->ride, tenure, "");
}

static void restore(struct operation *op)
{
    if (op->at && !op->at->aboard && op->mine)
        say_ok(op->reply, op->ride, op->at->tenure, "off");
    else if (!person(op->ride, op->id, NULL))
        board(op, BROKER_RESTORED, "missing");
    else
        take_back(op);
}

static void resume(struct operation *op)
{
    if (!op->at || !op->at->aboard) {
        say_ok(op->reply, op->ride, 0, "");
        return;
    }
    op->id = op->at->id;
    hold(op, ++op->ride->tenure);
    say_ok(op->reply, op->ride, op->at->tenure, op->at->record);
}

static void suspend(struct operation *op)
{
    if (op->mine && op->at->aboard) {
        op->at->suspended = true;
        strcpy(op->at->node, "-");
    }
    say_ok(op->reply, op->ride, 0, "");
}

static void operate_one(enum script script, const struct store_call *call, struct buf *reply)
{
    struct ride *ride = ride_of(call, true);
    const char *known = arg(call, KNOWN_EPOCH);
    struct operation op = {
        .call = call,
        .ride = ride,
        .socket = arg(call, SOCKET),
        .node = arg(call, NODE),
        .id = arg(call, ID),
        .user = arg(call, USER),
        .at = find(ride, arg(call, SOCKET)),
        .reply = reply,
    };

    if (*known && strcmp(known, ride->epoch) != 0) {
        say_moved(reply, ride);
        return;
    }
    if (number(call, BEFORE) > ride->done) {
        resp_text(reply, "early");
        return;
    }
    op.mine = op.at && !strcmp(op.at->node, op.node);
    op.stale = op.at && !op.mine && op.at->tenure > number(call, TENURE) && script != SCRIPT_RESUME;
    if (number(call, SEQUENCE) <= ride->done) {
        say_ok(reply, ride, op.mine ? op.at->tenure : 0, "");
        return;
    }
    ride->done = number(call, SEQUENCE);
    snprintf(op.name, sizeof op.name, "%s-%s", arg(call, RUN), arg(call, SEQUENCE));
    if (op.stale && script != SCRIPT_SUSPEND)
        resp_text(reply, "refused");
    else if (script == SCRIPT_TRANSITION)
        transition(&op);
    else if (script == SCRIPT_RESTORE)
        restore(&op);
    else if (script == SCRIPT_RESUME)
        resume(&op);
    else
        suspend(&op);
}

/* The words of one operation, and where its call is being read (scripts/rides.lua). */
struct reading {
    const struct store_call *call;
    size_t at;
    char *one[OPERATION_ARGS];
};

static void read_words(struct reading *reading, size_t to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reading->one[to + i] = (char *)arg(reading->call, reading->at++);
}

static size_t operate_run(struct reading *reading, enum script script, struct buf *replies)
{
    size_t count = strtoul(arg(reading->call, reading->at++), NULL, 10);
    size_t done = 0;

    read_words(reading, BEFORE, 1);
    for (; done < count && reading->at < reading->call->count; done++) {
        read_words(reading, KIND, LIMIT + 1 - KIND);
        operate_one(script, &(struct store_call){reading->one, OPERATION_ARGS}, replies);
        reading->one[BEFORE] = reading->one[SEQUENCE];
    }
    return done;
}

static void operate(enum script script, const struct store_call *call, struct buf *reply)
{
    enum { KEYS = 5 };
    size_t ride_count = strtoul(arg(call, 2), NULL, 10) / KEYS, done = 0;
    struct reading reading = {.call = call, .at = USERS + ride_count * KEYS};
    struct buf replies;

    if (ride_count == 0 || reading.at >= call->count) {
        CHECK(!buf_append_str(reply, "-ERR wrong number of arguments\r\n"));
        return;
    }
    for (size_t i = 0; i < OPERATION_ARGS; i++)
        reading.one[i] = (char *)"";
    buf_init(&replies, SIZE_MAX / 2);
    read_words(&reading, CHANNEL, LEFT + 1 - CHANNEL);
    read_words(&reading, NODE, 2);
    for (size_t ride = 0; ride < ride_count; ride++) {
        reading.one[USERS] = (char *)arg(call, USERS + ride * KEYS);
        if (ride > 0) {
            read_words(&reading, CHANNEL, 1);
            read_words(&reading, KNOWN_EPOCH, LEFT + 1 - KNOWN_EPOCH);
        }
        done += operate_run(&reading, script, &replies);
        publish_told();
    }
    resp_list(reply, done);
    if (replies.len)
        CHECK(!buf_append(reply, replies.data, replies.len));
    buf_deinit(&replies);
}

/* --- what nodes do for all --- */

static void end_suspended(const struct store_call *call, struct buf *reply)
{
    struct ride *ride = ride_of(call, true);
    size_t ended = 0;

    for (struct connection *at = connections; at < connections + CONNECTIONS; at++) {
        if (at->ride != ride || !at->suspended)
            continue;
        end(at, "swept");
        ended++;
    }
    if (!ended) {
        resp_list(reply, 2);
        resp_text(reply, "none");
        resp_number(reply, 0);
        return;
    }
    say_position(reply, "ok", ride, 2);
    resp_number(reply, ended);
    resp_number(reply, 0);
}

static void reap(const struct store_call *call, struct buf *reply)
{
    struct ride *ride = ride_of(call, true);
    size_t taken = 0;

    for (struct connection *at = connections; at < connections + CONNECTIONS; at++) {
        if (at->ride != ride || strcmp(at->node, arg(call, OWN)) != 0)
            continue;
        at->suspended = true;
        strcpy(at->node, "-");
        taken++;
    }
    say_position(reply, "ok", ride, 2);
    resp_number(reply, taken);
    resp_text(reply, "0");
}

static void check(const struct store_call *call, struct buf *reply)
{
    enum { CHECKED = SOCKET_ID_LEN + 8 };
    const struct ride *ride = ride_of(call, false);
    const char *held = arg(call, OWN + 1);
    size_t count = strlen(held) / CHECKED, missing = 0;
    struct buf names;

    buf_init(&names, SIZE_MAX / 2);
    for (; count > 0; count--, held += CHECKED) {
        char socket[SOCKET_ID_LEN + 1];

        snprintf(socket, sizeof socket, "%s", held);
        const struct connection *at = find(ride, socket);
        if (at && at->aboard && !strcmp(at->node, arg(call, OWN)))
            continue;
        resp_text(&names, socket);
        missing++;
    }
    resp_list(reply, missing);
    if (names.len)
        CHECK(!buf_append(reply, names.data, names.len));
    buf_deinit(&names);
}

static uint32_t mark_of(const char *record)
{
    struct blob *user = blob_new(record, strlen(record));

    CHECK(user);
    uint32_t mark = user_mark(user);
    blob_unref(user);
    return mark;
}

/* Names what a node holds to it. */
static void audit(const struct store_call *call, struct buf *reply)
{
    struct ride *ride = ride_of(call, true);
    bool connected = *arg(call, OWN) == 'c', known = false;
    uint32_t marks = 0;

    for (struct connection *at = connections; connected && at < connections + CONNECTIONS; at++) {
        if (at->ride != ride || at->suspended)
            continue;
        tell_node(at, "held", at->socket);
        known = true;
    }
    for (struct connection *at = connections; !connected && at < connections + CONNECTIONS; at++)
        if (at->ride == ride && at->aboard && person(ride, at->id, NULL) == at)
            marks += mark_of(at->record);
    say_position(reply, "ok", ride, 6);
    resp_number(reply, count_aboard(ride));
    resp_number(reply, count_suspended(ride));
    resp_text(reply, "0");
    resp_list(reply, known);
    if (known)
        resp_text(reply, "dead");
    resp_number(reply, 0);
    resp_number(reply, marks);
}

/* --- what only reads --- */

static void say_users(struct buf *reply, const struct ride *ride)
{
    say_position(reply, "users", ride, 1);
    resp_list(reply, 2 * count_aboard(ride));
    for (struct connection *at = connections; at < connections + CONNECTIONS; at++) {
        if (at->ride != ride || !at->aboard || person(ride, at->id, NULL) != at)
            continue;
        resp_text(reply, at->id);
        resp_text(reply, at->record);
    }
}

static void roster(const struct store_call *call, struct buf *reply)
{
    const struct ride *ride = ride_of(call, true);
    const char *epoch = arg(call, FROM_EPOCH);
    uint64_t from = number(call, FROM_OFFSET);

    if (!strcmp(epoch, ride->epoch) && (from == ride->offset || logged(ride, from + 1))) {
        say_log(reply, ride, from);
    } else if (*epoch && strcmp(epoch, ride->epoch) != 0 && !ride->crowd &&
               (ride->offset == 0 || logged(ride, 1))) {
        resp_list(reply, 5);
        resp_text(reply, "anew");
        resp_text(reply, ride->epoch);
        resp_digits(reply, 0);
        resp_text(reply, CHAIN_START);
        resp_number(reply, 0);
    } else {
        say_users(reply, ride);
    }
}

static void replay(const struct store_call *call, struct buf *reply)
{
    const struct ride *ride = ride_of(call, false);
    uint64_t from = number(call, KNOWN_OFFSET);

    if (!strcmp(arg(call, KNOWN_EPOCH), ride->epoch) && leads_on(ride, call) &&
        (from == ride->offset || logged(ride, from + 1)))
        say_log(reply, ride, from);
    else
        say_word(reply, "gone");
}

/* --- scripts --- */

extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[], script_check[], script_audit[];

void store_load(const char *text, char *digest)
{
    static const char *const texts[SCRIPT_COUNT] = {
        [SCRIPT_TRANSITION] = script_transition,
        [SCRIPT_SUSPEND] = script_suspend,
        [SCRIPT_RESUME] = script_resume,
        [SCRIPT_RESTORE] = script_restore,
        [SCRIPT_REAP] = script_reap,
        [SCRIPT_SWEEP] = script_sweep,
        [SCRIPT_ROSTER] = script_roster,
        [SCRIPT_REPLAY] = script_replay,
        [SCRIPT_CHECK] = script_check,
        [SCRIPT_AUDIT] = script_audit,
    };
    int script = 0;

    while (strcmp(texts[script], text) != 0)
        CHECK(++script < SCRIPT_COUNT);
    snprintf(digest, SCRIPT_DIGEST_LEN + 1, "%040d", script);
}

void store_run(const struct store_call *call, struct buf *reply)
{
    const char *digest = arg(call, 1);
    size_t script = strtoul(digest, NULL, 10) % SCRIPT_COUNT;

    if (strlen(digest) != SCRIPT_DIGEST_LEN) {
        CHECK(!buf_append_str(reply, "-NOSCRIPT x\r\n"));
        return;
    }
    switch ((enum script)script) {
    case SCRIPT_REAP:
        reap(call, reply);
        break;
    case SCRIPT_SWEEP:
        end_suspended(call, reply);
        break;
    case SCRIPT_ROSTER:
        roster(call, reply);
        break;
    case SCRIPT_REPLAY:
        replay(call, reply);
        break;
    case SCRIPT_CHECK:
        check(call, reply);
        break;
    case SCRIPT_AUDIT:
        audit(call, reply);
        break;
    default:
        operate((enum script)script, call, reply);
    }
    publish_told();
}

/* --- what happens to it --- */

void store_begin(store_publish *publisher)
{
    memset(rides, 0, sizeof rides);
    memset(connections, 0, sizeof connections);
    publish = publisher;
    silent = false;
    forget_told();
}

void store_lose_persons(void)
{
    memset(connections, 0, sizeof connections);
}

void store_lose_all(void)
{
    memset(rides, 0, sizeof rides);
    store_lose_persons();
}

void store_go_back(void)
{
    for (struct ride *ride = rides; ride < rides + RIDES; ride++) {
        const struct event *first = logged(ride, 1);

        if (!first)
            continue;
        ride->offset = 1;
        COPY(ride->chain, first->chain);
        for (struct event *event = ride->log; event < ride->log + LOGGED; event++)
            if (event != first)
                event->offset = 0;
    }
}

void store_be_silent(void)
{
    silent = true;
}
