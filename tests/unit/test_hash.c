/*
 * Tables that no client can fill one list of: SipHash-1-3 by its published values, the key of a process, and
 * names chosen against uthash's own function.
 */
#include "common/hash.h"

#include "common/id.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAMES = 2000, NAME_SIZE = 16, COLLIDING_BITS = 10, LONGEST = 40 };

/* The bytes 00 01 02 …, none to 63 of them, under the key 00 01 … 0f. */
static const uint64_t published[64] = {
    0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb, 0xcf75576088d38328,
    0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140, 0x369095118d299a8e, 0x25a48eb36c063de4,
    0x79de85ee92ff097f, 0x70c118c1f94dc352, 0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34,
    0xd320d86d2a519956, 0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c, 0x8ffc389cb473e63e, 0xf21f9de58d297d1c,
    0xc0dc2f46a6cce040, 0xb992abfe2b45f844, 0x7ffe7b9ba320872e, 0x525a0e7fdae6c123, 0xf464aeb267349c8c,
    0x45cd5928705b0979, 0x3a3e35e3ca9913a5, 0xa91dc74e4ade3b35, 0xfb0bed02ef6cd00d, 0x88d93cb44ab1e1f4,
    0x540f11d643c5e663, 0x2370dd1f8c21d1bc, 0x81157b6c16a7b60d, 0x4d54b9e57a8ff9bf, 0x759f12781f2a753e,
    0xcea1a3bebf186b91, 0x2cf508d3ada26206, 0xb6101c2da3c33057, 0xb3f47496ae3a36a1, 0x626b57547b108392,
    0xc1d2363299e41531, 0x667cc1923f1ad944, 0x65704ffec8138825, 0x24f280d1c28949a6, 0xc2ca1cedfaf8876b,
    0xc2164bfc9f042196, 0xa16e9c9368b1d623, 0x49fb169c8b5114fd, 0x9f3143f8df074c46, 0xc6fdaf2412cc86b3,
    0x7eaf49d10a52098f, 0x1cf313559d292f9a, 0xc44a30dda2f41f12, 0x36fae98943a71ed0, 0x318fb34c73f0bce6,
    0xa27abf3670a7e980, 0xb4bcc0db243c6d75, 0x23f8d852fdb71513, 0x8f035f4da67d8a08, 0xd89cd0e5b7e8f148,
    0xf6f4e6bcf7a644ee, 0xaec59ad80f1837f2, 0xc3b2f6154b6694e0, 0x9d199062b7bbb3a8,
};

struct named {
    char name[NAME_SIZE];
    UT_hash_handle hh;
};

static void values_are_the_published_ones(void **state)
{
    const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    unsigned char bytes[64] = {0};

    (void)state;
    for (unsigned char len = 0; len < 64; len++) {
        unsigned char *shifted = malloc(len + 1U); /* at odd addresses too, and with nothing behind */

        assert_non_null(shifted);
        memcpy(shifted + 1, bytes, len);
        assert_int_equal(hash_keyed(key, shifted + 1, len), published[len]);
        free(shifted);
        bytes[len] = len;
    }
}

static void each_process_has_a_key_of_its_own(void **state)
{
    char self[4096] = {0}, command[4200];
    uint32_t other;

    (void)state;
    assert_int_equal(hash_of("/line-7", 7), hash_of("/line-7", 7));
    assert_int_not_equal(readlink("/proc/self/exe", self, sizeof self - 1), -1);
    snprintf(command, sizeof command, "'%s' hash", self);
    FILE *answer = popen(command, "r"); /* NOLINT(bugprone-command-processor,cert-env33-c) */

    assert_non_null(answer);
    assert_int_equal(fscanf(answer, "%" SCNu32, &other), 1); /* NOLINT(cert-err34-c) */
    assert_int_equal(pclose(answer), 0);
    assert_int_not_equal(other, hash_of("/line-7", 7));
}

/* A name whose uthash value ends in COLLIDING_BITS zeros. *from says where to look on. */
static void choose(char name[NAME_SIZE], unsigned *from)
{
    unsigned value;

    do {
        snprintf(name, NAME_SIZE, "/%u", (*from)++);
        HASH_JEN(name, (unsigned)strlen(name), value);
    } while (value & ((1U << COLLIDING_BITS) - 1));
}

/* The most entries that one list of a table of NAMES names has. */
static unsigned longest_list(struct named *names)
{
    struct named *table = NULL;
    unsigned longest = 0;

    for (int i = 0; i < NAMES; i++)
        HASH_ADD_STR(table, name, &names[i]);
    for (unsigned i = 0; i < table->hh.tbl->num_buckets; i++)
        if (table->hh.tbl->buckets[i].count > longest)
            longest = table->hh.tbl->buckets[i].count;
    HASH_CLEAR(hh, table);
    return longest;
}

static void chosen_names_spread_like_random_ones(void **state)
{
    struct named *chosen = calloc(NAMES, sizeof *chosen), *random = calloc(NAMES, sizeof *random);
    unsigned from = 0;

    (void)state;
    assert_non_null(chosen);
    assert_non_null(random);
    for (int i = 0; i < NAMES; i++) {
        choose(chosen[i].name, &from);
        id_make(random[i].name, NAME_SIZE - 1);
    }
    unsigned of_chosen = longest_list(chosen), of_random = longest_list(random);

    print_message("the longest list of %d names: %u chosen, %u random\n", NAMES, of_chosen, of_random);
    assert_in_range(of_chosen, 1, LONGEST);
    assert_in_range(of_random, 1, LONGEST);
    free(chosen);
    free(random);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_published_ones),
        cmocka_unit_test(each_process_has_a_key_of_its_own),
        cmocka_unit_test(chosen_names_spread_like_random_ones),
    };

    (void)argv;
    if (argc > 1) { /* for another process to compare with */
        printf("%" PRIu32 "\n", hash_of("/line-7", 7));
        return EXIT_SUCCESS;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
