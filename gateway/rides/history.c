/* The latest events of a ride: see history.h. */
#include "gateway/rides/history.h"

#include <stdlib.h>
#include <string.h>

static struct history_event *at(const struct history *history, size_t index)
{
    return &history->ring[(history->first + index) & (history->size - 1)];
}

static void drop_oldest(struct history *history)
{
    struct history_event *oldest = at(history, 0);

    history->bytes -= oldest->user->len;
    blob_unref(oldest->user);
    history->first = (history->first + 1) & (history->size - 1);
    history->count--;
}

static void clear(struct history *history)
{
    while (history->count)
        drop_oldest(history);
}

void history_deinit(struct history *history)
{
    clear(history);
    free(history->ring);
    *history = (struct history){0};
}

static int grow(struct history *history)
{
    size_t size = history->size ? 2 * history->size : 16;
    struct history_event *ring = calloc(size, sizeof *ring);

    if (!ring)
        return -1;
    for (size_t i = 0; i < history->count; i++)
        ring[i] = *at(history, i);
    free(history->ring);
    history->ring = ring;
    history->size = size;
    history->first = 0;
    return 0;
}

static bool follows(const struct history *history, const struct broker_position *position)
{
    const struct broker_position *last = &at(history, history->count - 1)->position;

    return !strcmp(last->epoch, position->epoch) && position->offset == last->offset + 1;
}

void history_add(struct history *history, const struct broker_position *position, enum broker_event_kind kind,
                 const char *socket_id, struct blob *user)
{
    if (history->count && !follows(history, position))
        clear(history);
    if (history->count == history->size && history->size < HISTORY_EVENTS_MAX && grow(history) != 0) {
        clear(history);
        return;
    }
    while (history->count &&
           (history->count == history->size || history->bytes + user->len > HISTORY_BYTES_MAX))
        drop_oldest(history);
    history->count++;
    history->bytes += user->len;
    struct history_event *event = at(history, history->count - 1);
    *event = (struct history_event){.position = *position, .kind = kind, .user = blob_ref(user)};
    memcpy(event->socket_id, socket_id, strnlen(socket_id, SOCKET_ID_LEN));
}

bool history_ends(enum broker_event_kind kind)
{
    return kind == BROKER_EXITED || kind == BROKER_DISCONNECTED || kind == BROKER_ENDED;
}

bool history_ended(const struct history *history, const char *socket_id)
{
    for (size_t i = history->count; i-- > 0;) {
        const struct history_event *event = at(history, i);

        if (!strcmp(event->socket_id, socket_id))
            return history_ends(event->kind);
    }
    return false;
}

bool history_reaches(const struct history *history, const struct broker_position *position,
                     const struct broker_position *now)
{
    if (strcmp(position->epoch, now->epoch) != 0 || position->offset > now->offset)
        return false;
    if (position->offset == now->offset)
        return true;
    return history->count && !strcmp(at(history, 0)->position.epoch, now->epoch) &&
           at(history, 0)->position.offset <= position->offset + 1 &&
           at(history, history->count - 1)->position.offset == now->offset;
}

const struct history_event *history_after(const struct history *history,
                                          const struct broker_position *position)
{
    if (!history->count || strcmp(at(history, 0)->position.epoch, position->epoch) != 0)
        return NULL; /* after a new epoch began, until its first event */
    uint64_t oldest = at(history, 0)->position.offset;
    uint64_t index = position->offset < oldest ? 0 : position->offset + 1 - oldest;
    return index < history->count ? at(history, (size_t)index) : NULL;
}
