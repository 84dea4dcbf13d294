/* Riders that come over Socket.IO: see sio_riders.h. */
#include "gateway/sio_riders.h"

#include "common/alloc.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Socket.IO rides on Engine.IO --- */

static void send_text(void *session, const char *text, size_t len)
{
    eio_send(session, false, text, len);
}

static void send_binary(void *session, const char *data, size_t len)
{
    eio_send(session, true, data, len);
}

static void send_shared(void *session, const char *head, size_t head_len, struct blob *shared,
                        const char *tail)
{
    eio_send_shared(session, head, head_len, shared, tail);
}

static void close_session(void *session, enum sio_end end)
{
    if (end == SIO_LEFT)
        eio_dismiss(session);
    else
        eio_close(session);
}

/* --- what a rider is told --- */

static void acknowledge(void *client, const struct ack *ack, const char *json, size_t len)
{
    sio_ack(client, ack->number, json, len, NULL, 0);
}

static void tell_users(void *client, const struct ack *ack, struct blob *json)
{
    sio_ack_shared(client, ack->number, json);
}

static void exception(void *client, const char *message)
{
    struct buf args;

    buf_init(&args, 4096);
    if (buf_append_str(&args, "\"exception\",{\"status\":\"error\",\"message\":") == 0 &&
        json_text_quote(message, strlen(message), &args) == 0 && buf_append(&args, "}", 1) == 0)
        sio_emit(client, args.data, args.len, NULL, 0);
    buf_deinit(&args);
}

static void disconnect(void *client)
{
    sio_disconnect(client);
}

static void evict(void *client)
{
    eio_abort(sio_client_session(sio_socket_client(client)));
}

static struct ip address_of(void *client)
{
    const struct eio_session *session = sio_client_session(sio_socket_client(client));

    return session->client;
}

static void take_kept(struct sio_socket *socket);
static const char *subject(void *client);
static void resumed(void *client, bool recovered);

static const struct rider_ops OPS = {
    .acknowledge = acknowledge,
    .users = tell_users,
    .exception = exception,
    .disconnect = disconnect,
    .evict = evict,
    .resumed = resumed,
    .address = address_of,
    .subject = subject,
};

/* --- what a socket does --- */

/* What a client that comes back shows of its former connection. */
struct former {
    char recovery_id[RECOVERY_ID_SIZE];
    bool has_offset;
    char offset[WIRE_OFFSET_SIZE]; /* "" when it can be none */
};

/* What a socket has to do with: a rider, or the wait for its ride to be known. */
struct sio_rider {
    struct sio_riders *riders;
    struct sio_socket *socket;
    struct bearer *bearer; /* NULL: anybody may connect */
    struct ask *ask;       /* NULL: over */
    struct rider *rider;   /* NULL: not yet */
    struct former *former; /* until CONNECT is answered; NULL: the client showed nothing */
    bool recovers;         /* the client may come back: it gets a recovery id, and positions */
};

static const char *subject(void *client)
{
    const struct sio_rider *sio_rider = sio_socket_data(client);

    return bearer_subject(sio_rider->bearer);
}

static void answer(struct sio_rider *sio_rider, const char *recovery_id)
{
    sio_accept(sio_rider->socket, rider_id(sio_rider->rider), recovery_id);
    free(sio_rider->former);
    sio_rider->former = NULL;
}

static void answer_anew(struct sio_rider *sio_rider)
{
    char recovery_id[RECOVERY_ID_SIZE];
    bool has_id = sio_rider->recovers && rider_recovery_id(sio_rider->rider, recovery_id);

    answer(sio_rider, has_id ? recovery_id : NULL);
}

/* The client takes itself for recovered if its recovery id comes back to it. */
static void resumed(void *client, bool recovered)
{
    struct sio_rider *sio_rider = sio_socket_data(client);

    if (recovered)
        answer(sio_rider, sio_rider->former->recovery_id);
    else
        answer_anew(sio_rider);
    rider_join(sio_rider->rider);
    take_kept(client);
}

/* Whether the recovery id was made for the ride; then whose socket it is, what the client has had, and at
 * which offset its stream began. */
static bool check_former(const struct sio_rider *sio_rider, char socket_id[SOCKET_ID_LEN + 1],
                         struct broker_position *from, uint64_t *began)
{
    const struct former *former = sio_rider->former;
    const struct recovery_scope scope = {.ride = sio_socket_nsp(sio_rider->socket),
                                         .subject = bearer_subject(sio_rider->bearer)};
    struct broker_position last;

