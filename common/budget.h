/*
 * How many bytes wait for clients, or for the rest of what they say, by what they are; and how many may.
 * Whoever has a buffer that can grow says of each change what it was and what it is; bytes that several share
 * count once. Nothing is refused here: who owns the budget asks what it has come to, and acts
 * (gateway/relief.h). Every call is O(1). A budget that is NULL counts nothing. One thread.
 */
#ifndef RIDECAST_COMMON_BUDGET_H
#define RIDECAST_COMMON_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

struct blob;
struct budget_share;

enum budget_kind {
    BUDGET_QUEUES,    /* packets queued for clients */
    BUDGET_EVENTS,    /* logs of rides' events, kept for who is behind */
    BUDGET_SNAPSHOTS, /* who is aboard, printed */
    BUDGET_ANSWERS,   /* answers under way, and what the kernel has not taken */
    BUDGET_INPUT,     /* requests and messages of which a part has come, or that are not served yet */
    BUDGET_BROKER,    /* on its way between the gateway's thread and the broker's */
    BUDGET_KINDS,
};

/* Its name in the metrics: `queues` and so on. */
const char *budget_kind_name(enum budget_kind kind);

/* Embedded; zeroed but for the limit it is empty. */
struct budget {
    size_t limit; /* 0: none */
    size_t total;
    size_t used[BUDGET_KINDS]; /* they add up to the total */
    struct budget_share *shares;
};

/* Somebody's buffer of that kind had so many bytes and has so many now. */
void budget_move(struct budget *budget, enum budget_kind kind, size_t before, size_t now);

/* Somebody holds a snapshot; holds it no more. It counts while anybody does. Aborts when out of memory. */
void budget_share(struct budget *budget, struct blob *blob);
void budget_unshare(struct budget *budget, struct blob *blob);

/* What it costs that one more holds it: its bytes, divided among those who do. */
size_t budget_part(const struct budget *budget, const struct blob *blob);

/* More is used than may be; or seven eighths of it: what is large is refused then, before somebody has to be
 * cut. */
bool budget_is_over(const struct budget *budget);
bool budget_is_tight(const struct budget *budget);

/* How much clients hold of the last quarter, which they are to give back when it is tight. */
size_t budget_excess(const struct budget *budget);

/* What one of those who want it may have while it is tight: an eighth. */
size_t budget_share_of_one(const struct budget *budget);

#endif
