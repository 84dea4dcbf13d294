#include "tests/sim/world/visitor.h"

#include "tests/sim/world/chance.h"
#include "tests/sim/world/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ack ids of questions; transitions have those above. */
enum {
    ASK_ID = 0,
    ACT_LEAST_US = 100000,
    ACT_MOST_US = 4000000,
    LULL_ONE_IN = 6,
    LULL_LEAST_US = 5000000,
    LULL_MOST_US = 20000000,
};

static void act_within(struct visitor *visitor, uint64_t least_us, uint64_t most_us)
{
    schedule_set(&visitor->act, schedule_now_us() + chance_between(least_us, most_us));
}

static void say(struct visitor *visitor, const char *text)
{
    trace_write(visitor->name, "> %s", text);
    ws_client_say(&visitor->ws, text);
}

/* It is nobody whom the ride knows. */
static void forget(struct visitor *visitor)
{
    visitor->known = visitor->boarded = visitor->exiting = visitor->exited = visitor->returns = false;
    visitor->epoch[0] = visitor->sid[0] = visitor->pid[0] = visitor->position[0] = '\0';
}

/* What has no answer yet may or may not be done: then it does not come back as who it was. */
static void away(struct visitor *visitor)
{
    visitor->returns &= visitor->said == visitor->acked && !visitor->exiting;
    visitor->state = VISITOR_AWAY;
    visitor->paused = false;
    visitor->said = visitor->acked = visitor->asked = visitor->answered = 0;
    act_within(visitor, ACT_LEAST_US, ACT_MOST_US);
}

static void come(struct visitor *visitor)
{
    struct node *node = &visitor->nodes[chance_below(visitor->node_count)];

    visitor->node = node;
    if (!visitor->returns || chance_one_in(4)) {
        forget(visitor);
        visitor->ride = (unsigned)chance_below(visitor->ride_count);
    }
    visitor->state = VISITOR_COMING;
    trace_write(visitor->name, "comes to %s for ride-%u", node->name, visitor->ride);
    ws_client_connect(&visitor->ws, node, visitor->address, "/socket.io/?EIO=4&transport=websocket");
}

void visitor_ask(struct visitor *visitor)
{
    char text[64];

    if (visitor->asked > visitor->answered)
        return;
    visitor->asked++;
    snprintf(text, sizeof text, "42/ride-%u,%d[\"activeUsers\"]", visitor->ride, ASK_ID);
    say(visitor, text);
}

static void transit(struct visitor *visitor, const char *status)
{
    char record[128], text[256], *at = text;

    snprintf(record, sizeof record, "{\"id\":\"u%u\",\"name\":\"Visitor %u\",\"status\":\"%s\"}",
             visitor->number, visitor->number, status);
    at += sprintf(at, "42/ride-%u,%u[\"message\",", visitor->ride, ++visitor->said);
    if (chance_one_in(2)) {
        sprintf(at, "%s]", record);
    } else {
        *at++ = '"';
        for (const char *from = record; *from; from++) {
            if (*from == '"')
                *at++ = '\\';
            *at++ = *from;
        }
        strcpy(at, "\"]");
    }
    visitor->exiting = strcmp(status, "exiting") == 0;
    visitor->heard = false;
    if (visitor->exiting)
        visitor->boarded = false;
    say(visitor, text);
}

static void leave(struct visitor *visitor)
{
    char text[32];

    snprintf(text, sizeof text, "41/ride-%u,", visitor->ride);
    say(visitor, text);
    forget(visitor);
    ws_client_close(&visitor->ws);
    away(visitor);
}

static void drop(struct visitor *visitor, bool cut)
{
    trace_write(visitor->name, cut ? "is cut off" : "closes");
    if (cut)
        ws_client_cut(&visitor->ws);
    else
        ws_client_close(&visitor->ws);
    away(visitor);
}

static void pause(struct visitor *visitor, bool paused)
{
    trace_write(visitor->name, paused ? "stops reading" : "reads on");
    visitor->paused = paused;
    ws_client_pause(&visitor->ws, paused);
}

