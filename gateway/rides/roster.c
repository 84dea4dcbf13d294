/* A roster: see roster.h. */
#include "gateway/rides/roster.h"

#include "broker/broker.h"
#include "common/alloc.h"
#include "common/hash.h"
#include "common/user.h"

#include <stdlib.h>
#include <string.h>

enum { MARKED_MAX = 2000 }; /* in one call */

struct entry {
    bool seen;    /* by the roster_replace() under way */
    bool doubted; /* see roster_doubt() */
    bool marked;  /* `mark` is that of the record, and in the sum */
    uint32_t mark;
    struct blob *user;
    UT_hash_handle hh;
    char id[]; /* as long as it is */
};

struct roster {
    struct entry *entries;
    size_t bytes;   /* of all records */
    size_t doubted; /* how many entries are */
    size_t marked;
    uint32_t marks; /* the sum of those */
};

struct roster *roster_new(void)
{
    return alloc_zeroed(sizeof(struct roster));
}

static void set_doubted(struct roster *roster, struct entry *entry, bool doubted)
{
    roster->doubted += (size_t)doubted - (size_t)entry->doubted;
    entry->doubted = doubted;
}

static void unmark(struct roster *roster, struct entry *entry)
{
    if (!entry->marked)
        return;
    entry->marked = false;
    roster->marked--;
    roster->marks -= entry->mark;
}

static void drop(struct roster *roster, struct entry *entry)
{
    set_doubted(roster, entry, false);
    unmark(roster, entry);
    HASH_DEL(roster->entries, entry);
    roster->bytes -= entry->user->len;
    blob_unref(entry->user);
    free(entry);
}

void roster_free(struct roster *roster)
{
    if (!roster)
        return;
    struct entry *entry, *next;
    HASH_ITER(hh, roster->entries, entry, next)
    drop(roster, entry);
    free(roster);
}

size_t roster_count(const struct roster *roster)
{
    return HASH_COUNT(roster->entries);
}

size_t roster_bytes(const struct roster *roster)
{
    return roster->bytes;
}

size_t roster_cost(const struct roster *roster)
{
    return roster->bytes + roster_count(roster) * broker_rider_bytes(0);
}

bool roster_marks(struct roster *roster, uint32_t *sum)
{
    size_t looked_at = 0;

    for (struct entry *entry = roster->entries;
         roster->marked < roster_count(roster) && looked_at < MARKED_MAX; entry = entry->hh.next) {
        if (entry->marked)
            continue;
        entry->mark = user_mark(entry->user);
        entry->marked = true;
        roster->marked++;
        roster->marks += entry->mark;
        looked_at++;
    }
    *sum = roster->marks;
    return roster->marked == roster_count(roster);
}

static struct entry *find(const struct roster *roster, const char *id)
{
    struct entry *entry;

    HASH_FIND_STR(roster->entries, id, entry);
    return entry;
}

struct blob *roster_get(const struct roster *roster, const char *id)
{
    struct entry *entry = find(roster, id);

    return entry ? entry->user : NULL;
}

static struct entry *set(struct roster *roster, const char *id, struct blob *user)
{
    struct entry *entry = find(roster, id);

    if (!entry) {
        entry = alloc_zeroed(sizeof *entry + strlen(id) + 1);
        memcpy(entry->id, id, strlen(id));
        HASH_ADD_STR(roster->entries, id, entry);
    }
    roster->bytes += user->len - (entry->user ? entry->user->len : 0);
    blob_ref(user);
    blob_unref(entry->user);
    entry->user = user;
    unmark(roster, entry);
    set_doubted(roster, entry, false);
    return entry;
}

void roster_set(struct roster *roster, struct blob *user)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    set(roster, id, user);
}

void roster_remove(struct roster *roster, const char *id)
{
    struct entry *entry = find(roster, id);

    if (entry)
        drop(roster, entry);
}

static void mark_seen(struct roster *roster, const struct blob *user)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    struct entry *entry = find(roster, id);
    if (!entry)
        return;
    entry->seen = true;
    set_doubted(roster, entry, false);
}

static void put_aboard(struct roster *roster, struct blob *user, const struct roster_difference *difference,
                       void *arg)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    struct blob *known = roster_get(roster, id);
    if (known && blob_equal(known, user))
        return;
    difference->boarded(arg, set(roster, id, user)->user);
}

/* Told when it is so: clients may be given who is aboard while they are told. */
static void drop_and_tell(struct roster *roster, struct entry *entry,
                          void (*gone)(void *arg, struct blob *user), void *arg)
{
    struct blob *user = blob_ref(entry->user);

    drop(roster, entry);
    gone(arg, user);
    blob_unref(user);
}

void roster_replace(struct roster *roster, const struct broker_rider *riders, size_t count,
                    const struct roster_difference *difference, void *arg)
{
    struct entry *entry, *next;

    HASH_ITER(hh, roster->entries, entry, next)
    entry->seen = false;
    for (size_t i = 0; i < count; i++)
        mark_seen(roster, riders[i].user);
    HASH_ITER(hh, roster->entries, entry, next)
    {
        if (!entry->seen && !entry->doubted)
            drop_and_tell(roster, entry, difference->gone, arg);
    }
    for (size_t i = 0; i < count; i++)
        put_aboard(roster, riders[i].user, difference, arg);
}

void roster_doubt(struct roster *roster)
{
    for (struct entry *entry = roster->entries; entry; entry = entry->hh.next)
        set_doubted(roster, entry, true);
}

bool roster_in_doubt(const struct roster *roster)
{
    return roster->doubted > 0;
}

void roster_drop_doubted(struct roster *roster, void (*gone)(void *arg, struct blob *user), void *arg)
{
    struct entry *entry, *next;

    HASH_ITER(hh, roster->entries, entry, next)
    {
        if (entry->doubted)
            drop_and_tell(roster, entry, gone, arg);
    }
}

int roster_print(const struct roster *roster, struct buf *out)
{
    /* With a comma for each record; it would grow step by step, and be copied each time. */
    if (!buf_reserve(out, roster->bytes + HASH_COUNT(roster->entries) + 2) || buf_append(out, "[", 1) != 0)
        return -1;
    for (const struct entry *entry = roster->entries; entry; entry = entry->hh.next) {
        if (entry != roster->entries && buf_append(out, ",", 1) != 0)
            return -1;
        if (buf_append(out, entry->user->data, entry->user->len) != 0)
            return -1;
    }
    return buf_append(out, "]", 1);
}
