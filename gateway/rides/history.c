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

    memcpy(history->before, oldest->position.chain, sizeof history->before);
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

static bool follows(const struct broker_position *before, const struct broker_position *position)
{
    return !strcmp(before->epoch, position->epoch) && position->offset == before->offset + 1;
}

void history_add(struct history *history, const struct broker_position *before,
                 const struct history_event *added)
{
    if (history->count && !follows(&at(history, history->count - 1)->position, &added->position))
        clear(history);
    if (!history->count) {
        static const struct broker_position unknown = {.epoch = ""};
        const struct broker_position *known = follows(before, &added->position) ? before : &unknown;

        memcpy(history->before, known->chain, sizeof history->before);
    }
    if (history->count == history->size && history->size < HISTORY_EVENTS_MAX && grow(history) != 0) {
        clear(history);
        return;
    }
    while (history->count &&
           (history->count == history->size || history->bytes + added->user->len > HISTORY_BYTES_MAX))
        drop_oldest(history);
    history->count++;
    history->bytes += added->user->len;
    *at(history, history->count - 1) = *added;
    blob_ref(added->user);
}

/* The last event of the socket; NULL: there is none. */
static const struct history_event *last_of(const struct history *history, const char *socket_id)
{
    for (size_t i = history->count; i-- > 0;)
        if (!strcmp(at(history, i)->socket_id, socket_id))
            return at(history, i);
    return NULL;
}

bool history_knows(const struct history *history, const char *socket_id)
{
    return last_of(history, socket_id) != NULL;
}

bool history_ended(const struct history *history, const char *socket_id)
{
    const struct history_event *last = last_of(history, socket_id);

    return last && broker_event_ends(last->kind);
}

bool history_has_before(const struct history *history, uint64_t offset, uint64_t count)
{
    return count == 0 || (history->count && at(history, 0)->position.offset + count <= offset + 1);
}

/* Whether a place from just before the oldest event to the last is one of this run. */
static bool holds(const struct history *history, const struct broker_position *position)
{
    const struct broker_position *oldest = &at(history, 0)->position;
    struct broker_position known = *oldest;

    if (position->offset + 1 == oldest->offset) {
        known.offset = position->offset;
        memcpy(known.chain, history->before, sizeof known.chain);
    } else {
        known = at(history, (size_t)(position->offset - oldest->offset))->position;
    }
    return broker_position_equal(&known, position);
}

bool history_reaches(const struct history *history, const struct broker_position *position,
                     const struct broker_position *now)
{
    if (strcmp(position->epoch, now->epoch) != 0 || position->offset > now->offset)
        return false;
    if (position->offset == now->offset)
        return broker_position_equal(position, now);
    return history->count && at(history, 0)->position.offset <= position->offset + 1 &&
           broker_position_equal(&at(history, history->count - 1)->position, now) && holds(history, position);
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
