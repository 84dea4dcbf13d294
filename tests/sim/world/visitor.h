/*
 * A Socket.IO client that comes, boards a ride, exits, leaves, is cut off, stops reading, and comes back, all
 * by chance; each is a person of its own. What it hears it adds up, and it is strict:
 *
 * - an answer to activeUsers is what the last one and the events since add up to;
 * - the positions of a ride's events rise;
 * - whoever has an ack for a boarding has heard of it;
 * - whoever comes back and is recovered goes on as if nothing had been.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_VISITOR_H
#define RIDECAST_TESTS_SIM_WORLD_VISITOR_H

#include "tests/sim/world/node.h"
#include "tests/sim/world/ws_client.h"

enum { VISITORS_MAX = 512 };

/* Who is aboard, by number. */
struct crowd {
    bool has[VISITORS_MAX];
};

struct visitor {
    char name[16];
    char address[32];
    unsigned number;
    struct node *nodes; /* of which it goes to one, at each visit */
    unsigned node_count, ride_count;
    struct node *node; /* which it is at, or was last */
    unsigned ride;
    struct ws_client ws;
    enum { VISITOR_AWAY, VISITOR_COMING, VISITOR_JOINING, VISITOR_ABOUT } state;
    struct happening act;
    bool resting; /* it does nothing by itself any more, but for coming back and asking */
    bool paused;
    bool boarded;         /* its last boarding has an ack, and nothing has been said since that ends it */
    bool known;           /* `aboard` is what this ride has, as it has heard */
    bool exiting;         /* the last it has said is an exit that has not been refused */
    bool heard;           /* of a boarding of its own, since it said one */
    bool exited;          /* the last it has heard of itself is an exit */
    unsigned said, acked; /* transitions on this visit, by ack id */
    unsigned asked, answered;
    struct crowd aboard;
    char epoch[16]; /* of the last event */
    unsigned long long offset;
    bool returns;           /* it may come back to its ride with what follows */
    char sid[32], pid[192]; /* as the last CONNECT was answered */
    char position[64];      /* of the last event since it has that pid; empty: there was none */
};

void visitor_init(struct visitor *visitor, unsigned number, struct node *nodes, unsigned node_count,
                  unsigned ride_count);
void visitor_deinit(struct visitor *visitor);

/* From now on it rests: it comes where it is not, and stays. */
void visitor_rest(struct visitor *visitor);

/* Asks who is aboard. */
void visitor_ask(struct visitor *visitor);

/* Leaves for good. */
void visitor_go(struct visitor *visitor);

#endif
