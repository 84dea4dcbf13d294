/*
 * A broker under test together with everything it has said, so that tests can wait for messages by kind and
 * look at their order afterwards. Waiting ends with the message or fails the test after a deadline.
 *
 * A box belongs to the test that made it, which frees it with box_free(); what it has said belongs to the
 * box. One thread.
 */
#ifndef RIDECAST_TESTS_LIB_BROKER_BOX_H
#define RIDECAST_TESTS_LIB_BROKER_BOX_H

#include "broker/broker.h"
#include "common/metrics.h"

#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

enum { BOX_KINDS = BROKER_SIGNAL + 1 };

struct box {
    struct broker *broker;
    struct metrics *metrics;
    sem_t woken;                  /* posted whenever there is something to take */
    struct broker_message **said; /* in order, owned; as of the last look */
    size_t count, room;
    size_t next[BOX_KINDS]; /* where box_next() goes on, per kind */
};

/* A broker that is not started; the box adds prefix, metrics and wake to the options. */
struct box *box_make(const struct broker_options *given);

/* The same with a lease of 3 s and a recovery window of 15 s. */
struct box *box_new(const char *url, const char *node_id, size_t queue_bytes);

/* Starts it: the box itself. */
struct box *box_started(struct box *box);

/* A started broker, whose queue holds more than any test needs. */
struct box *box_start(const char *url, const char *node_id);
struct box *box_start_with(const char *url, const char *node_id, uint64_t node_lease_ms,
                           uint64_t recovery_window_ms);

/* Stops the broker, too. NULL is harmless. */
void box_free(struct box *box);

/* Takes what has come to `said`, without waiting. */
void box_drain(struct box *box);

/* The next message of that kind that was not returned yet; waits for it. */
struct broker_message *box_next(struct box *box, enum broker_message_kind kind);

/* How many messages of that kind have come so far. */
size_t box_count(struct box *box, enum broker_message_kind kind);

/* Until the broker says that its store is reached, or no longer. */
void box_wait_up(struct box *box);
void box_wait_down(struct box *box);

/* The number of the rider whose record that is. */
unsigned long box_number(const struct blob *user);

/* The socket id made of a number; static, until the next call. */
const char *box_socket(unsigned number);

/* The transition of the rider of that number, which is its ticket too. */
void box_submit(struct box *box, enum broker_transition_kind kind, const char *ride, unsigned number);

/* The place at that offset, with the fingerprint that the box has heard of it, else the beginning's. */
struct broker_position box_place(struct box *box, const char *epoch, uint64_t offset);

/* Asks for what came after such a place on /r: the answer. */
const struct broker_message *box_replay(struct box *box, const char *epoch, uint64_t offset);

/* The value of a series, by its name and labels as printed; -1: there is none. */
long box_metric(struct box *box, const char *series);

/* Until the series has that value: what it counts may be done just after it was told. */
void box_wait_metric(struct box *box, const char *series, long wanted);

/*
 * Whether everything said about the ride upholds broker.h: events follow each other and the roster before
 * them by one, and each good result comes after its event or a roster that includes it (both only while the
 * ride is watched all along).
 */
void box_check_promises(struct box *box, const char *ride);

#endif
