/*
 * Makes the messages that the broker sends to the gateway. Each is handed to outbox_tell() and freed by
 * whoever takes it.
 */
#ifndef RIDECAST_BROKER_MESSAGE_H
#define RIDECAST_BROKER_MESSAGE_H

#include "broker/order.h"

/* Takes the array and the references in it. */
struct broker_message *message_roster(const char *ride, const struct broker_position *position,
                                      struct broker_rider *riders, size_t count, bool renumbered);

/* Adds a reference to `user`. */
struct broker_message *message_event(const char *ride, const struct broker_position *position,
                                     enum broker_event_kind kind, const char *socket_id, struct blob *user);

/* The order has been carried out and is part of `position`. Adds a reference to `user`: a RESUME's, or NULL.
 * `tenure`: as the message has it. */
struct broker_message *message_done(const struct order *order, const struct broker_position *position,
                                    struct blob *user, uint64_t tenure);

/* The order has not been carried out; `error` is a static string for the sender. */
struct broker_message *message_refused(const struct order *order, const char *error);

/* The events after the order's `from`, up to `end`. Takes the array and the references in it. */
struct broker_message *message_history(const struct order *order, const struct broker_position *end,
                                       struct broker_past_event *events, size_t count);

/* The log does not reach back to the order's `from`, or cannot be read. */
struct broker_message *message_no_history(const struct order *order);

struct broker_message *message_tally(const char *ride, const struct broker_position *position, size_t count,
                                     uint32_t marks);
struct broker_message *message_evicted(const char *ride, const char *socket_id);
struct broker_message *message_secret(const uint8_t secret[SECRET_LEN]);
struct broker_message *message_state(bool up, const char *away);
struct broker_message *message_reload(void);
struct broker_message *message_signal(void);
/* What it holds, with what others may hold as well. */
size_t message_bytes(const struct broker_message *message);

/* Takes the reference; NULL: the store cannot be asked. */
struct broker_message *message_survey(struct blob *json);

#endif
