/*
 * Offsets of one ride, compared.
 */
#include "broker/redis/stream.h"

#include <string.h>

void stream_init(struct stream *stream)
{
    memset(stream, 0, sizeof *stream);
}

static void drop_held(struct stream *stream)
{
    struct broker_message *event;

    while ((event = stream_take_held(stream)))
        broker_message_free(event);
}

void stream_deinit(struct stream *stream)
{
    drop_held(stream);
    stream_init(stream);
}

bool stream_same_epoch(const struct stream *stream, const struct broker_position *position)
{
    return stream->known && strcmp(stream->at.epoch, position->epoch) == 0;
}

enum stream_verdict stream_offer(struct stream *stream, const struct broker_message *event)
{
    const struct broker_position *position = &event->position;
    uint64_t told = stream->at.offset;

    if (!stream->live)
        return STREAM_HOLD;
    if (!stream_same_epoch(stream, position))
        return STREAM_FOREIGN;
    if (position->offset < told)
        return STREAM_OLD;
    if (position->offset == told)
        return broker_position_equal(position, &stream->at) ? STREAM_OLD : STREAM_FOREIGN;
    if (position->offset > told + 1)
        return STREAM_GAP;
    if (strcmp(event->before, stream->at.chain) != 0)
        return STREAM_FOREIGN;
    stream->at = *position;
    return STREAM_NEXT;
}

static size_t bytes_of(const struct broker_message *event)
{
    return sizeof *event + event->user->len;
}

void stream_hold(struct stream *stream, struct broker_message *event)
{
    if (stream->held_bytes + bytes_of(event) > STREAM_HELD_MAX) {
        drop_held(stream);
        broker_message_free(event);
        stream->overflowed = true;
        return;
    }
    event->mail.next = NULL;
    if (stream->held_last)
        stream->held_last->mail.next = &event->mail;
    else
        stream->held_first = event;
    stream->held_last = event;
    stream->held_bytes += bytes_of(event);
}

struct broker_message *stream_take_held(struct stream *stream)
{
    struct broker_message *event = stream->held_first;

    if (!event)
        return NULL;
    stream->held_first = broker_message_next(event);
    if (!stream->held_first)
        stream->held_last = NULL;
    stream->held_bytes -= bytes_of(event);
    event->mail.next = NULL;
    return event;
}

void stream_settle(struct stream *stream, const struct broker_position *at)
{
    stream->known = true;
    stream->live = true;
    stream->at = *at;
}

void stream_unsettle(struct stream *stream)
{
    stream->live = false;
    stream->overflowed = false;
    drop_held(stream);
}

bool stream_includes(const struct stream *stream, const struct broker_position *position)
{
    return stream_same_epoch(stream, position) && position->offset <= stream->at.offset;
}
