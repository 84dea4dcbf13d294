/*
 * Slots, by CRC-16/XMODEM of the key.
 */
#include "broker/redis/slot.h"

#include "broker/redis/key_name.h"
#include "common/decimal.h"

#include <assert.h>
#include <string.h>

enum { BLOCK_SLOTS = SLOTS / SLOT_CANDIDATES };

/* Four bits at a time. */
static uint16_t crc16(const char *text, size_t len)
{
    static const uint16_t steps[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                       0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];

        crc = (uint16_t)(crc << 4) ^ steps[(crc >> 12) ^ (byte >> 4)];
        crc = (uint16_t)(crc << 4) ^ steps[(crc >> 12) ^ (byte & 15)];
    }
    return crc;
}

static unsigned slot_of(const char *text, size_t len)
{
    return crc16(text, len) % SLOTS;
}

unsigned slot_of_key(const char *key, size_t len)
{
    const char *open = len > 0 ? memchr(key, '{', len) : NULL;
    const char *close = open ? memchr(open + 1, '}', (size_t)(key + len - open - 1)) : NULL;

    if (close && close > open + 1)
        return slot_of(open + 1, (size_t)(close - open - 1));
    return slot_of(key, len);
}

unsigned slot_of_ride(const char *prefix, const char *ride)
{
    struct key_name key;

    key_name_make(&key, prefix, ride, "");
    return slot_of_key(key.text, key.len);
}

void slot_set_add(struct slot_set *set, unsigned slot)
{
    assert(slot < SLOTS);
    set->bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

bool slot_set_has(const struct slot_set *set, unsigned slot)
{
    return slot < SLOTS && set->bits[slot / 64] >> slot % 64 & 1;
}

size_t slot_set_count(const struct slot_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < SLOTS / 64; i++)
        count += (size_t)__builtin_popcountll(set->bits[i]);
    return count;
}

bool slot_set_equal(const struct slot_set *a, const struct slot_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void slot_set_fill(struct slot_set *set)
{
    memset(set, 0xff, sizeof *set);
}

static void set_tag(char tag[SLOT_TAG_SIZE], const char *digits, size_t len)
{
    assert(len < SLOT_TAG_SIZE);
    memcpy(tag, digits, len);
    tag[len] = '\0';
}

/* The highest block has the lowest place but for the bits' being reversed. */
static unsigned place_of(unsigned slot)
{
    unsigned block = SLOT_CANDIDATES - 1 - slot / BLOCK_SLOTS, place = 0;

    for (unsigned bit = 1; bit < SLOT_CANDIDATES; bit *= 2)
        place = place * 2 + (block & bit ? 1 : 0);
    return place;
}

/* The first 478 numbers have one in each block among them. */
void slot_candidates(char tags[SLOT_CANDIDATES][SLOT_TAG_SIZE])
{
    unsigned left = SLOT_CANDIDATES;
    char digits[DECIMAL_MAX];

    memset(tags, 0, (size_t)SLOT_CANDIDATES * SLOT_TAG_SIZE);
    for (uint64_t number = 0; left > 0; number++) {
        size_t len = decimal_write(digits, number);
        char *tag = tags[place_of(slot_of(digits, len))];

        if (tag[0])
            continue;
        set_tag(tag, digits, len);
        left--;
    }
}

static bool find_candidate(const struct slot_set *set, char tag[SLOT_TAG_SIZE])
{
    char tags[SLOT_CANDIDATES][SLOT_TAG_SIZE];

    slot_candidates(tags);
    for (unsigned i = 0; i < SLOT_CANDIDATES; i++) {
        if (!slot_set_has(set, slot_of(tags[i], strlen(tags[i]))))
            continue;
        memcpy(tag, tags[i], SLOT_TAG_SIZE);
        return true;
    }
    return false;
}

/* The first 109,758 numbers have one in each slot among them. */
static void find_smallest(const struct slot_set *set, char tag[SLOT_TAG_SIZE])
{
    char digits[DECIMAL_MAX];
    uint64_t number = 0;
    size_t len;

    do
        len = decimal_write(digits, number++);
    while (!slot_set_has(set, slot_of(digits, len)));
    set_tag(tag, digits, len);
}

bool slot_home(const struct slot_set *set, char tag[SLOT_TAG_SIZE])
{
    if (slot_set_count(set) == 0)
        return false;
    if (!find_candidate(set, tag))
        find_smallest(set, tag);
    return true;
}