static void do_something(struct visitor *visitor)
{
    if (visitor->exiting) {
        drop(visitor, true);
        return;
    }
    switch (chance_below(12)) {
    case 0:
        transit(visitor, "exiting");
        break;
    case 1:
        leave(visitor);
        return;
    case 2:
        drop(visitor, chance_one_in(2));
        return;
    case 3:
        pause(visitor, true);
        break;
    case 4:
    case 5:
    case 6:
        visitor_ask(visitor);
        break;
    default:
        transit(visitor, "boarding");
        break;
    }
    if (chance_one_in(LULL_ONE_IN))
        act_within(visitor, LULL_LEAST_US, LULL_MOST_US);
    else
        act_within(visitor, ACT_LEAST_US, ACT_MOST_US);
}

static void act(void *owner)
{
    struct visitor *visitor = owner;

    if (visitor->paused) {
        pause(visitor, false);
        act_within(visitor, ACT_LEAST_US, ACT_MOST_US);
    } else if (visitor->state == VISITOR_AWAY) {
        come(visitor);
    } else if (visitor->state == VISITOR_ABOUT && !visitor->resting) {
        do_something(visitor);
    }
}

/* --- what it hears --- */

/* The number in the record that begins there: "id":"u<number>". NULL: there is none. */
static const char *find_user(const char *text, unsigned *number)
{
    const char *found = strstr(text, "\"id\":\"u");
    char *end;

    if (!found)
        return NULL;
    *number = (unsigned)strtoul(found + 7, &end, 10);
    return *number < VISITORS_MAX ? end : NULL;
}

/* Of an event: `…,"17.9f3a01bc-k3J_x0aP"]`. Those without a fingerprint are the difference of two rosters. */
static void check_position(struct visitor *visitor, const char *event)
{
    size_t len = strlen(event);
    const char *at = event + len - 2;

    while (at > event && at[-1] != '"')
        at--;
    unsigned long long offset = strtoull(at, NULL, 10);
    const char *epoch = strchr(at, '-');

    if (!epoch)
        trace_fail(visitor->name, "an event has no position");
    if (!memchr(at, '.', (size_t)(epoch - at)))
        return;
    if (strncmp(visitor->epoch, epoch + 1, 8) == 0 && offset <= visitor->offset)
        trace_fail(visitor->name, "hears event %llu after %llu", offset, visitor->offset);
    snprintf(visitor->epoch, sizeof visitor->epoch, "%.8s", epoch + 1);
    visitor->offset = offset;
    snprintf(visitor->position, sizeof visitor->position, "%.*s", (int)strcspn(at, "\""), at);
}

/* An exit that it said on an earlier visit may come behind a boarding of this one. */
static void hear_of_itself(struct visitor *visitor, bool boards, bool exits)
{
    visitor->heard |= boards;
    if (boards)
        visitor->exited = false;
    if (exits)
        visitor->exited = true, visitor->boarded = false;
}

static void hear_event(struct visitor *visitor, const char *event)
{
    unsigned number;

    if (strncmp(event, "[\"exception\"", 12) == 0)
        return;
    if (!find_user(event, &number))
        trace_fail(visitor->name, "an event is of nobody");
    check_position(visitor, event);
    bool boards = strncmp(event, "[\"userBoarded\"", 14) == 0;

    visitor->aboard.has[number] = boards;
    if (number == visitor->number)
        hear_of_itself(visitor, boards, strncmp(event, "[\"userExited\"", 13) == 0);
}

static void hear_answer(struct visitor *visitor, const char *answer)
{
    struct crowd told = {{false}};
    unsigned number;

    visitor->answered++;
    if (!strstr(answer, "\"users\":"))
        return; /* an error */
    if (visitor->exiting && visitor->exited)
        return; /* its own exit is the last event that it is told */
    for (const char *at = answer; (at = find_user(at, &number));)
        told.has[number] = true;
    if (visitor->known && memcmp(&told, &visitor->aboard, sizeof told) != 0)
        trace_fail(visitor->name, "the events do not add up to the answer");
    visitor->aboard = told;
    visitor->known = true;
}

/* Of the last transition it has said: what it has said before that may have been overtaken. */
static void hear_ack(struct visitor *visitor, unsigned id, const char *ack)
{
    bool ok = strstr(ack, "\"ok\":true");

    visitor->acked = id;
    if (id != visitor->said)
        return;
    if (visitor->exiting) {
        visitor->exiting = ok; /* it is disconnected soon */
        return;
    }
    if (ok && visitor->known && !visitor->heard && !visitor->aboard.has[visitor->number])
        trace_fail(visitor->name, "an ack came before its event");
    visitor->boarded |= ok && !visitor->exited;
}

