/* Riders on a plain WebSocket: see plain_riders.h. */
#include "gateway/plain_riders.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "gateway/net/cors.h"
#include "gateway/net/link.h"
#include "gateway/net/slice.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { PLAIN_DEPTH_MAX = 32, PLAIN_ID_MAX = 128, PLAIN_REPLY_ROOM = 256 };

/* The number of an ack says what was asked for. */
enum { MESSAGE, ACTIVE_USERS };

enum plain_state {
    PLAIN_OPEN,
    PLAIN_CLOSING,     /* nothing more is read; closed at the next timer, once the outlet is empty */
    PLAIN_LAST_CHANCE, /* closing, but the connection is blocked: dropped at the next timer */
};

struct plain_client {
    struct plain_riders *riders;
    struct link *link;
    struct outlet outlet;
    struct ip address;
    struct ask *ask; /* while the ride is not known yet: there is no rider and no WebSocket */
    struct rider *rider;
    struct bearer *bearer; /* NULL: anybody may connect */
    struct traffic traffic;
    struct timer heartbeat;
    struct plain_client *prev, *next;
    uint32_t acked;               /* link_progressed()'s */
    enum ws_status farewell : 16; /* of PLAIN_CLOSING */
    enum plain_state state : 8;
    bool awaits_pong : 1;
    bool held_up : 1; /* the ping may have waited behind what the client is slow to take */
    char ride[];      /* its name */
};

static void refuse_text(struct link *link, int status, const char *headers, const char *text)
{
    link_refuse(link, status, "text/plain", headers, text, strlen(text));
}

static struct plain_client *client_of(struct outlet *outlet)
{
    return (struct plain_client *)((char *)outlet - offsetof(struct plain_client, outlet));
}

static void beat_after(struct plain_client *client, uint64_t ms)
{
    timers_set(client->riders->options.timers, &client->heartbeat, clock_ms() + ms);
}

static void free_client(struct plain_client *client)
{
    timers_cancel(client->riders->options.timers, &client->heartbeat);
    if (client->ask)
        ask_cancel(client->ask);
    rider_free(client->rider, RIDER_LEFT); /* it has no way to come back */
    bearer_free(client->bearer);
    outlet_deinit(&client->outlet);
    DL_DELETE(client->riders->clients, client);
    client->riders->count--;
    free(client);
}

/* --- the outlet's carrier --- */

static size_t carrier_room(struct outlet *outlet)
{
    return link_ready(client_of(outlet)->link) ? OUTLET_PIECE_BYTES : 0;
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    link_write(client_of(outlet)->link, frames, n);
}

/* Ends the client in the next turn of the timers: it may be in the middle of a flush. */
static void end_later(struct plain_client *client)
{
    client->state = PLAIN_CLOSING;
    timers_set(client->riders->options.timers, &client->heartbeat, 0);
}

static void carrier_overflow(struct outlet *outlet)
{
    end_later(client_of(outlet));
}

/* A client that has asked who is aboard understands the answer when it comes unasked, too. */
static void carrier_summary(struct outlet *outlet)
{
    const struct ack ack = {.wanted = true, .number = ACTIVE_USERS};

    rider_tell_users(client_of(outlet)->rider, &ack);
}

static void drop(struct plain_client *client)
{
    link_drop(client->link);
    free_client(client);
}

static void close_when_sent(struct plain_client *client)
{
    outlet_flush(&client->outlet);
    if (client->outlet.overflowed) {
        drop(client);
    } else if (outlet_pending(&client->outlet)) {
        client->state = PLAIN_LAST_CHANCE;
        beat_after(client, client->riders->options.ping_timeout_ms);
    } else {
        link_ws_close(client->link, client->farewell);
        free_client(client);
    }
}

static void let_go(struct plain_client *client)
{
    if (client->rider) {
        outlet_flush(&client->outlet);
        link_ws_close(client->link, WS_STATUS_GOING_AWAY);
    } else {
        refuse_text(client->link, 503, NULL, link_going_away);
    }
    free_client(client);
}

void plain_visit(struct plain_riders *riders,
                 void (*visit)(struct outlet *outlet, const struct ip *address, void *arg), void *arg)
{
    struct plain_client *client;

    DL_FOREACH(riders->clients, client)
    visit(&client->outlet, &client->address, arg);
}

void plain_let_go(struct plain_riders *riders, size_t count)
{
    struct slice *slice = riders->options.slice;

    while (riders->clients && count-- && slice_left(slice)) {
        slice_begin(slice);
        let_go(riders->clients);
        slice_end(slice);
    }
}