    if (!former ||
        !riders_check_recovery_id(presence_riders(sio_rider->riders->options.presence), &scope,
                                  former->recovery_id, strlen(former->recovery_id), socket_id, from))
        return false;
    *began = from->offset;
    /* Without an offset it has heard nothing: then it has had what there was when its stream began. */
    if (!former->has_offset)
        return true;
    /* A stream that began in another epoch may have told of riders whom no event of this one takes back. */
    if (!wire_read_offset(former->offset, &last) || strcmp(last.epoch, from->epoch) != 0)
        *from = (struct broker_position){.epoch = ""};
    /* One of before the stream began was heard by who the client was then: the same as none. */
    else if (last.offset >= from->offset)
        *from = last;
    return true;
}

static void join(struct sio_rider *sio_rider)
{
    struct sio_socket *socket = sio_rider->socket;
    struct riders *riders = presence_riders(sio_rider->riders->options.presence);
    struct eio_session *session = sio_client_session(sio_socket_client(socket));
    char socket_id[SOCKET_ID_LEN + 1];
    struct broker_position from;
    uint64_t began;
    const struct rider_options options = {
        .ride = sio_socket_nsp(socket),
        .outlet = &session->outlet,
        .form = sio_rider->recovers ? WIRE_SOCKETIO : WIRE_SOCKETIO_SHORT,
        .ops = &OPS,
        .client = socket,
        .pace = &session->traffic.transitions,
    };

    if (check_former(sio_rider, socket_id, &from, &began) && riders_may_resume(riders, &session->client)) {
        sio_rider->rider = rider_resume(riders, &options, socket_id, &from, began);
        return;
    }
    sio_rider->rider = rider_new(riders, &options);
    answer_anew(sio_rider);
    take_kept(socket);
}

/* The ride is known, or was not in time: then the rider hears of it from when it is. */
static void ride_known(void *owner, struct blob *json)
{
    struct sio_rider *sio_rider = owner;

    (void)json;
    sio_rider->ask = NULL;
    join(sio_rider);
}

/* A member of the auth object as text. False: it is not a string, longer than `size` - 1, or holds a NUL. */
static bool auth_text(struct json_slice auth, const char *name, char *out, size_t size)
{
    struct json_slice value = json_text_member(auth, name);
    struct buf text;

    if (json_text_type(value) != '"')
        return false;
    buf_init(&text, size);
    bool fits = json_text_unescape(value, &text) == 0 && buf_append(&text, "", 1) == 0 &&
                strlen(text.data) == text.len - 1;
    if (fits)
        memcpy(out, text.data, text.len);
    buf_deinit(&text);
    return fits;
}

/* What the client shows of its former connection, to be checked when the ride is known; NULL: nothing. */
static struct former *read_former(struct json_slice auth)
{
    struct former *former = alloc_zeroed(sizeof *former);

    if (!auth_text(auth, "pid", former->recovery_id, sizeof former->recovery_id)) {
        free(former);
        return NULL;
    }
    former->has_offset = json_text_member(auth, "offset").at != NULL;
    if (!auth_text(auth, "offset", former->offset, sizeof former->offset))
        former->offset[0] = '\0';
    return former;
}

/* Whether the client is to come back: what CONNECT's object says, else the query of the request that opened
 * the session. */
static bool wants_recovery(const struct eio_session *session, struct json_slice auth)
{
    struct json_slice wants = json_text_member(auth, "recover");
    char type = json_text_type(wants);

    return type == 't' || (type != 'f' && !session->declines_recovery);
}

/* What CONNECT's object says, else the header of the request that opened the session. */
static void find_token(const struct eio_session *session, struct json_slice auth, struct token *token)
{
    static const char unreadable[] = "?";

    if (!json_text_member(auth, "token").at) {
        token_from_authorization(session->authorization, token);
        return;
    }
    if (!auth_text(auth, "token", token->text, sizeof token->text))
        memcpy(token->text, unreadable, sizeof unreadable); /* there is one, and it is not a JWT */
    token->len = strlen(token->text);
}

/* The client comes back by itself, within the window, and may show a new token then. */
static void expired(void *owner)
{
    struct sio_rider *sio_rider = owner;

    exception(sio_rider->socket, token_fault_text(TOKEN_EXPIRED));
    eio_close(sio_client_session(sio_socket_client(sio_rider->socket)));
}

/* Asks for the token. False: it is not good, and the client has been told. */
static bool admit(struct sio_riders *riders, struct sio_socket *socket, struct json_slice auth,
                  struct grant *grant)
{
    const struct eio_session *session = sio_client_session(sio_socket_client(socket));
    struct token token;
    char data[64];

