/*
 * An outlet: everything one client is still to be sent, in order.
 *
 *   queued (private frames) ── then ── each reader's stretch of its ride's log
 *   queued ── parcel ── what is queued behind it ── … ── then ── the stretches
 *
 * Broadcasts cost the outlet nothing but its cursors. A private packet (an ack, a ping, an answer) keeps its
 * place among the broadcasts: what the client has not had of the logs is copied into `queued` first, then the
 * packet. So an outlet needs one write per turn, whatever it holds (unless that is very much: then a few);
 * without private packets that write is the log's own memory, in pieces as the carrier takes them.
 *
 * A packet that others are sent as well, such as who is aboard a large ride, is not copied: it waits as a
 * parcel (gateway/net/parcel.h), and goes as WebSocket fragments, each when the one before has been taken, so
 * that hardly any of it is held twice. Between them the carrier may send control frames.
 *
 * Everything is finished WebSocket server frames (gateway/net/ws.h); a long-polling carrier turns them into a
 * payload. Whoever adds something marks the outlet dirty; outlets_flush() writes the dirty ones once per loop
 * turn. Pure: the carrier does the writing. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_RIDES_OUTLET_H
#define RIDECAST_GATEWAY_RIDES_OUTLET_H

#include "common/buf.h"
#include "gateway/net/ws.h"
#include "gateway/rides/fanlog.h"

#include <stdbool.h>
#include <stddef.h>

struct blob;
struct budget;
struct outlet;
struct parcel;
struct shipment;

/* The room of a connection: what of a write the kernel does not take is copied, so it is not to be much. */
enum { OUTLET_PIECE_BYTES = 65536 };

/* What is shared by less than that is copied all the same. */
enum { OUTLET_SHARED_MIN = 16384 };

/* What carries an outlet's bytes to its client. */
struct outlet_carrier {
    /* How many bytes it is to be given at once, 0 for none now, SIZE_MAX for one write of any size. When
     * there is room again, the carrier calls outlet_touch(). */
    size_t (*room)(struct outlet *outlet);
    /* Takes all of it; `frames` is borrowed during the call. Only called when there is room; a frame alone,
     * and private packets with what they wait for, may be more than that. */
    void (*write)(struct outlet *outlet, const char *frames, size_t n);
    /* The client fell further behind than allowed: end it. Nothing more is written. Must not free the outlet
     * at once. */
    void (*overflow)(struct outlet *outlet);
    /* Adds a packet that stands for all events the client was not given. Called when there is room, and only
     * where `skips` is set. */
    void (*summary)(struct outlet *outlet);
    /* Takes a packet, a text, in place of a write of any size. */
    void (*hand_over)(struct outlet *outlet, struct parcel *packet);
};

/* The outlets with something new in this turn. Embedded in the gateway, which flushes them at its end. */
struct outlets {
    struct outlet *dirty;
    struct budget *budget; /* which what is queued counts against; NULL: nothing does */
    size_t backlog_bytes;  /* of each: bounds what waits; only a packet that waits alone may be larger */
    uint64_t ended;        /* clients that fell further behind than allowed */
    uint64_t skipped;      /* stretches left out for a summary instead */
};

/* Embedded in its carrier. */
struct outlet {
    const struct outlet_carrier *carrier;
    struct outlets *outlets;
    struct outlet *dirty_prev, *dirty_next; /* in outlets->dirty, while `dirty` */
    struct fanlog_reader *readers;          /* of the rides this client is on */
    struct buf queued;
    struct shipment *shipments; /* packets that are shared, each with what is queued behind it */
    bool dirty;
    bool overflowed;
    bool skips;   /* the client's: rather than overflow, leave out events and send a summary instead */
    bool skipped; /* some were left out; the summary is due */
};

void outlet_init(struct outlet *outlet, struct outlets *outlets, const struct outlet_carrier *carrier);
/* Nothing may be read for it any more. */
void outlet_deinit(struct outlet *outlet);

/* From now on the client gets what the reader, which is the caller's, has not had; until outlet_leave(). What
 * is new in a log marks nobody dirty: whoever writes it flushes the outlets that read it. */
void outlet_join(struct outlet *outlet, struct fanlog_reader *reader);
void outlet_leave(struct outlet *outlet, struct fanlog_reader *reader);

/* Adds a private packet as one frame, `prefix` (a string) and `data`, behind all events so far. */
void outlet_packet(struct outlet *outlet, enum ws_opcode opcode, const char *prefix, const void *data,
                   size_t len);

/* Adds a private text: a blob that others may be sent as well, in `head` and `tail`. A reference is taken. */
void outlet_shared(struct outlet *outlet, const struct buf *head, struct blob *shared, const char *tail);

/* Adds finished frames, behind all events so far. */
void outlet_frames(struct outlet *outlet, const char *frames, size_t n);

/* Queues all events so far, so that the client can be taken off its rides without losing them. */
void outlet_gather(struct outlet *outlet);

/* The client is too far behind to be given every event: they are skipped, if it may be so, else it is ended.
 */
void outlet_lag(struct outlet *outlet);

/* Ends a client that cannot be given all it must have: carrier->overflow, once; nothing more is written. */
void outlet_overflow(struct outlet *outlet);

/* Whether anything waits to be written. */
bool outlet_pending(const struct outlet *outlet);

/* What it costs to keep what waits: bytes queued, its part of what is shared and, while there is no room, of
 * the logs. */
size_t outlet_cost(struct outlet *outlet);

/* Has it flushed at the end of the turn. */
void outlet_touch(struct outlet *outlet);

/* Writes what waits, as far as the carrier has room: in one write, unless that is very much. */
void outlet_flush(struct outlet *outlet);
void outlets_flush(struct outlets *outlets);

#endif
