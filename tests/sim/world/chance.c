#include "tests/sim/world/chance.h"

#include <stddef.h>
#include <string.h>
#include <sys/types.h>

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"). */
struct stream {
    uint64_t state;
};

static struct stream of_world, of_product;

static uint64_t draw(struct stream *stream)
{
    uint64_t z = stream->state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void chance_begin(uint64_t seed)
{
    struct stream of_seed = {seed};

    of_world.state = draw(&of_seed);
    of_product.state = draw(&of_seed);
}

uint64_t chance_below(uint64_t bound)
{
    return draw(&of_world) % bound;
}

uint64_t chance_between(uint64_t least, uint64_t most)
{
    return least + chance_below(most - least + 1);
}

bool chance_one_in(uint64_t n)
{
    return chance_below(n) == 0;
}

uint64_t chance_delay_us(uint64_t least)
{
    uint64_t times = chance_one_in(64) ? 100 : 3;

    return chance_between(least, least * times);
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    char *at = out;

    (void)flags;
    for (size_t left = n; left > 0;) {
        uint64_t word = draw(&of_product);
        size_t some = left < sizeof word ? left : sizeof word;

        memcpy(at, &word, some);
        at += some;
        left -= some;
    }
    return (ssize_t)n;
}
