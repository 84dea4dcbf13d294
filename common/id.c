/*
 * Random bytes from the kernel, and identifiers: six bits to a letter.
 */
#include "common/id.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void id_fill(void *out, size_t n)
{
    unsigned char *at = out;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno != EINTR)
            abort(); /* without random numbers nothing can be kept apart or secret */
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
}

void id_make(char *out, size_t letters)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    id_fill(out, letters);
    for (size_t i = 0; i < letters; i++)
        out[i] = alphabet[(unsigned char)out[i] & 63];
    out[letters] = '\0';
}

uint32_t id_random_below(uint32_t bound)
{
    assert(bound > 0);
    /* The remainder of 2^32: below it, drawing again keeps every result equally likely. */
    uint32_t uneven = -bound % bound;
    uint32_t random;

    do
        id_fill(&random, sizeof random);
    while (random < uneven);
    return random % bound;
}
