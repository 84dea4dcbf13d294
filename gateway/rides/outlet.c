/* An outlet: see outlet.h. */
#include "gateway/rides/outlet.h"

#include "common/blob.h"
#include "common/budget.h"
#include "gateway/net/parcel.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* backlog_bytes is the ceiling, but for a packet that waits alone. */
enum { QUEUE_MAX = INT32_MAX };

struct shipment {
    struct parcel *parcel;
    struct buf behind;
    struct shipment *prev, *next;
};

void outlet_init(struct outlet *outlet, struct outlets *outlets, const struct outlet_carrier *carrier)
{
    *outlet = (struct outlet){.carrier = carrier, .outlets = outlets};
    buf_init(&outlet->queued, QUEUE_MAX);
}

static void unmark(struct outlet *outlet)
{
    if (!outlet->dirty)
        return;
    DL_DELETE2(outlet->outlets->dirty, outlet, dirty_prev, dirty_next);
    outlet->dirty = false;
}

/* buf_reserve(), counted. */
static char *reserve(struct outlet *outlet, struct buf *queue, size_t n)
{
    size_t before = queue->size;
    char *at = buf_reserve(queue, n);

    budget_move(outlet->outlets->budget, BUDGET_QUEUES, before, queue->size);
    return at;
}

static int append(struct outlet *outlet, struct buf *queue, const char *bytes, size_t n)
{
    if (!reserve(outlet, queue, n))
        return -1;
    return buf_append(queue, bytes, n);
}

static void give_back(struct outlet *outlet, struct buf *queue)
{
    budget_move(outlet->outlets->budget, BUDGET_QUEUES, queue->size, 0);
    buf_deinit(queue);
}

/* Takes the first parcel out: what waited behind it is next. */
static struct parcel *take_parcel(struct outlet *outlet)
{
    struct shipment *first = outlet->shipments;
    struct parcel *parcel = first->parcel;

    DL_DELETE(outlet->shipments, first);
    give_back(outlet, &outlet->queued);
    outlet->queued = first->behind;
    free(first);
    return parcel;
}

void outlet_deinit(struct outlet *outlet)
{
    unmark(outlet);
    while (outlet->shipments)
        parcel_free(take_parcel(outlet));
    give_back(outlet, &outlet->queued);
}

void outlet_join(struct outlet *outlet, struct fanlog_reader *reader)
{
    DL_PREPEND(outlet->readers, reader);
}

void outlet_leave(struct outlet *outlet, struct fanlog_reader *reader)
{
    DL_DELETE(outlet->readers, reader);
}

void outlet_touch(struct outlet *outlet)
{
    if (outlet->dirty)
        return;
    DL_APPEND2(outlet->outlets->dirty, outlet, dirty_prev, dirty_next);
    outlet->dirty = true;
}

void outlet_overflow(struct outlet *outlet)
{
    if (outlet->overflowed)
        return;
    outlet->overflowed = true;
    outlet->carrier->overflow(outlet);
}

static void end_laggard(struct outlet *outlet)
{
    outlet->outlets->ended += !outlet->overflowed;
    outlet_overflow(outlet);
}

void outlet_lag(struct outlet *outlet)
{
    if (outlet->skips && !outlet->overflowed) {
        outlet->outlets->skipped += !outlet->skipped;
        outlet->skipped = true;
    } else {
        end_laggard(outlet);
    }
}

static void skip_stretches(struct outlet *outlet)
{
    for (struct fanlog_reader *r = outlet->readers; r; r = r->next)
        fanlog_skip(r);
}

/* Where what comes next is queued. */
static struct buf *end_of_queue(struct outlet *outlet)
{
    return outlet->shipments ? &outlet->shipments->prev->behind : &outlet->queued;
}

/* The bytes queued, and those of parcels, but for one that is on its way. */
static size_t waiting(const struct outlet *outlet)
{
    size_t bytes = outlet->queued.len;

    for (const struct shipment *s = outlet->shipments; s; s = s->next) {
        bool on_its_way = parcel_left(s->parcel) < parcel_len(s->parcel);

        bytes += s->behind.len + (on_its_way ? 0 : parcel_len(s->parcel));
    }
    return bytes;
}

/* Copies what the client has not had of each log behind what is queued. */
static int queue_stretches(struct outlet *outlet)
{
    if (outlet->skipped)
        skip_stretches(outlet);
    for (struct fanlog_reader *r = outlet->readers; r; r = r->next) {
        size_t n;
        const char *stretch = fanlog_stretch(r, &n);

        if (waiting(outlet) + n > outlet->outlets->backlog_bytes)
            return -1;
        if (n && append(outlet, end_of_queue(outlet), stretch, n) != 0)
            return -1;
        fanlog_advance(r, n);
    }
    return 0;
}

