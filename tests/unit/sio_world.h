/*
 * A world for riders that come over Socket.IO, on top of presence_world.h. Everything from WebSocket messages
 * to the broker's orders is real; a socket id is shown as the name of the client that got it first, a
 * recovery id as P and a number.
 */
#ifndef RIDECAST_TESTS_UNIT_SIO_WORLD_H
#define RIDECAST_TESTS_UNIT_SIO_WORLD_H

#include "gateway/sio_riders.h"
#include "tests/unit/presence_world.h"

enum { CONNECT_TIMEOUT = 45000, RECOVERY_IDS = 32 };

/* A WebSocket. */
struct phone {
    struct site *site;
    const char *name;
    struct eio_session *session;
};

struct site {
    struct world *world;
    struct eio_options options;
    struct eio *eio;
    struct sio_riders riders;
    struct phone phone[3];
    char recovery_id[RECOVERY_IDS][RECOVERY_ID_SIZE]; /* P1 and on, as they are seen */
    size_t recovery_ids;
};

/* A site as the test's state, whose clients may come back. At its end everything must have been given back.
 */
int setup_site(void **state);
int teardown_site(void **state);

/* Engine.IO for the presence that there is now; whoever had one before frees that. */
void start_clients(struct site *s);

/* Ends the loop turn, then checks what happened since the last check; or forgets it. */
void assert_happened(struct site *s, const char *expected);
void forget_what_happened(struct site *s);

/* --- what the i-th phone does --- */

/* It opens a WebSocket; a packet comes over it; it is lost. */
void opens(struct site *s, int i);
void tells(struct site *s, int i, const char *packet);
void loses(struct site *s, int i);

/* It opens one, and shows `recovery_id` with `offset`, which is JSON; NULL: without one. */
void shows(struct site *s, int i, const char *recovery_id, const char *offset);

#define SAY_BOARDING "42" SAY_BOARDING_ARGS
#define SAY_BOARDING_ARGS                                                                                    \
    "[\"message\",\"{\\\"id\\\":\\\"u\\\",\\\"name\\\":\\\"n\\\",\\\"status\\\":\\\"boarding\\\"}\"]"
#define SAY_EXITING                                                                                          \
    "42[\"message\",\"{\\\"id\\\":\\\"u\\\",\\\"name\\\":\\\"n\\\",\\\"status\\\":\\\"exiting\\\"}\"]"

/* Phone 0 is on the ride, whose stream began after `offset` events, as ann with P1. */
void connects_after(struct site *s, uint64_t offset);

/* The same after none, and aboard: the first order. */
void boards(struct site *s);

/* --- what the broker says --- */

/* Boardings of strangers, each with its offset as record. */
void says_events(struct site *s, uint64_t first, uint64_t last);

#define EVENT(n) "42[\"userBoarded\"," #n ",\"" #n ".0000000" #n "-epoch-01\"]\n"

#endif
