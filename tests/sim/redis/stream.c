/*
 * What a node's listpack takes is told by t_stream.c and listpack.c of Redis.
 */
#include "tests/sim/redis/stream.h"

#include "common/alloc.h"
#include "tests/sim/redis/number.h"

#include <stdlib.h>

enum {
    NODE_ENTRIES_MAX = 100, /* stream-node-max-entries */
    NODE_BYTES_MAX = 4096,  /* stream-node-max-bytes */
    LISTPACK_EMPTY = 7,
    /* How many entries one call drops at most, about. */
    TRIM_LIMIT = 100 * NODE_ENTRIES_MAX,
};

void sim_stream_deinit(struct sim_stream *stream)
{
    for (size_t i = stream->dropped; i < stream->end; i++)
        free(stream->entries[i].words);
    free(stream->entries);
    free(stream->nodes);
    *stream = (struct sim_stream){.entries = NULL};
}

size_t sim_stream_length(const struct sim_stream *stream)
{
    return stream->end - stream->dropped;
}

int sim_stream_id_compare(struct sim_stream_id a, struct sim_stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}

/* --- listpacks --- */

/* What an element takes together with its length, which is behind it. */
static size_t with_length(size_t bytes)
{
    return bytes + (bytes < 128 ? 1 : bytes < 16384 ? 2 : bytes < 2097152 ? 3 : 4);
}

static size_t integer_bytes(int64_t value)
{
    if (value >= 0 && value <= 127)
        return with_length(1);
    if (value >= -4096 && value <= 4095)
        return with_length(2);
    if (value >= INT16_MIN && value <= INT16_MAX)
        return with_length(3);
    if (value >= -8388608 && value <= 8388607)
        return with_length(4);
    return with_length(value >= INT32_MIN && value <= INT32_MAX ? 5 : 9);
}

static size_t text_bytes(struct bytes text)
{
    long long value;

    if (sim_number_parse(text, &value))
        return integer_bytes(value);
    return with_length(text.len + (text.len < 64 ? 1 : text.len < 4096 ? 2 : 5));
}

static bool same_fields(const struct sim_stream_entry *a, const struct sim_stream_entry *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i += 2)
        same = bytes_equal(a->words[i], b->words[i]);
    return same;
}

/* The first entry of a node names the fields, and the others only where they have different ones. */
static size_t first_bytes(const struct sim_stream_entry *first)
{
    int64_t fields = (int64_t)first->count / 2;
    size_t bytes = LISTPACK_EMPTY + integer_bytes(1) + 2 * integer_bytes(0) + integer_bytes(fields);

    for (size_t i = 0; i < first->count; i += 2)
        bytes += text_bytes(first->words[i]);
    return bytes;
}

static size_t entry_bytes(const struct sim_stream_entry *entry, const struct sim_stream_entry *first)
{
    bool same = same_fields(entry, first);
    int64_t fields = (int64_t)entry->count / 2;
    size_t bytes = integer_bytes(2) + integer_bytes((int64_t)(entry->id.ms - first->id.ms)) +
                   integer_bytes((int64_t)(entry->id.seq - first->id.seq)) +
                   integer_bytes(same ? fields + 3 : 2 * fields + 4);

    if (!same)
        bytes += integer_bytes(fields);
    for (size_t i = same ? 1 : 0; i < entry->count; i += same ? 2 : 1)
        bytes += text_bytes(entry->words[i]);
    return bytes;
}

/* --- entries --- */

/* Room for one more behind those in use; what was dropped is given up first. */
static void *make_room(void *all, size_t size, size_t *dropped, size_t *end, size_t *room)
{
    char *at = all;

    if (*end < *room)
        return all;
    if (*dropped > *room / 2) {
        memmove(at, at + *dropped * size, (*end - *dropped) * size);
        *end -= *dropped;
        *dropped = 0;
        return all;
    }
    *room = *room ? *room * 2 : 8;
    at = realloc(all, *room * size);
    if (!at)
        alloc_failed();
    return at;
}

static void fill_entry(struct sim_stream_entry *entry, const struct bytes *words, size_t count)
{
    size_t size = count * sizeof *words;

    for (size_t i = 0; i < count; i++)
        size += words[i].len;
    entry->count = count;
    entry->words = alloc_zeroed(size);
    char *text = (char *)(entry->words + count);
    for (size_t i = 0; i < count; i++) {
        memcpy(text, words[i].at, words[i].len);
        entry->words[i] = (struct bytes){text, words[i].len};
        text += words[i].len;
    }
}

static bool needs_node(const struct sim_stream *stream, const struct sim_stream_entry *entry)
{
    size_t bytes = 0;

    if (stream->nodes_end == stream->nodes_dropped)
        return true;
    for (size_t i = 0; i < entry->count; i++)
        bytes += entry->words[i].len;
    const struct sim_stream_node *last = &stream->nodes[stream->nodes_end - 1];
    return last->bytes + bytes >= NODE_BYTES_MAX || last->entries >= NODE_ENTRIES_MAX;
}

int sim_stream_add(struct sim_stream *stream, struct sim_stream_id id, const struct bytes *words,
                   size_t count)
{
    if (sim_stream_id_compare(id, stream->last) <= 0)
        return -1;
    stream->entries =
        make_room(stream->entries, sizeof *stream->entries, &stream->dropped, &stream->end, &stream->room);
    struct sim_stream_entry *entry = &stream->entries[stream->end];
    entry->id = stream->last = id;
    fill_entry(entry, words, count);
    if (needs_node(stream, entry)) {
        stream->nodes = make_room(stream->nodes, sizeof *stream->nodes, &stream->nodes_dropped,
                                  &stream->nodes_end, &stream->nodes_room);
        stream->nodes[stream->nodes_end++] = (struct sim_stream_node){.bytes = first_bytes(entry)};
    }
    struct sim_stream_node *node = &stream->nodes[stream->nodes_end - 1];
    node->bytes += entry_bytes(entry, entry - node->entries);
    node->entries++;
    stream->end++;
    return 0;
}

void sim_stream_trim(struct sim_stream *stream, size_t max)
{
    size_t dropped = 0;

    while (sim_stream_length(stream) > max) {
        size_t entries = stream->nodes[stream->nodes_dropped].entries;

        if (dropped + entries > TRIM_LIMIT || sim_stream_length(stream) - entries < max)
            break;
        dropped += entries;
        stream->nodes_dropped++;
        for (; entries > 0; entries--)
            free(stream->entries[stream->dropped++].words);
    }
}

size_t sim_stream_from(const struct sim_stream *stream, struct sim_stream_id id)
{
    size_t low = stream->dropped, high = stream->end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sim_stream_id_compare(stream->entries[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What is left begins with a node's first entry, so the nodes come out the same. */
void sim_stream_copy(struct sim_stream *stream, const struct sim_stream *from)
{
    for (size_t i = from->dropped; i < from->end; i++)
        sim_stream_add(stream, from->entries[i].id, from->entries[i].words, from->entries[i].count);
    stream->last = from->last;
}