static int queue_frame(struct outlet *outlet, enum ws_opcode opcode, const char *prefix, const void *data,
                       size_t len)
{
    uint8_t header[WS_HEADER_MAX];
    size_t prefix_len = strlen(prefix);
    size_t header_len = ws_frame_header(opcode, prefix_len + len, header);
    struct buf *queue = end_of_queue(outlet);
    char *at = reserve(outlet, queue, header_len + prefix_len + len);

    if (!at)
        return -1;
    at = mempcpy(at, header, header_len);
    at = mempcpy(at, prefix, prefix_len);
    if (len)
        memcpy(at, data, len);
    buf_added(queue, header_len + prefix_len + len);
    return 0;
}

static bool has_stretches(const struct outlet *outlet)
{
    for (const struct fanlog_reader *r = outlet->readers; r; r = r->next) {
        size_t n;

        fanlog_stretch(r, &n);
        if (n)
            return true;
    }
    return false;
}

/*
 * Whether `n` more bytes may be queued behind all events so far. A client that keeps up is given at once what
 * would be too much to keep waiting together. Alone, anything may wait, such as who is aboard a large ride.
 */
static bool make_room(struct outlet *outlet, size_t n)
{
    if (queue_stretches(outlet) == 0 && waiting(outlet) + n <= outlet->outlets->backlog_bytes)
        return true;
    outlet_flush(outlet);
    return waiting(outlet) == 0 && !has_stretches(outlet);
}

void outlet_packet(struct outlet *outlet, enum ws_opcode opcode, const char *prefix, const void *data,
                   size_t len)
{
    if (outlet->overflowed)
        return;
    if (make_room(outlet, WS_HEADER_MAX + strlen(prefix) + len) &&
        queue_frame(outlet, opcode, prefix, data, len) == 0)
        outlet_touch(outlet);
    else
        end_laggard(outlet);
}

void outlet_frames(struct outlet *outlet, const char *frames, size_t n)
{
    if (outlet->overflowed || !n)
        return;
    if (make_room(outlet, n) && append(outlet, end_of_queue(outlet), frames, n) == 0)
        outlet_touch(outlet);
    else
        end_laggard(outlet);
}

static int ship(struct outlet *outlet, const struct buf *head, struct blob *shared, const char *tail)
{
    struct shipment *shipment = calloc(1, sizeof *shipment);
    struct parcel *parcel =
        shipment ? parcel_new(outlet->outlets->budget, head->data, head->len, shared, tail, strlen(tail))
                 : NULL;

    if (!parcel) {
        free(shipment);
        return -1;
    }
    shipment->parcel = parcel;
    buf_init(&shipment->behind, QUEUE_MAX);
    DL_APPEND(outlet->shipments, shipment);
    return 0;
}

static int queue_copy(struct outlet *outlet, const struct buf *head, const struct blob *shared,
                      const char *tail)
{
    uint8_t header[WS_HEADER_MAX];
    size_t len = head->len + shared->len + strlen(tail);
    size_t header_len = ws_frame_header(WS_TEXT, len, header);
    struct buf *queue = end_of_queue(outlet);
    char *at = reserve(outlet, queue, header_len + len);

    if (!at)
        return -1;
    at = mempcpy(at, header, header_len);
    at = mempcpy(at, head->data, head->len);
    at = mempcpy(at, shared->data, shared->len);
    memcpy(at, tail, strlen(tail));
    buf_added(queue, header_len + len);
    return 0;
}

void outlet_shared(struct outlet *outlet, const struct buf *head, struct blob *shared, const char *tail)
{
    if (outlet->overflowed)
        return;
    bool copied = shared->len < OUTLET_SHARED_MIN;

    if (make_room(outlet, WS_HEADER_MAX + head->len + shared->len + strlen(tail)) &&
        (copied ? queue_copy(outlet, head, shared, tail) : ship(outlet, head, shared, tail)) == 0)
        outlet_touch(outlet);
    else
        end_laggard(outlet);
}

void outlet_gather(struct outlet *outlet)
{
    if (queue_stretches(outlet) != 0) {
        outlet_flush(outlet);
        if (outlet_pending(outlet))
            end_laggard(outlet);
    }
    outlet_touch(outlet);
}

bool outlet_pending(const struct outlet *outlet)
{
    return outlet->queued.len || outlet->shipments || has_stretches(outlet);
}

size_t outlet_cost(struct outlet *outlet)
{
    size_t bytes = outlet->queued.size;

    for (const struct shipment *s = outlet->shipments; s; s = s->next)
        bytes += s->behind.size + parcel_cost(s->parcel);
    /* Whoever is not waited for has had all events of its rides, which may be many, or has them soon. */
    bool waits = outlet->overflowed || !outlet->carrier->room(outlet);

    for (const struct fanlog_reader *r = waits ? outlet->readers : NULL; r; r = r->next)
        bytes += fanlog_cost(r);
    return bytes;
}

