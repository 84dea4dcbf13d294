/*
 * Keeping track of what is held, and of what was lost.
 */
#include "broker/redis/held.h"

#include "common/clock.h"
#include "common/metrics.h"
#include "common/user.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    OVERHEARD_MAX = 128, /* of a ride: an answer is not that much later than its event */
};

static struct held *find(const struct redis_ride *ride, const char *socket_id)
{
    struct held *held;

    HASH_FIND_STR(ride->held, socket_id, held);
    return held;
}

/* The entry, if it is the one that was claimed; else NULL. */
static struct held *find_claimed(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find(ride, socket_id);

    return held && held->claim == claim ? held : NULL;
}

bool held_here(const struct redis_ride *ride, const char *socket_id)
{
    return find(ride, socket_id) != NULL;
}

uint64_t held_tenure(const struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    return held ? held->tenure : 0;
}

uint64_t held_missed(const struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    return held ? held->missed : HELD_MISSED_NOTHING;
}

void held_origin(const struct redis_ride *ride, const char *socket_id, char text[HELD_ORIGIN_SIZE])
{
    struct held *held = find(ride, socket_id);

    *text = '\0';
    if (held && held->chain[0])
        snprintf(text, HELD_ORIGIN_SIZE, " %s %s", held->before, held->chain);
}

static struct person *find_person(const struct redis_ride *ride, const char *id)
{
    struct person *person;

    HASH_FIND_STR(ride->persons, id, person);
    return person;
}

static void leave_person(struct held *held)
{
    struct person *person = held->person;

    if (!person)
        return;
    held->person = NULL;
    DL_DELETE2(person->sockets, held, person_prev, person_next);
    if (person->sockets)
        return;
    HASH_DEL(held->ride->persons, person);
    free(person);
}

static void join_person(struct held *held, const struct blob *user)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    struct person *person = find_person(held->ride, id);
    if (!person) {
        size_t size = strlen(id) + 1;

        person = alloc_zeroed(sizeof *person + size);
        memcpy(person->id, id, size);
        HASH_ADD_STR(held->ride->persons, id, person);
    }
    held->person = person;
    DL_APPEND2(person->sockets, held, person_prev, person_next);
}

static void set_aboard(struct held *held, struct blob *user, uint64_t tenure)
{
    metric_add(held->holding->aboard, (user != NULL) - (held->user != NULL));
    leave_person(held);
    if (user) {
        blob_ref(user);
        join_person(held, user);
    }
    blob_unref(held->user);
    held->user = user;
    held->tenure = tenure;
}

static void set_due(struct held *held, bool due)
{
    if (held->due == due)
        return;
    struct holding *holding = held->holding;
    struct redis_ride *ride = held->ride;

    held->due = due;
    if (due && !ride->due)
        DL_APPEND2(holding->due, ride, due_prev, due_next);
    if (due)
        DL_APPEND(ride->due, held);
    else
        DL_DELETE(ride->due, held);
    if (ride->due)
        return;
    if (ride->parked)
        DL_DELETE2(holding->parked, ride, due_prev, due_next);
    else
        DL_DELETE2(holding->due, ride, due_prev, due_next);
    ride->parked = false;
}

/* --- what is told while something has no answer --- */

static void forget_overheard(struct redis_ride *ride, struct overheard *event)
{
    DL_DELETE(ride->overheard, event);
    ride->overheard_count--;
    blob_unref(event->user);
    free(event);
}

static void forget_all_overheard(struct redis_ride *ride)
{
    while (ride->overheard)
        forget_overheard(ride, ride->overheard);
    ride->skipped = 0;
}

/* Borrows the record. */
static struct overheard read_message(const struct broker_message *message)
{
    struct overheard event = {
        .kind = message->event, .offset = message->position.offset, .user = message->user};

    memcpy(event.socket_id, message->socket_id, sizeof event.socket_id);
    memcpy(event.before, message->before, sizeof event.before);
    memcpy(event.chain, message->position.chain, sizeof event.chain);
    return event;
}