    if (!riders->options.auth)
        return true;
    find_token(session, auth, &token);
    const struct auth_request request = {
        .token = token.text, .len = token.len, .ride = sio_socket_nsp(socket), .client = session->client};
    enum token_fault fault = auth_judge(riders->options.auth, &request, grant);
    if (fault == TOKEN_GOOD)
        return true;
    snprintf(data, sizeof data, "{\"code\":\"%s\"}", token_fault_code(fault));
    sio_refuse(socket, token_fault_text(fault), data);
    return false;
}

/* CONNECT is answered once the ride is known, so that its client hears everything from then on. */
static void on_connect(struct sio_riders *riders, struct sio_socket *socket, struct json_slice auth,
                       const char *over_limit)
{
    const char *ride = sio_socket_nsp(socket);
    struct grant grant;
    char data[128];

    if (over_limit) {
        sio_refuse(socket, over_limit, NULL);
        return;
    }
    const char *fault = presence_fault(riders->options.presence, ride);
    if (fault) {
        snprintf(data, sizeof data, "{\"reason\":\"%s\"}", fault);
        sio_refuse(socket, "Invalid namespace", data);
        return;
    }
    if (!admit(riders, socket, auth, &grant))
        return;
    struct ip address = address_of(socket);
    const char *full = presence_begin(riders->options.presence, ride, &address);
    if (full) {
        sio_refuse(socket, full, NULL);
        return;
    }
    struct sio_rider *sio_rider = alloc_zeroed(sizeof *sio_rider);
    sio_rider->riders = riders;
    sio_rider->socket = socket;
    if (riders->options.auth)
        sio_rider->bearer = bearer_new(riders->options.auth, &grant, expired, sio_rider);
    sio_rider->recovers = riders_recover(presence_riders(riders->options.presence)) &&
                          wants_recovery(sio_client_session(sio_socket_client(socket)), auth);
    sio_rider->former = sio_rider->recovers ? read_former(auth) : NULL;
    sio_socket_set_data(socket, sio_rider);
    if (presence_knows(riders->options.presence, ride))
        join(sio_rider);
    else
        sio_rider->ask = presence_ask(riders->options.presence, ride, ride_known, sio_rider);
}

/* A string that holds the record, as the apps send it, or the record itself, as on a plain WebSocket. */
static void on_user_record(struct rider *rider, const struct sio_event *event, struct json_slice record,
                           const struct ack *ack, size_t max)
{
    if (json_text_type(record) == '{' && event->attachment_count == 0) {
        rider_message(rider, record.at, record.len, ack);
        return;
    }
    if (json_text_type(record) != '"') {
        rider_refuse(rider, ack, "the message must be the user, as JSON or a string that holds it");
        return;
    }
    struct buf json;
    buf_init(&json, max);
    if (json_text_unescape(record, &json) != 0)
        rider_refuse(rider, ack, "the message is not valid JSON");
    else
        rider_message(rider, json.data, json.len, ack);
    buf_deinit(&json);
}

/* The attachment whose place the argument keeps; NULL: it keeps none. */
static const struct sio_attachment *attached(const struct sio_event *event, struct json_slice argument)
{
    struct json_slice digits = json_text_member(argument, "num");
    size_t number = 0;

    if (event->attachment_count == 0 || json_text_type(json_text_member(argument, "_placeholder")) != 't')
        return NULL;
    for (size_t i = 0; i < digits.len; i++) /* sio_packet_parse() has looked at them */
        number = number * 10 + (size_t)(digits.at[i] - '0');
    return &event->attachments[number];
}

static void on_question(struct sio_rider *sio_rider, const struct ack *ack)
{
    const struct sio_riders_options *options = &sio_rider->riders->options;
    struct eio_session *session = sio_client_session(sio_socket_client(sio_rider->socket));

    if (!ack->wanted)
        return; /* nobody would hear the answer */
    struct traffic_verdict verdict = traffic_ask(&session->traffic, &options->traffic, &session->client,
                                                 rider_users_bytes(sio_rider->rider), clock_ms());

    if (verdict.verdict == BUCKET_OK) {
        rider_active_users(sio_rider->rider, ack);
        return;
    }
    refuse(options->refusals, verdict.reason, &session->client);
    rider_tell_refused(sio_rider->rider, ack, verdict.message);
}

