/*
 * Messages to the gateway: one constructor per kind, one destructor for all.
 */
#include "broker/message.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

static struct broker_message *message_new(enum broker_message_kind kind, const char *ride)
{
    struct broker_message *message = alloc_zeroed(sizeof *message);

    message->kind = kind;
    memcpy(message->ride, ride, strlen(ride) + 1);
    return message;
}

struct broker_message *message_roster(const char *ride, const struct broker_position *position,
                                      struct broker_rider *riders, size_t count, bool renumbered)
{
    struct broker_message *message = message_new(BROKER_ROSTER, ride);

    message->position = *position;
    message->riders = riders;
    message->rider_count = count;
    message->renumbered = renumbered;
    return message;
}

struct broker_message *message_event(const char *ride, const struct broker_position *position,
                                     enum broker_event_kind kind, const char *socket_id, struct blob *user)
{
    struct broker_message *message = message_new(BROKER_EVENT, ride);

    message->position = *position;
    message->event = kind;
    memcpy(message->socket_id, socket_id, SOCKET_ID_LEN);
    message->user = blob_ref(user);
    return message;
}

static struct broker_message *message_result(const struct order *order)
{
    struct broker_message *message = message_new(BROKER_RESULT, order->ride);

    memcpy(message->socket_id, order->socket_id, SOCKET_ID_LEN);
    message->transition = order->transition;
    message->ticket = order->ticket;
    return message;
}

struct broker_message *message_done(const struct order *order, const struct broker_position *position,
                                    struct blob *user, uint64_t tenure)
{
    struct broker_message *message = message_result(order);

    message->ok = true;
    message->position = *position;
    message->user = user ? blob_ref(user) : NULL;
    message->tenure = tenure;
    return message;
}

struct broker_message *message_refused(const struct order *order, const char *error)
{
    struct broker_message *message = message_result(order);

    message->error = error;
    return message;
}

static struct broker_message *message_answer_to_replay(const struct order *order)
{
    struct broker_message *message = message_new(BROKER_HISTORY, order->ride);

    message->ticket = order->ticket;
    return message;
}

struct broker_message *message_history(const struct order *order, const struct broker_position *end,
                                       struct broker_past_event *events, size_t count)
{
    struct broker_message *message = message_answer_to_replay(order);

    message->ok = true;
    message->position = *end;
    message->events = events;
    message->event_count = count;
    return message;
}

struct broker_message *message_no_history(const struct order *order)
{
    return message_answer_to_replay(order);
}

struct broker_message *message_tally(const char *ride, const struct broker_position *position, size_t count,
                                     uint32_t marks)
{
    struct broker_message *message = message_new(BROKER_TALLY, ride);

    message->position = *position;
    message->rider_count = count;
    message->marks = marks;
    return message;
}

struct broker_message *message_evicted(const char *ride, const char *socket_id)
{
    struct broker_message *message = message_new(BROKER_EVICTED, ride);

    memcpy(message->socket_id, socket_id, SOCKET_ID_LEN);
    return message;
}

struct broker_message *message_secret(const uint8_t secret[SECRET_LEN])
{
    struct broker_message *message = message_new(BROKER_SECRET, "");

    memcpy(message->secret, secret, SECRET_LEN);
    return message;
}

struct broker_message *message_state(bool up, const char *away)
{
    struct broker_message *message = message_new(BROKER_STATE, "");

    message->up = up;
    message->user = away ? alloc_blob(away, strlen(away)) : NULL;
    return message;
}

struct broker_message *message_survey(struct blob *json)
{
    struct broker_message *message = message_new(BROKER_SURVEY, "");

    message->user = json;
    return message;
}

struct broker_message *message_reload(void)
{
    return message_new(BROKER_RELOAD, "");
}

struct broker_message *message_signal(void)
{
    return message_new(BROKER_SIGNAL, "");
}

static size_t blob_bytes(const struct blob *blob)
{
    return blob ? blob->len : 0;
}

size_t message_bytes(const struct broker_message *message)
{
    size_t bytes = sizeof *message + blob_bytes(message->user);

    for (size_t i = 0; message->riders && i < message->rider_count; i++)
        bytes += sizeof *message->riders + blob_bytes(message->riders[i].user);
    for (size_t i = 0; i < message->event_count; i++)
        bytes += sizeof *message->events + blob_bytes(message->events[i].user);
    return bytes;
}

struct broker_message *broker_message_next(const struct broker_message *message)
{
    return (struct broker_message *)message->mail.next;
}

void broker_message_free(struct broker_message *message)
{
    if (!message)
        return;
    for (size_t i = 0; message->riders && i < message->rider_count; i++)
        blob_unref(message->riders[i].user);
    free(message->riders);
    for (size_t i = 0; i < message->event_count; i++)
        blob_unref(message->events[i].user);
    free(message->events);
    blob_unref(message->user);
    free(message);
}
