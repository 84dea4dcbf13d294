#include "tests/fuzz/ledger.h"

#include "common/user.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <utlist.h>

const char *const RIDE_NAMES[RIDES] = {"/", "/a", "/b-1"};

static struct ledger {
    struct entry *entries;
    struct broker_position last; /* as far as the ride has come */
    bool known;                  /* who is aboard: */
    char aboard[ABOARD_MAX][USER_ID_MAX + 1];
    size_t count;
} ledgers[RIDES];

/* NULL: it is none of ours. */
static struct ledger *ledger_of(const char *ride)
{
    for (size_t i = 0; i < RIDES; i++)
        if (!strcmp(RIDE_NAMES[i], ride))
            return &ledgers[i];
    return NULL;
}

const struct entry *ledger_find(unsigned ride, const struct broker_position *position)
{
    struct entry *entry;

    DL_FOREACH(ledgers[ride].entries, entry)
    if (broker_position_equal(&entry->position, position))
        return entry;
    return NULL;
}

static void ledger_add(struct ledger *ledger, const struct broker_position *position,
                       enum broker_event_kind kind, struct blob *user)
{
    struct entry *entry = calloc(1, sizeof *entry);

    CHECK(entry);
    *entry = (struct entry){
        .position = *position, .kind = kind, .user = user ? blob_ref(user) : NULL, .aboard = -1};
    if (ledger->known)
        entry->aboard = (int)ledger->count;
    for (size_t i = 0; i < ledger->count; i++)
        entry->who += ledger_mark(ledger->aboard[i]);
    DL_APPEND(ledger->entries, entry);
}

/* Whether somebody of that id was aboard. */
static bool leave(struct ledger *ledger, const char *id)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (!strcmp(ledger->aboard[i], id)) {
            memcpy(ledger->aboard[i], ledger->aboard[--ledger->count], sizeof *ledger->aboard);
            return true;
        }
    return false;
}

static void come(struct ledger *ledger, const char *id)
{
    CHECK(ledger->count < ABOARD_MAX);
    strcpy(ledger->aboard[ledger->count++], id);
}

/* Nobody is told as gone, and no connection ends, but of whoever is aboard. */
static void note_event(struct ledger *ledger, const struct broker_message *event)
{
    char id[USER_ID_MAX + 1];

    user_id(event->user, id);
    bool was_aboard = leave(ledger, id);
    CHECK(was_aboard || event->event == BROKER_BOARDED || event->event == BROKER_EXITED);
    if (event->event == BROKER_BOARDED || event->event == BROKER_ENDED)
        come(ledger, id);
    CHECK(event->position.chain[0] && strcmp(event->position.chain, ledger->last.chain) != 0);
    ledger_add(ledger, &event->position, event->event, event->user);
    ledger->last = event->position;
}

static void note_roster(struct ledger *ledger, const struct broker_message *roster)
{
    ledger->known = true;
    ledger->last = roster->position;
    ledger->count = 0;
    for (size_t i = 0; i < roster->rider_count; i++) {
        char id[USER_ID_MAX + 1];

        user_id(roster->riders[i].user, id);
        CHECK(!leave(ledger, id)); /* nobody is there twice */
        come(ledger, id);
    }
    if (!ledger_find((unsigned)(ledger - ledgers), &roster->position))
        ledger_add(ledger, &roster->position, BROKER_BOARDED, NULL);
}

/* What happened while nobody watched. */
static void note_history(struct ledger *ledger, const struct broker_message *history)
{
    struct broker_position position = history->position;

    for (size_t i = 0; i < history->event_count; i++) {
        const struct broker_past_event *past = &history->events[i];
        position.offset = past->offset;
        memcpy(position.chain, past->chain, sizeof position.chain);
        const struct entry *known = ledger_find((unsigned)(ledger - ledgers), &position);
        if (known && !known->user) {
            DL_DELETE(ledger->entries, (struct entry *)known);
            free((struct entry *)known);
            known = NULL;
        }
        if (!known)
            ledger_add(ledger, &position, past->kind, past->user);
    }
}

void ledger_note(const struct broker_message *message)
{
    struct ledger *ledger = ledger_of(message->ride);

    if (ledger && message->kind == BROKER_EVENT)
        note_event(ledger, message);
    else if (ledger && message->kind == BROKER_ROSTER)
        note_roster(ledger, message);
    else if (ledger && message->kind == BROKER_HISTORY)
        note_history(ledger, message);
}

void ledger_clear(void)
{
    for (size_t i = 0; i < RIDES; i++) {
        struct entry *entry, *next;
        DL_FOREACH_SAFE(ledgers[i].entries, entry, next)
        {
            blob_unref(entry->user);
            free(entry);
        }
        ledgers[i] = (struct ledger){0};
    }
}

static bool tells_nothing(unsigned ride, const char *epoch, uint64_t offset)
{
    struct entry *entry;

    DL_FOREACH(ledgers[ride].entries, entry)
    if (entry->position.offset == offset && !strcmp(entry->position.epoch, epoch))
        return entry->kind == BROKER_ENDED;
    return false;
}

bool ledger_leads(unsigned ride, const struct broker_position *from, uint64_t to)
{
    for (uint64_t offset = from->offset; offset < to; offset++)
        if (!tells_nothing(ride, from->epoch, offset + 1))
            return false;
    return to >= from->offset;
}

unsigned ledger_mark(const char *id)
{
    unsigned mark = 2166136261;

    for (; *id; id++)
        mark = (mark ^ (unsigned char)*id) * 16777619;
    return mark;
}

const struct broker_position *ledger_last(unsigned ride)
{
    return &ledgers[ride].last;
}