/* --- heartbeat --- */

/* As in engineio.c: the client is slow, but takes what it is sent, or did so until lately. */
static bool has_more_time(struct plain_client *client)
{
    bool was_held_up = client->held_up;

    client->held_up = !link_ready(client->link);
    return client->held_up ? link_progressed(client->link, &client->acked) : was_held_up;
}

static void heartbeat(void *owner)
{
    struct plain_client *client = owner;

    if (client->state == PLAIN_CLOSING) {
        close_when_sent(client);
    } else if (client->state == PLAIN_LAST_CHANCE || client->awaits_pong) {
        if (has_more_time(client))
            beat_after(client, client->riders->options.ping_timeout_ms);
        else
            drop(client);
    } else {
        client->awaits_pong = true;
        client->held_up = !link_ready(client->link);
        if (client->held_up)
            link_progressed(client->link, &client->acked); /* from here on */
        beat_after(client, client->riders->options.ping_timeout_ms);
        outlet_packet(&client->outlet, WS_PING, "", NULL, 0);
    }
}

static void heard(struct plain_client *client)
{
    if (!client->awaits_pong || client->state != PLAIN_OPEN)
        return;
    client->awaits_pong = false;
    beat_after(client, client->riders->options.ping_interval_ms);
}

/* --- what a rider is told --- */

/* Writes {"event":NAME,"id":ID,"data":, without the id where there is none. 0, or -1: no memory. */
static int begin_reply(struct buf *text, const char *event, const struct blob *id)
{
    if (buf_appendf(text, "{\"event\":\"%s\"", event) != 0)
        return -1;
    if (id && (buf_append_str(text, ",\"id\":") != 0 || buf_append(text, id->data, id->len) != 0))
        return -1;
    return buf_append_str(text, ",\"data\":");
}

/* Without memory: an answer must not be missing. */
static void reply(struct plain_client *client, const char *event, const struct blob *id, const char *data,
                  size_t len)
{
    struct buf text;

    buf_init(&text, len + PLAIN_ID_MAX + PLAIN_REPLY_ROOM);
    if (begin_reply(&text, event, id) != 0 || buf_append(&text, data, len) != 0 ||
        buf_append(&text, "}", 1) != 0)
        outlet_overflow(&client->outlet);
    else
        outlet_packet(&client->outlet, WS_TEXT, "", text.data, text.len);
    buf_deinit(&text);
}

static void acknowledge(void *owner, const struct ack *ack, const char *json, size_t len)
{
    reply(owner, ack->number == ACTIVE_USERS ? "activeUsers" : "ack", ack->text, json, len);
}

static void tell_users(void *owner, const struct ack *ack, struct blob *json)
{
    struct plain_client *client = owner;
    struct buf head;

    buf_init(&head, PLAIN_ID_MAX + PLAIN_REPLY_ROOM);
    if (begin_reply(&head, "activeUsers", ack->text) != 0)
        outlet_overflow(&client->outlet);
    else
        outlet_shared(&client->outlet, &head, json, "}");
    buf_deinit(&head);
}

static void exception(void *owner, const char *message)
{
    struct buf data;

    buf_init(&data, 4096);
    if (buf_append_str(&data, "{\"status\":\"error\",\"message\":") == 0 &&
        json_text_quote(message, strlen(message), &data) == 0 && buf_append(&data, "}", 1) == 0)
        reply(owner, "exception", NULL, data.data, data.len);
    buf_deinit(&data);
}

static void disconnect(void *owner)
{
    end_later(owner);
}

static void evict(void *owner)
{
    drop(owner);
}

static struct ip address(void *owner)
{
    const struct plain_client *client = owner;

    return client->address;
}

static const char *subject(void *owner)
{
    const struct plain_client *client = owner;

    return bearer_subject(client->bearer);
}

static const struct rider_ops OPS = {
    .acknowledge = acknowledge,
    .users = tell_users,
    .exception = exception,
    .disconnect = disconnect,
    .evict = evict,
    .address = address,
    .subject = subject,
};

/* --- what a client says --- */

static void on_user_record(struct plain_client *client, struct json_slice record, const struct ack *ack)
{
    if (json_text_type(record) != '"') {
        rider_message(client->rider, record.at, record.len, ack);
        return;
    }
    /* A string that holds the record, as Socket.IO apps send it. */
    struct buf json;
    buf_init(&json, record.len);
    if (json_text_unescape(record, &json) != 0)
        rider_refuse(client->rider, ack, "the message is not valid JSON");
    else
        rider_message(client->rider, json.data, json.len, ack);
    buf_deinit(&json);
}

