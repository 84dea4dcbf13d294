/*
 * Whether the gateways agree on the options that should be the same on all of them (OPTION_COMMON in
 * common/config.c): riders and clients go from one gateway to another, and a window, a lease or a limit that
 * is another one there surprises both. Each gateway tells its own in what it says of itself (about.h); each
 * survey of all (cluster.h) is compared.
 *
 * The log has one line for each gateway and option that differs from this gateway's own, when that begins or
 * the value changes, and one when it ends; a gateway that is gone is forgotten without a word. Gateways that
 * tell no options, or not this one, agree with everybody. What others say is foreign text: what does not look
 * like an option's value is passed over. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_AGREEMENT_H
#define RIDECAST_GATEWAY_PAGES_AGREEMENT_H

#include "common/config.h"

#include <stddef.h>

struct json_object;

enum {
    AGREEMENT_VALUE_MAX = 32, /* bytes of a value as it is told */
    AGREEMENT_LINES_MAX = 32, /* in the log, for one survey */
};

/* Embedded in the gateway. */
struct agreement {
    struct json_object *own;   /* by option: a number, a choice, or a text's fingerprint */
    struct json_object *told;  /* of this survey: option -> value -> a list of nodes */
    struct difference *others; /* whom the log has told of, and of what */
    size_t differing;          /* options that were not the same everywhere in the latest survey */
};

void agreement_init(struct agreement *agreement, const struct config *config);
/* Zeroed is harmless. */
void agreement_deinit(struct agreement *agreement);

/* One survey: begun, then what each gateway says of itself, then the end, which compares and logs. */
void agreement_begin(struct agreement *agreement);
void agreement_hear(struct agreement *agreement, struct json_object *about);
/* `{"recovery-window":{"15000":["a","c"],"5000":["b"]}}`, only what differs; the caller owns it. */
struct json_object *agreement_end(struct agreement *agreement);

#endif
