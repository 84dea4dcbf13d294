/*
 * Rides, their members, and the fan-out: the hot path.
 *
 * A ride is what a Socket.IO namespace or a /ws path names: a roster, a stream of events, and the clients of
 * this gateway that hear it. Every event is encoded once per wire form in use, into that form's log; every
 * member has a cursor. Once per loop turn each ride with news is flushed: one write per member with
 * everything from its cursor to the head. A ride with very many members is flushed in slices, one a turn, so
 * that other rides, requests and pings have their turns in between; a member late in the round gets more at
 * once.
 *
 *   broker ─▶ ride_event() ─▶ log[form] ◀─ cursor ─ member ─ outlet ─▶ client
 *
 * Laggards: a member more than `backlog_bytes` behind lags (outlet.h) and keeps nothing alive.
 *
 * Danger: a member hangs in two lists, its ride's and, as a reader, its outlet's. member_join() and
 * member_leave() are the only places that put it there and take it out. Gateway thread only; pure but for the
 * outlets' carriers.
 */
#ifndef RIDECAST_GATEWAY_RIDES_RIDE_H
#define RIDECAST_GATEWAY_RIDES_RIDE_H

#include "broker/broker.h"
#include "common/hash.h"
#include "gateway/net/shares.h"
#include "gateway/net/timers.h"
#include "gateway/rides/fanlog.h"
#include "gateway/rides/history.h"
#include "gateway/rides/outlet.h"
#include "gateway/rides/roster.h"
#include "gateway/rides/wire.h"

struct ask;
struct budget;
struct held;
struct metric;
struct ride;
struct watched;

/* One client on one ride. Embedded in what stands for the client there. */
struct member {
    struct ride *ride; /* NULL: on none */
    struct outlet *outlet;
    struct fanlog_reader reader; /* of one of the ride's logs; in the outlet's list */
    struct member *prev, *next;  /* in the ride's list of that form */
};

/* Where the flushing of one log is. A round visits every member once, the next begins where it ended; whoever
 * joins is the last of the round under way. */
struct flush {
    struct member *next; /* the member to visit next; NULL: the first. Newcomers stand before it */
    size_t due;          /* members to visit until all have had everything */
    size_t left;         /* of the round */
    uint64_t slowest;    /* cursor met in the round */
    size_t appended;     /* bytes, since the round began */
};

struct ride {
    char name[RIDE_NAME_MAX + 1];
    struct member *members[WIRE_FORMS];
    size_t counts[WIRE_FORMS]; /* of members */
    struct fanlog log[WIRE_FORMS];
    struct flush flush[WIRE_FORMS];
    size_t member_count;

    bool live; /* a roster has arrived: roster and position hold */
    struct roster *roster;
    struct broker_position position;
    struct blob *snapshot; /* ride_snapshot()'s; NULL: stale */

    struct history history; /* the latest events, for clients that come back */
    struct timer doubt;     /* presence.c's: runs while some riders may have been lost by the store */

    /* watched.c's: */
    struct watched *watched;
    struct ask *asks;     /* who waits for the first roster */
    struct timer linger;  /* runs while nobody uses the ride */
    struct peer *founder; /* at whose address it was begun; NULL: it is not counted */

    /* rider.c's: */
    struct shares pace; /* of the events that come from here, by address */
    struct held *held;  /* transitions that wait for the first roster, oldest first */
    size_t riders;

    struct rides *rides;
    size_t news;      /* events since every member had everything */
    uint64_t news_us; /* when the first of them came, by the monotonic clock */
    bool dirty;
    struct ride *dirty_prev, *dirty_next;
    UT_hash_handle hh;
};

/* All rides of this gateway. */
struct rides {
    struct ride *by_name;
    struct ride *dirty;
    size_t backlog_bytes;
    size_t slice;          /* of flushing, what it costs at most; tests have smaller ones */
    struct budget *budget; /* which logs and snapshots count against; NULL: nothing does */
    uint64_t events;       /* told to at least one member */
    uint64_t deliveries;   /* events times members that heard them */
    struct metric
        *batches; /* histograms of `news`, and of the microseconds since `news_us`; NULL: not kept */
    struct metric *delays;
};

void rides_init(struct rides *rides, size_t backlog_bytes, struct budget *budget);
/* Frees every ride; none may have members any more. */
void rides_deinit(struct rides *rides);

/* Bytes kept in all logs for members that lag. */
size_t rides_backlog(const struct rides *rides);

/* Gives back what need not be kept: snapshots that may be printed again, and of logs what nobody needs any
 * more. Then outlet_cost() is right. Linear in all members. */
void rides_shed(struct rides *rides);

/* The ride of that name (at most RIDE_NAME_MAX bytes), or NULL. */
struct ride *rides_find(const struct rides *rides, const char *name);

/* Makes a ride without members. Aborts when out of memory. */
struct ride *ride_new(struct rides *rides, const char *name);
/* The ride must have no members. */
void ride_free(struct ride *ride);

/*
 * Who is aboard, `{"offset":"…","users":[…]}`: made once and shared by all who ask until ride_changed(),
 * which is called whenever roster or position have. Borrowed. NULL: no memory.
 */
struct blob *ride_snapshot(struct ride *ride);
void ride_changed(struct ride *ride);

/* Puts a client on a ride: it hears what comes after this. The caller keeps `member` until member_leave(). */
void member_join(struct member *member, struct ride *ride, struct outlet *outlet, enum wire_form form);
void member_leave(struct member *member);

/* Tells every member of an event at a position. */
void ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                const struct broker_position *position);

/*
 * Flushes rides with news: call once per loop turn. True: that was a slice, call again in the next turn,
 * which must come soon.
 */
bool rides_flush(struct rides *rides);

#endif