static void on_question(struct plain_client *client, const struct ack *ack)
{
    const struct plain_riders_options *options = &client->riders->options;
    struct traffic_verdict verdict = traffic_ask(&client->traffic, &options->traffic, &client->address,
                                                 rider_users_bytes(client->rider), clock_ms());

    if (verdict.verdict != BUCKET_OK) {
        refuse(options->refusals, verdict.reason, &client->address);
        rider_tell_refused(client->rider, ack, verdict.message);
        return;
    }
    client->outlet.skips = true;
    rider_active_users(client->rider, ack);
}

static void on_request(struct plain_client *client, struct json_slice text, struct json_slice event,
                       const char *over_limit)
{
    struct json_slice id = json_text_member(text, "id");

    if (id.len > PLAIN_ID_MAX) {
        exception(client, "\"id\" is longer than 128 bytes");
        return;
    }
    struct ack ack = {.wanted = id.at != NULL};
    if (id.at)
        ack.text = alloc_blob(id.at, id.len);

    if (over_limit) {
        rider_tell_refused(client->rider, &ack, over_limit);
    } else if (json_text_type(event) == '"' && json_text_equals(event, "message")) {
        struct json_slice data = json_text_member(text, "data");

        if (data.at)
            on_user_record(client, data, &ack);
        else
            rider_refuse(client->rider, &ack, "\"data\" must hold the user");
    } else if (json_text_type(event) == '"' && json_text_equals(event, "activeUsers")) {
        ack.wanted = true;
        ack.number = ACTIVE_USERS;
        on_question(client, &ack);
    } else {
        exception(client, "\"event\" must be \"message\" or \"activeUsers\"");
    }
    blob_unref(ack.text);
}

static void on_message(void *owner, struct link *link, bool binary, char *data, size_t len)
{
    struct plain_client *client = owner;

    (void)link;
    (void)binary; /* JSON is what it holds, whichever way it was sent */
    if (client->state != PLAIN_OPEN)
        return;
    heard(client);
    struct traffic_verdict verdict =
        traffic_take(&client->traffic, &client->riders->options.traffic, len, clock_ms());
    if (verdict.verdict != BUCKET_OK)
        refuse(client->riders->options.refusals, verdict.reason, &client->address);
    if (verdict.verdict == BUCKET_FLOODED) {
        client->farewell = WS_STATUS_POLICY;
        end_later(client);
        return;
    }
    if (!json_text_valid(data, len, PLAIN_DEPTH_MAX)) {
        exception(client, "the message is not valid JSON");
        return;
    }
    struct json_slice text = json_text_trim(data, len);
    struct json_slice event = json_text_member(text, "event");
    if (event.at) {
        on_request(client, text, event, verdict.message);
    } else if (verdict.message) {
        rider_tell_refused(client->rider, &(struct ack){0}, verdict.message);
    } else {
        struct ack none = {0};

        rider_message(client->rider, data, len, &none);
    }
}

static void on_pong(void *client)
{
    heard(client);
}

static void on_writable(void *owner)
{
    struct plain_client *client = owner;

    if (client->state != PLAIN_OPEN)
        end_later(client);
    else
        outlet_touch(&client->outlet);
}

static void on_end(void *client, struct link *link)
{
    (void)link;
    free_client(client);
}

static const struct link_user CLIENT = {
    .message = on_message,
    .pong = on_pong,
    .writable = on_writable,
    .closed = on_end,
    .lost = on_end,
};

/* --- opening --- */

static void join(struct plain_client *client)
{
    struct plain_riders *riders = client->riders;
    const struct rider_options options = {
        .ride = client->ride,
        .outlet = &client->outlet,
        .form = WIRE_PLAIN,
        .ops = &OPS,
        .client = client,
        .pace = &client->traffic.transitions,
    };

    client->rider = rider_new(presence_riders(riders->options.presence), &options);
    beat_after(client, riders->options.ping_interval_ms);
    link_become_ws(client->link, NULL);
}

/* The ride is known, or was not in time: then the rider hears of it from when it is. */
static void ride_known(void *owner, struct blob *json)
{
    struct plain_client *client = owner;

    (void)json;
    client->ask = NULL;
    join(client);
}

static void turn_away(struct link *link, enum token_fault fault)
{
    char body[96];
    int len = snprintf(body, sizeof body, "%s\n", token_fault_text(fault));

    link_refuse(link, token_fault_status(fault), "text/plain", token_fault_headers(fault), body, (size_t)len);
}

