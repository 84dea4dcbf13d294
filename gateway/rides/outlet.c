/* An outlet: see outlet.h. */
#include "gateway/rides/outlet.h"

#include <string.h>
#include <utlist.h>

void outlet_init(struct outlet *outlet, struct outlets *outlets, const struct outlet_carrier *carrier,
                 size_t backlog_bytes)
{
    *outlet = (struct outlet){.carrier = carrier, .outlets = outlets, .backlog_bytes = backlog_bytes};
    buf_init(&outlet->queued,
             SIZE_MAX / 2); /* backlog_bytes is the ceiling, but for a packet that waits alone */
}

static void unmark(struct outlet *outlet)
{
    if (!outlet->dirty)
        return;
    DL_DELETE2(outlet->outlets->dirty, outlet, dirty_prev, dirty_next);
    outlet->dirty = false;
}

void outlet_deinit(struct outlet *outlet)
{
    unmark(outlet);
    buf_deinit(&outlet->queued);
}

void outlet_join(struct outlet *outlet, struct fanlog_reader *reader)
{
    LL_PREPEND(outlet->readers, reader);
}

void outlet_leave(struct outlet *outlet, struct fanlog_reader *reader)
{
    LL_DELETE(outlet->readers, reader);
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

/* Copies what the client has not had of each log behind what is queued. */
static int queue_stretches(struct outlet *outlet)
{
    if (outlet->skipped)
        skip_stretches(outlet);
    for (struct fanlog_reader *r = outlet->readers; r; r = r->next) {
        size_t n;
        const char *stretch = fanlog_stretch(r, &n);

        if (outlet->queued.len + n > outlet->backlog_bytes)
            return -1;
        if (n && buf_append(&outlet->queued, stretch, n) != 0)
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
    char *at = buf_reserve(&outlet->queued, header_len + prefix_len + len);

    if (!at)
        return -1;
    at = mempcpy(at, header, header_len);
    at = mempcpy(at, prefix, prefix_len);
    if (len)
        memcpy(at, data, len);
    buf_added(&outlet->queued, header_len + prefix_len + len);
    return 0;
}

/*
 * Whether `n` more bytes may be queued behind all events so far. A client that keeps up is given at once what
 * would be too much to keep waiting together. Alone, anything may wait, such as who is aboard a large ride.
 */
static bool make_room(struct outlet *outlet, size_t n)
{
    if (queue_stretches(outlet) == 0 && outlet->queued.len + n <= outlet->backlog_bytes)
        return true;
    outlet_flush(outlet);
    return !outlet_pending(outlet);
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
    if (make_room(outlet, n) && buf_append(&outlet->queued, frames, n) == 0)
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
    if (outlet->queued.len)
        return true;
    for (const struct fanlog_reader *r = outlet->readers; r; r = r->next) {
        size_t n;

        fanlog_stretch(r, &n);
        if (n)
            return true;
    }
    return false;
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
    buf_deinit(&out);
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

void outlet_flush(struct outlet *outlet)
{
    unmark(outlet);
    if (outlet->overflowed || !outlet->carrier->room(outlet))
        return;
    if (outlet->skipped) {
        skip_stretches(outlet);
        outlet->skipped = false;
        outlet->carrier->summary(outlet);
    }
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