static void overhear(struct redis_ride *ride, const struct overheard *heard)
{
    struct overheard *event = alloc_zeroed(sizeof *event);

    *event = *heard;
    blob_ref(event->user);
    DL_APPEND(ride->overheard, event);
    if (++ride->overheard_count <= OVERHEARD_MAX)
        return;
    ride->skipped = ride->overheard->offset;
    forget_overheard(ride, ride->overheard);
}

static void set_unanswered(struct held *held, unsigned unanswered)
{
    struct redis_ride *ride = held->ride;

    ride->unanswered = ride->unanswered - held->unanswered + unanswered;
    held->unanswered = unanswered;
    if (ride->unanswered == 0)
        forget_all_overheard(ride);
}

static void drop(struct held *held)
{
    set_unanswered(held, 0);
    set_due(held, false);
    set_aboard(held, NULL, 0);
    HASH_DEL(held->ride->held, held);
    if (!held->ride->held)
        redis_ride_let_go(held->ride);
    free(held);
}

static void drop_if_idle(struct held *held)
{
    if (!held->user)
        set_due(held, false);
    if (!held->user && held->unanswered == 0)
        drop(held);
}

uint64_t held_claim(struct holding *holding, struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (!held) {
        held = alloc_zeroed(sizeof *held);
        memcpy(held->socket_id, socket_id, SOCKET_ID_LEN);
        held->ride = ride;
        held->holding = holding;
        held->claim = ++holding->last_claim;
        held->missed = HELD_MISSED_NOTHING;
        HASH_ADD_STR(ride->held, socket_id, held);
    }
    if (held->due) {
        set_due(held, false);
        held->again = true;
    }
    set_unanswered(held, held->unanswered + 1);
    return held->claim;
}

void held_forget(struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (held)
        drop(held);
}

/* --- suspended --- */

static void forget_old(struct holding *holding, uint64_t now)
{
    while (holding->parted && holding->parted->until_ms <= now) {
        struct parted *oldest = holding->parted;

        HASH_DEL(holding->parted, oldest);
        free(oldest);
    }
}

struct blob *held_part(struct holding *holding, struct redis_ride *ride, const char *socket_id)
{
    const struct held *held = find(ride, socket_id);
    struct blob *user = held && held->user && held->unanswered == 0 ? blob_ref(held->user) : NULL;
    uint64_t now = clock_ms();
    struct parted *parted;

    held_forget(ride, socket_id);
    forget_old(holding, now);
    HASH_FIND_STR(holding->parted, socket_id, parted);
    if (parted)
        HASH_DEL(holding->parted, parted); /* to the end */
    else
        parted = alloc_zeroed(sizeof *parted);
    memcpy(parted->socket_id, socket_id, SOCKET_ID_LEN);
    parted->until_ms = now + holding->window_ms;
    HASH_ADD_STR(holding->parted, socket_id, parted);
    return user;
}

uint64_t held_parted_ms(struct holding *holding, const char *socket_id)
{
    uint64_t now = clock_ms();
    struct parted *parted;

    forget_old(holding, now);
    HASH_FIND_STR(holding->parted, socket_id, parted);
    return parted ? parted->until_ms - now : 0;
}

/* --- answers --- */

/* What is under way of the socket may bring another record than the one known here: restored before its
 * answer, the older record would stay where Redis has lost both. */
static void lose(struct held *held)
{
    if (held->restoring || held->unanswered > 0)
        held->again = true;
    else if (held->user)
        set_due(held, true);
}

static void lose_again(struct held *held)
{
    if (!held->again || held->restoring || held->unanswered > 0)
        return;
    held->again = false;
    lose(held);
}

static void answered(struct held *held)
{
    assert(held->unanswered > 0);
    set_unanswered(held, held->unanswered - 1);
    lose_again(held);
    drop_if_idle(held);
}

/* --- events --- */

/* What is put back, if it must be, is the latest record. Whether this is news. */
static bool learn_record(struct held *held, struct blob *user, uint64_t offset)
{
    if (offset <= held->record_at)
        return false;
    if (!blob_equal(held->user, user))
        held->chain[0] = '\0';
    blob_ref(user);
    blob_unref(held->user);
    held->user = user;
    held->record_at = offset;
    held->missed = HELD_MISSED_NOTHING;
    return true;
}