/* In the place of the 101, if the ride is not known yet. */
static void expired(void *owner)
{
    struct plain_client *client = owner;

    if (client->state != PLAIN_OPEN)
        return;
    if (!client->rider) {
        turn_away(client->link, TOKEN_EXPIRED);
        free_client(client);
        return;
    }
    client->farewell = WS_STATUS_TOKEN_EXPIRED;
    exception(client, token_fault_text(TOKEN_EXPIRED));
    end_later(client);
}

/* Asks for the token. False: it is not good, and the request is answered. */
static bool admit(struct plain_riders *riders, struct link *link, const char *ride, struct grant *grant)
{
    struct token token;

    if (!riders->options.auth)
        return true;
    token_from_request(link_request(link), &token);
    const struct auth_request request = {
        .token = token.text, .len = token.len, .ride = ride, .client = link_client(link, NULL)};
    enum token_fault fault = auth_judge(riders->options.auth, &request, grant);
    if (fault != TOKEN_GOOD)
        turn_away(link, fault);
    return fault == TOKEN_GOOD;
}

/* Whether the request may become a WebSocket, wherever; else it is answered. */
static bool is_welcome(struct link *link)
{
    char cors[CORS_HEADERS_SIZE];
    const char *error;

    if (!cors_headers(link, cors))
        link_refuse(link, 403, NULL, NULL, "", 0);
    else if (!link_offers_ws(link))
        link_refuse(link, 400, NULL, "Sec-WebSocket-Version: 13, 8\r\n", "", 0);
    else if (link_draining(link))
        refuse_text(link, 503, NULL, link_going_away);
    else if ((error = link_admit(link)) != NULL)
        refuse_text(link, 429, "Retry-After: 5\r\n", error);
    else
        return true;
    return false;
}

/* The ride that the path names. False: none, and the request is answered. */
static bool find_ride(const struct plain_riders *riders, struct link *link, char ride[RIDE_NAME_MAX + 1])
{
    const char *path = link_request(link)->path;
    char answer[128];

    if (strncmp(path, "/ws", 3) != 0 || (path[3] && path[3] != '/')) {
        refuse_text(link, 404, NULL, "WebSockets are served at /ws and /ws/<ride>\n");
        return false;
    }
    if (http_path_decode(path[3] ? path + 3 : "/", ride, RIDE_NAME_MAX + 1) < 0)
        ride[0] = '\0';
    const char *fault = presence_fault(riders->options.presence, ride);

    if (fault) {
        snprintf(answer, sizeof answer, "Invalid ride: %s\n", fault);
        refuse_text(link, 404, NULL, answer);
    }
    return !fault;
}

/* False: the address may have no more, and the request is answered. */
static bool begin_ride(const struct plain_riders *riders, struct link *link, const char *ride)
{
    struct ip address = link_client(link, NULL);
    const char *full = presence_begin(riders->options.presence, ride, &address);
    char answer[128];

    if (full) {
        snprintf(answer, sizeof answer, "%s\n", full);
        refuse_text(link, 429, "Retry-After: 5\r\n", answer);
    }
    return !full;
}

void plain_open(struct plain_riders *riders, struct link *link)
{
    static const struct outlet_carrier carrier = {.room = carrier_room,
                                                  .write = carrier_write,
                                                  .overflow = carrier_overflow,
                                                  .summary = carrier_summary};
    char ride[RIDE_NAME_MAX + 1];
    struct grant grant;

    if (!is_welcome(link) || !find_ride(riders, link, ride) || !admit(riders, link, ride, &grant) ||
        !begin_ride(riders, link, ride))
        return;
    size_t ride_size = strlen(ride) + 1;
    struct plain_client *client = alloc_zeroed(offsetof(struct plain_client, ride) + ride_size);

    if (riders->options.auth)
        client->bearer = bearer_new(riders->options.auth, &grant, expired, client);
    client->riders = riders;
    client->link = link;
    client->farewell = WS_STATUS_NORMAL;
    client->address = link_client(link, NULL);
    client->heartbeat = (struct timer){.fire = heartbeat, .owner = client};
    memcpy(client->ride, ride, ride_size);
    outlet_init(&client->outlet, riders->options.outlets, &carrier);
    DL_APPEND(riders->clients, client);
    riders->count++;
    link_use(link, &CLIENT, client);
    if (presence_knows(riders->options.presence, ride))
        join(client);
    else
        client->ask = presence_ask(riders->options.presence, ride, ride_known, client);
}

void plain_riders_init(struct plain_riders *riders, const struct plain_riders_options *options)
{
    *riders = (struct plain_riders){.options = *options};
}