/* The one reader with something to write when that is all there is; else NULL. */
static struct fanlog_reader *only_stretch(const struct outlet *outlet)
{
    if (outlet->queued.len)
        return NULL;
    struct fanlog_reader *only = NULL;
    for (struct fanlog_reader *r = outlet->readers; r; r = r->next) {
        size_t n;

        fanlog_stretch(r, &n);
        if (n && only)
            return NULL;
        if (n)
            only = r;
    }
    return only;
}

static void write_queued(struct outlet *outlet)
{
    if (!outlet->queued.len)
        return;
    /* The carrier may add packets while it writes: they belong to the next write. */
    struct buf out = outlet->queued;
    buf_init(&outlet->queued, out.max);
    outlet->carrier->write(outlet, out.data, out.len);
    give_back(outlet, &out);
}

/* The length of as many whole frames as there is room for, but of one at least. */
static size_t piece(const char *frames, size_t n, size_t room)
{
    enum ws_opcode opcode;
    const char *payload;
    size_t payload_len, len = 0, next = 0;

    if (n <= room)
        return n;
    while (ws_frames_next(frames, n, &next, &opcode, &payload, &payload_len) && (!len || next <= room))
        len = next;
    return len;
}

static void write_stretch(struct outlet *outlet, struct fanlog_reader *reader)
{
    size_t room;

    while ((room = outlet->carrier->room(outlet))) {
        size_t n;
        const char *stretch = fanlog_stretch(reader, &n);

        if (!n)
            return;
        n = piece(stretch, n, room);
        fanlog_advance(reader, n);
        outlet->carrier->write(outlet, stretch, n);
    }
}

/* All of it is more than may be queued: each part goes by itself, as long as the carrier takes more. */
static void write_apart(struct outlet *outlet)
{
    write_queued(outlet);
    for (struct fanlog_reader *r = outlet->readers; r && outlet->carrier->room(outlet); r = r->next)
        write_stretch(outlet, r);
}

/* Makes the next fragment of a parcel, of `room` bytes if there is so much. 0, or -1: no memory. */
static int make_fragment(struct buf *out, struct parcel *parcel, size_t room)
{
    bool first = parcel_left(parcel) == parcel_len(parcel);
    size_t len = parcel_left(parcel) < room ? parcel_left(parcel) : room;
    uint8_t header[WS_HEADER_MAX];
    size_t header_len = ws_fragment_header(first, len == parcel_left(parcel), len, header);

    if (!buf_reserve(out, header_len + len) || buf_append(out, header, header_len) != 0)
        return -1;
    while (len) {
        size_t n;
        const char *bytes = parcel_next(parcel, len, &n);

        if (buf_append(out, bytes, n) != 0)
            return -1;
        parcel_sent(parcel, n);
        len -= n;
    }
    return 0;
}

/* The last fragment is written when its parcel is out of the queue: who looks then sees nothing of it wait.
 */
static void write_fragment(struct outlet *outlet, size_t room)
{
    struct parcel *parcel = outlet->shipments->parcel;
    struct buf fragment;

    buf_init(&fragment, WS_HEADER_MAX + OUTLET_PIECE_BYTES);
    if (make_fragment(&fragment, parcel, room < OUTLET_PIECE_BYTES ? room : OUTLET_PIECE_BYTES) != 0) {
        outlet_overflow(outlet); /* no memory */
    } else {
        if (!parcel_left(parcel))
            parcel_free(take_parcel(outlet));
        outlet->carrier->write(outlet, fragment.data, fragment.len);
    }
    buf_deinit(&fragment);
}

/* Writes parcels, and what is queued before and between them, as far as there is room. */
static void write_shipments(struct outlet *outlet)
{
    size_t room;

    while (outlet->shipments && !outlet->overflowed && (room = outlet->carrier->room(outlet))) {
        if (outlet->queued.len)
            write_queued(outlet);
        else if (room == SIZE_MAX && outlet->carrier->hand_over)
            outlet->carrier->hand_over(outlet, take_parcel(outlet));
        else
            write_fragment(outlet, room);
    }
}

/* Writes what comes before the stretches. Whether they are next, and there is room for them. */
static bool write_ahead(struct outlet *outlet)
{
    write_shipments(outlet);
    if (outlet->skipped && !outlet->shipments && outlet->carrier->room(outlet)) {
        skip_stretches(outlet);
        outlet->skipped = false;
        outlet->carrier->summary(outlet);
        write_shipments(outlet);
    }
    return !outlet->shipments && !outlet->overflowed && outlet->carrier->room(outlet);
}

void outlet_flush(struct outlet *outlet)
{
    unmark(outlet);
    if (outlet->overflowed || !outlet->carrier->room(outlet))
        return;
    if ((outlet->shipments || outlet->skipped) && !write_ahead(outlet))
        return;
    struct fanlog_reader *only = only_stretch(outlet);
    if (only)
        write_stretch(outlet, only);
    else if (queue_stretches(outlet) != 0)
        write_apart(outlet);
    else
        write_queued(outlet);
}

void outlets_flush(struct outlets *outlets)
{
    while (outlets->dirty)
        outlet_flush(outlets->dirty);
}
