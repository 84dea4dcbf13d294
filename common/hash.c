/*
 * SipHash-1-3: one round for each eight bytes, three at the end.
 */
#include "common/hash.h"

#include "common/id.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

/* Written once, before main(); uthash's macros have no room for an argument. */
static uint64_t process_key[2];

__attribute__((constructor)) static void draw_process_key(void)
{
    id_fill(process_key, sizeof process_key);
}

static inline uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* What is left of the bytes, fewer than eight, as a little-endian number. */
static inline uint64_t tail(const unsigned char *bytes, size_t left)
{
    uint64_t word = 0;

    if (left & 1)
        word = bytes[left - 1];
    if (left & 2) {
        uint16_t two;

        memcpy(&two, bytes + (left & 4), sizeof two);
        word = word << 16 | le16toh(two);
    }
    if (left & 4) {
        uint32_t four;

        memcpy(&four, bytes, sizeof four);
        word = word << 32 | le32toh(four);
    }
    return word;
}

uint64_t hash_keyed(const uint64_t key[2], const void *at, size_t len)
{
    const unsigned char *bytes = at;
    struct sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                    key[1] ^ 0x7465646279746573};
    uint64_t word;
    size_t left = len;

    for (; left >= sizeof word; left -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        sip_word(&s, le64toh(word));
    }
    sip_word(&s, (uint64_t)len << 56 | tail(bytes, left));
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint32_t hash_of(const void *at, size_t len)
{
    return (uint32_t)hash_keyed(process_key, at, len);
}