/* `over_limit`: why it is refused; NULL: it is not. */
static void on_event(struct sio_socket *socket, const struct sio_event *event, const char *over_limit)
{
    struct sio_rider *sio_rider = sio_socket_data(socket);
    struct rider *rider = sio_rider->rider;
    struct ack ack = {.wanted = event->has_id, .number = event->id};
    struct json_slice name = {0};
    struct json_slice record = {0};
    size_t cursor = 0;

    json_text_next(event->args, &cursor, &name);
    json_text_next(event->args, &cursor, &record);

    if (json_text_type(name) != '"')
        return;
    const struct sio_attachment *binary = attached(event, record);
    if (over_limit)
        rider_tell_refused(rider, &ack, over_limit);
    else if (json_text_equals(name, "message") && binary)
        rider_message(rider, binary->data, binary->len, &ack);
    else if (json_text_equals(name, "message"))
        on_user_record(rider, event, record, &ack, sio_rider->riders->options.max_pending_bytes);
    else if (json_text_equals(name, "activeUsers"))
        on_question(sio_rider, &ack);
    /* other events are nobody's, as in the reference */
}

/* What came before the answer to CONNECT. */
static void take_kept(struct sio_socket *socket)
{
    struct sio_event event;

    while (sio_next_kept(socket, &event))
        on_event(socket, &event, NULL);
}

static void on_disconnect(void *app_data, struct sio_socket *socket, enum sio_end end)
{
    (void)app_data;
    struct sio_rider *sio_rider = sio_socket_data(socket);
    if (sio_rider->ask)
        ask_cancel(sio_rider->ask);
    rider_free(sio_rider->rider, end == SIO_LOST ? RIDER_LOST : RIDER_LEFT);
    bearer_free(sio_rider->bearer);
    free(sio_rider->former);
    free(sio_rider);
}

/* --- what a session does --- */

static void on_open(void *app, struct eio_session *session)
{
    struct sio_riders *riders = app;

    session->data = sio_client_new(&riders->sio, session, clock_ms());
}

/* The first messages beyond the limit are answered with an exception; a client that goes on is closed. */
static void on_message(void *app, struct eio_session *session, bool binary, const char *data, size_t len)
{
    struct sio_riders *riders = app;
    struct sio_client *client = session->data;
    struct traffic_verdict traffic =
        traffic_take(&session->traffic, &riders->options.traffic, len, clock_ms());
    struct sio_message message;

    if (traffic.verdict != BUCKET_OK)
        refuse(riders->options.refusals, traffic.reason, &session->client);
    if (traffic.verdict == BUCKET_FLOODED) {
        eio_close(session);
        return;
    }
    switch (binary ? sio_client_binary(client, data, len, &message)
                   : sio_client_text(client, data, len, &message)) {
    case SIO_NOTHING:
        break;
    case SIO_CONNECTS:
        on_connect(riders, message.socket, message.auth, traffic.message);
        break;
    case SIO_SPEAKS:
        on_event(message.socket, &message.event, traffic.message);
        break;
    case SIO_TOO_MANY_NAMESPACES:
        refuse(riders->options.refusals, REFUSED_RIDES, &session->client);
    }
    sio_client_forget(client);
}

static void on_close(void *app, struct eio_session *session)
{
    (void)app;
    sio_client_free(session->data);
    session->data = NULL;
}

static void on_timeout(void *app_data, void *session, bool gathering)
{
    struct sio_riders *riders = app_data;

    refuse(riders->options.refusals, gathering ? REFUSED_BODY_TIMEOUT : REFUSED_CONNECT_TIMEOUT,
           &((struct eio_session *)session)->client);
}

const struct eio_app *sio_riders_app(void)
{
    static const struct eio_app app = {.open = on_open, .message = on_message, .close = on_close};

    return &app;
}

void sio_riders_init(struct sio_riders *riders, const struct sio_riders_options *options)
{
    static const struct sio_app app = {.disconnect = on_disconnect, .timed_out = on_timeout};
    static const struct sio_carrier carrier = {.send_text = send_text,
                                               .send_binary = send_binary,
                                               .send_shared = send_shared,
                                               .close = close_session};

    *riders = (struct sio_riders){
        .options = *options,
        .sio =
            {
                .connect_timeout_ms = options->connect_timeout_ms,
                .max_pending_bytes = options->max_pending_bytes,
                .gather_ms = options->gather_ms,
                .max_namespaces = options->max_namespaces,
                .app = &app,
                .app_data = riders,
                .carrier = &carrier,
                .timers = options->timers,
                .budget = options->budget,
            },
    };
}

size_t sio_riders_cost(struct eio_session *session)
{
    const struct sio_client *client = session->data;

    return outlet_cost(&session->outlet) + (client ? sio_client_held(client) : 0);
}
