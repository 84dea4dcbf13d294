/*
 * presence_world.h, with clients that drop and come back.
 */
#ifndef RIDECAST_TESTS_UNIT_RECOVERY_WORLD_H
#define RIDECAST_TESTS_UNIT_RECOVERY_WORLD_H

#include "tests/unit/presence_world.h"

/* As setup(), and clients may come back. */
int setup_recovery(void **state);

/* The client, or another that was given its socket id, shows that id. */
void come_back_from(struct world *w, int i, const struct broker_position *from, uint64_t began);

/* The client has had the events up to `offset`. */
void come_back(struct world *w, int i, uint64_t offset);

/* Boardings of strangers, each with its offset as record. */
void says_events(struct world *w, uint64_t first, uint64_t last);

#define EVENT(n) "42[\"userBoarded\"," #n ",\"" #n ".0000000" #n "-epoch-01\"]\n"

/* The first order: the client is aboard. */
void board(struct world *w, int i);

/* Client 0 was on the ride, aboard after `offset` events, and has dropped; client 1 keeps the ride in use. */
void drop_after(struct world *w, uint64_t offset);

/* Client 0 shows a socket id from elsewhere; the ride is at offset 5, and that is all this gateway knows. */
void come_from_elsewhere(struct world *w, uint64_t offset);

/* Whether that id is genuine for the ride; then it is client 0's, and `from` is where its stream began. */
bool shows(struct world *w, const char *ride, const char *recovery_id, struct broker_position *from);

#endif