/* The record may have been known before the boarding that tells it is heard, from the answer to a resumption.
 * An event that puts it back stands for that boarding. */
static void hear_record(struct held *held, const struct overheard *event)
{
    bool tells_it = learn_record(held, event->user, event->offset) || blob_equal(event->user, held->user);

    if (!tells_it || event->kind != BROKER_BOARDED)
        return;
    memcpy(held->before, event->before, sizeof held->before);
    memcpy(held->chain, event->chain, sizeof held->chain);
}

/* An event about its person, or its end. Whoever is gone is put back, unless it has exited. */
static void hear(struct held *held, const struct overheard *event)
{
    if (event->kind == BROKER_BOARDED || event->kind == BROKER_RESTORED)
        hear_record(held, event);
    else if (event->offset <= held->offset)
        return;
    else if (event->kind == BROKER_EXITED)
        set_aboard(held, NULL, 0);
    else
        lose(held);
}

/* What is later than what the answer tells of may have been told before it: it comes on a connection of its
 * own. So does the boarding whose record a resumption answers. */
static void hear_what_came_first(struct held *held)
{
    char id[USER_ID_MAX + 1];

    for (const struct overheard *event = held->ride->overheard; event && held->person; event = event->next) {
        user_id(event->user, id);
        if (strcmp(id, held->person->id) == 0 &&
            (event->kind != BROKER_ENDED || strcmp(event->socket_id, held->socket_id) == 0))
            hear(held, event);
    }
}

bool held_settled(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                  uint64_t tenure, uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (!held)
        return false;
    if (user && tenure < held->taken) {
        drop(held);
        return true;
    }
    set_aboard(held, user, user ? tenure : 0);
    held->chain[0] = '\0';
    held->offset = offset;
    held->record_at = offset;
    held->missed = ride->skipped > offset ? offset : HELD_MISSED_NOTHING;
    hear_what_came_first(held);
    answered(held);
    return false;
}

void held_failed(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (held)
        answered(held);
}

bool held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find(ride, socket_id);

    if ((held ? held->claim : 0) != claim)
        return false;
    if (held)
        drop(held);
    return true;
}

bool held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure)
{
    struct held *held = find(ride, socket_id);

    if (held && held->unanswered > 0 && tenure > held->taken)
        held->taken = tenure;
    if (!held || !held->user || held->unanswered > 0 || held->tenure >= tenure)
        return false;
    drop(held);
    return true;
}

/* --- restoring --- */

static void park(struct holding *holding, struct redis_ride *ride)
{
    DL_DELETE2(holding->due, ride, due_prev, due_next);
    DL_APPEND2(holding->parked, ride, due_prev, due_next);
    ride->parked = true;
}

void held_look_again(struct redis_ride *ride)
{
    if (!ride->parked)
        return;
    struct holding *holding = ride->due->holding;

    DL_DELETE2(holding->parked, ride, due_prev, due_next);
    DL_APPEND2(holding->due, ride, due_prev, due_next);
    ride->parked = false;
}

/* The first one of the ride whose turn it is, if that is ready; else the others go before. */
static struct held *first_due(struct holding *holding, const struct held_ready *ready)
{
    struct redis_ride *ride = holding->due;
    struct held *held = ride->due;
    bool caught_up = ready->ride(ride);

    if (caught_up && ready->socket(held))
        return held;
    if (caught_up) {
        DL_DELETE(ride->due, held);
        DL_APPEND(ride->due, held);
    }
    DL_DELETE2(holding->due, ride, due_prev, due_next);
    DL_APPEND2(holding->due, ride, due_prev, due_next);
    return NULL;
}

struct held *held_take_due(struct holding *holding, const struct held_ready *ready, unsigned *looks)
{
    struct held *held = NULL;

