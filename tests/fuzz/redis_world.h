/*
 * A Redis in the input's hands: what broker/redis/redis_link.h promises is replaced when the program is
 * linked. Commands are kept until they are answered, with anything or with what Redis would answer, about.
 */
#ifndef RIDECAST_TESTS_FUZZ_REDIS_WORLD_H
#define RIDECAST_TESTS_FUZZ_REDIS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

struct redis_link;

/* Before a backend is made: no links, and an empty store (redis_store.h). */
void world_begin(void);

/* What the loop does on its next turn: links that are broken are told so. */
void world_turn(void);

/* Commands that wait for an answer, on all links. */
size_t world_pending(void);

/* --- links, which are the backend's --- */

/* The n-th of them, in a circle; the second one leaves out the last, the link for events. */
struct redis_link *world_link(size_t n);
struct redis_link *world_command_link(size_t n);
struct redis_link *world_event_link(void);

/* One that waits is ready; one that is ready is lost, or one that waits is refused. */
void world_connect(struct redis_link *link);
void world_disconnect(struct redis_link *link);

/* Reads one reply and says it, to the oldest command or as what is published; how many bytes it had, 0: it is
 * none, or not whole. */
size_t world_say(struct redis_link *link, const char *text, size_t len);

/* Answers the oldest command as Redis does. False: there is none. */
bool world_answer(struct redis_link *link);

/* The node's lease is gone when it is renewed next. */
void world_lose_lease(void);

/* Somebody says this on the channel of the node, or of a ride. */
void world_tell_node(const char *text);
void world_tell_ride(const char *ride, const char *text);

#endif
