/* What presence.c and rider.c share. */
#ifndef RIDECAST_GATEWAY_RIDES_PRESENCE_PRIVATE_H
#define RIDECAST_GATEWAY_RIDES_PRESENCE_PRIVATE_H

#include "gateway/rides/presence.h"

struct pending;

struct presence {
    struct presence_options options;
    struct rides rides;
    bool broker_up;
    bool has_secret;
    uint8_t secret[SECRET_LEN];
    uint64_t last_ticket;
    struct pending *pending; /* transitions without a result, by ticket */
    struct rider *by_id;     /* riders by socket id */
    size_t riders;
    size_t held_bytes;
    struct presence_counts counts;
};

/* Somebody's wait for a ride's first roster. */
struct ask {
    struct presence *presence;
    struct ride *ride;
    struct rider *rider; /* NULL: presence_ask()'s */
    struct ack ack;
    void (*answer)(void *arg, struct blob *json);
    void *arg;
    struct timer timer;
    struct ask *ride_prev, *ride_next;
    struct ask *rider_prev, *rider_next;
};

extern const char BROKER_AWAY[]; /* what a client is told when the broker does not answer */

/* presence.c: whoever starts to use a ride calls the first, and the second after it has stopped. */
struct ride *ride_use(struct presence *presence, const char *name);
void ride_release(struct presence *presence, struct ride *ride);

/* presence.c: `{"offset":"…","users":[…]}` at the ride's position: made once and shared by all who ask until
 * it changes. Borrowed. */
struct blob *ride_snapshot(struct ride *ride);

/* presence.c: a wait on a ride in use. */
struct ask *ask_new(struct presence *presence, struct ride *ride);

/* rider.c: the broker's word on a rider. */
void rider_result(struct presence *presence, const struct broker_message *message);
/* Takes the message. */
void rider_history(struct presence *presence, struct broker_message *message);
void rider_evicted(struct presence *presence, const char *ride, const char *socket_id);
/* presence.c calls it as an ask of the rider ends. */
void rider_forget_ask(struct rider *rider, struct ask *ask);
void rider_answer(struct rider *rider, const struct ack *ack, struct blob *json);

/* rider.c: transitions held back until the ride is known. */
void ride_submit_held(struct presence *presence, struct ride *ride);
void ride_forget_held(struct presence *presence, struct ride *ride);

/* rider.c: nobody waits for results any more. */
void pending_forget_all(struct presence *presence);

#endif