    while (!held && holding->due && holding->under_way<holding->most && * looks> 0) {
        if (ready->away(holding->due)) {
            park(holding, holding->due);
            continue;
        }
        held = first_due(holding, ready);
        if (!held)
            --*looks;
    }
    if (!held)
        return NULL;
    set_due(held, false);
    held->restoring = true;
    holding->under_way++;
    return held;
}

void held_restored(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim,
                   uint64_t tenure, uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    holding->under_way--;
    if (!held)
        return;
    held->restoring = false;
    if (held->user && tenure > held->tenure)
        held->tenure = tenure;
    if (offset > 0)
        held->offset = offset;
    lose_again(held);
}

void held_withdrawn(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (held)
        held->again = true;
    held_restored(holding, ride, socket_id, claim, 0, 0);
}

void held_put_off(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (!held)
        return;
    set_aboard(held, NULL, 0);
    drop_if_idle(held);
}

void held_corrected(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                    uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    if (held && held->unanswered == 0 && held->person && strcmp(held->person->id, id) == 0)
        learn_record(held, user, offset);
}

void held_lost(struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (held)
        lose(held);
}

void held_heard(struct redis_ride *ride, const struct broker_message *message)
{
    char id[USER_ID_MAX + 1];

    if (!ride->held)
        return;
    const struct overheard event = read_message(message);
    if (ride->unanswered > 0)
        overhear(ride, &event);
    if (event.kind == BROKER_ENDED) {
        struct held *held = find(ride, event.socket_id);

        if (held)
            hear(held, &event);
        return;
    }
    user_id(event.user, id);
    struct person *person = find_person(ride, id);
    struct held *held, *next;
    if (!person)
        return;
    DL_FOREACH_SAFE2(person->sockets, held, next, person_next)
    {
        hear(held, &event);
        drop_if_idle(held);
    }
}

void held_compare(struct redis_ride *ride, const struct broker_rider *riders, size_t count, uint64_t offset)
{
    char id[USER_ID_MAX + 1];

    for (struct person *person = ride->persons; person; person = person->hh.next)
        person->listed = false;
    for (size_t i = 0; i < count && ride->persons; i++) {
        user_id(riders[i].user, id);
        struct person *person = find_person(ride, id);
        if (person)
            person->listed = true;
    }
    for (struct held *held = ride->held; held; held = held->hh.next)
        if (held->person && !held->person->listed && offset > held->offset)
            lose(held);
}

void held_skipped(struct redis_ride *ride, uint64_t from, uint64_t to)
{
    if (ride->unanswered > 0 && to > from && to > ride->skipped)
        ride->skipped = to;
    for (struct held *held = ride->held; held; held = held->hh.next) {
        uint64_t known = held->record_at > from ? held->record_at : from;

        if (known < to && known < held->missed)
            held->missed = known;
    }
}

size_t held_count(const struct redis_ride *ride)
{
    return HASH_COUNT(ride->held);
}

/* Whoever has had its turn goes to the end. */
size_t held_next(struct redis_ride *ride, const struct held **sockets, size_t max)
{
    size_t count = 0;

    for (size_t turns = 0; turns < max && turns < held_count(ride); turns++) {
        struct held *held = ride->held;

        HASH_DEL(ride->held, held);
        HASH_ADD_STR(ride->held, socket_id, held);
        if (held->user && held->unanswered == 0 && !held->restoring)
            sockets[count++] = held;
    }
    return count;
}

void held_restore_epoch(struct redis_ride *ride)
{
    forget_all_overheard(ride);
    for (struct held *held = ride->held; held; held = held->hh.next) {
        held->offset = held->record_at = 0;
        if (held->missed != HELD_MISSED_NOTHING)
            held->missed = 0;
    }
    held_restore_ride(ride);
}

void held_restore_ride(struct redis_ride *ride)
{
    for (struct held *held = ride->held; held; held = held->hh.next)
        lose(held);
}

void held_clear(struct redis_ride *ride)
{
    while (ride->held)
        drop(ride->held);
}

void held_deinit(struct holding *holding)
{
    forget_old(holding, UINT64_MAX);
}