static void take_text(const char *json, const char *name, char *out, size_t size)
{
    const char *at = strstr(json, name);

    at = at ? at + strlen(name) : "";
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void hear_connected(struct visitor *visitor, const char *answer)
{
    char sid[sizeof visitor->sid], pid[sizeof visitor->pid];

    take_text(answer, "\"sid\":\"", sid, sizeof sid);
    take_text(answer, "\"pid\":\"", pid, sizeof pid);
    if (strcmp(sid, visitor->sid) != 0)
        forget(visitor);
    if (strcmp(pid, visitor->pid) != 0)
        visitor->known = false, visitor->epoch[0] = visitor->position[0] = '\0';
    else if (pid[0])
        trace_write(visitor->name, "is recovered");
    strcpy(visitor->sid, sid);
    strcpy(visitor->pid, pid);
    visitor->returns = pid[0];
    visitor->state = VISITOR_ABOUT;
    visitor_ask(visitor);
    act_within(visitor, 0, ACT_LEAST_US);
}

static void hear_socket(struct visitor *visitor, const char *text)
{
    char type = *text++;
    const char *comma = strchr(text, ',');
    char *payload;

    if (!comma)
        trace_fail(visitor->name, "hears a packet of no ride");
    unsigned id = (unsigned)strtoul(comma + 1, &payload, 10);

    if (type == '0') {
        hear_connected(visitor, payload);
    } else if (type == '1' || type == '4') {
        forget(visitor);
        drop(visitor, false);
    } else if (type == '2') {
        hear_event(visitor, payload);
    } else if (type == '3' && id == ASK_ID) {
        hear_answer(visitor, payload);
    } else if (type == '3') {
        hear_ack(visitor, id, payload);
    } else {
        trace_fail(visitor->name, "hears a packet of type %c", type);
    }
}

static void join(struct visitor *visitor)
{
    char text[512], offset[96] = "";

    visitor->state = VISITOR_JOINING;
    if (visitor->position[0])
        snprintf(offset, sizeof offset, ",\"offset\":\"%s\"", visitor->position);
    if (visitor->returns)
        snprintf(text, sizeof text, "40/ride-%u,{\"pid\":\"%s\"%s}", visitor->ride, visitor->pid, offset);
    else
        snprintf(text, sizeof text, "40/ride-%u,", visitor->ride);
    say(visitor, text);
}

static void hear(void *arg, const char *text)
{
    struct visitor *visitor = arg;

    trace_write(visitor->name, "< %s", text);
    switch (*text) {
    case '0':
        join(visitor);
        break;
    case '2':
        say(visitor, "3");
        break;
    case '4':
        hear_socket(visitor, text + 1);
        break;
    default:
        trace_fail(visitor->name, "hears what it should not");
    }
}

static void lost(void *arg)
{
    struct visitor *visitor = arg;

    trace_write(visitor->name, "is without connection");
    away(visitor);
}

static const struct ws_client_user user = {hear, lost};

void visitor_init(struct visitor *visitor, unsigned number, struct node *nodes, unsigned node_count,
                  unsigned ride_count)
{
    *visitor = (struct visitor){
        .number = number, .nodes = nodes, .node_count = node_count, .ride_count = ride_count};
    snprintf(visitor->name, sizeof visitor->name, "u%u", number);
    snprintf(visitor->address, sizeof visitor->address, "10.0.%u.%u", number / 250, number % 250 + 1);
    visitor->act = (struct happening){.happen = act, .owner = visitor};
    ws_client_init(&visitor->ws, visitor->name, &user, visitor);
    act_within(visitor, 0, ACT_MOST_US);
}

void visitor_deinit(struct visitor *visitor)
{
    schedule_cancel(&visitor->act);
    ws_client_deinit(&visitor->ws);
}

void visitor_rest(struct visitor *visitor)
{
    visitor->resting = true;
    if (visitor->paused)
        pause(visitor, false);
}

void visitor_go(struct visitor *visitor)
{
    if (visitor->state != VISITOR_AWAY)
        drop(visitor, false);
    schedule_cancel(&visitor->act);
}
