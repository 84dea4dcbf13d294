/*
 * What clients hear, as finished WebSocket server frames in each wire form. Pure.
 */
#ifndef RIDECAST_GATEWAY_RIDES_WIRE_H
#define RIDECAST_GATEWAY_RIDES_WIRE_H

#include "broker/broker.h"
#include "common/buf.h"

#include <stdbool.h>

/* The forms in which a ride's events are written. */
enum wire_form {
    WIRE_SOCKETIO,       /* `42/ride,["userBoarded",{…},"offset"]` */
    WIRE_SOCKETIO_SHORT, /* `42/ride,["userBoarded",{…}]`, for clients that do not come back */
    WIRE_PLAIN,          /* `{"event":"userBoarded","data":{…},"offset":"…"}` */
    WIRE_FORMS,
};

/* `<offset>.<chain>-<epoch>` and a NUL. */
enum { WIRE_OFFSET_SIZE = 20 + 1 + CHAIN_LEN + 1 + EPOCH_LEN + 1 };

/* Writes a position as clients see it. One without a chain, `<offset>-`, is no place in a stream. */
void wire_offset(const struct broker_position *position, char out[WIRE_OFFSET_SIZE]);

/* Reads such a position back. False: it is none, or is no place in a stream. */
bool wire_read_offset(const char *text, struct broker_position *position);

/* The event's name: `userBoarded`, `userExited` or `userDisconnected`. Of all kinds that clients are told. */
const char *wire_event_name(enum broker_event_kind kind);

/* Appends one event as a frame of the form. 0, or -1 when `out` is full (unchanged then). */
int wire_event(struct buf *out, enum wire_form form, const char *ride, enum broker_event_kind kind,
               const struct blob *user, const struct broker_position *position);

#endif
