/*
 * Recovery ids: what they hold, and that nothing but the secret's owner makes one.
 */
#include "gateway/rides/recovery_id.h"

#include "common/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t SECRET[SECRET_LEN] = "0123456789abcdefghijklmnopqrstu";
static const char SOCKET[] = "SocketId_0123456-789";
static const struct recovery_scope LINE_7 = {.ride = "/line-7"};
static const struct broker_position FROM = {.epoch = "epoch_-1", .offset = 42, .chain = "0a1b2c3d"};

struct made {
    char text[RECOVERY_ID_SIZE];
    size_t len;
};

static struct made make(void)
{
    struct made id;

    recovery_id_make(SECRET, &LINE_7, SOCKET, &FROM, id.text);
    id.len = strlen(id.text);
    assert_in_range(id.len, 1, sizeof id.text - 1);
    return id;
}

/* From memory that ends where the text ends. */
static bool checks_as(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope, const char *text,
                      size_t len)
{
    char socket_id[SOCKET_ID_LEN + 1];
    struct broker_position from;
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    bool valid = recovery_id_check(secret, scope, copy, len, socket_id, &from);
    free(copy);
    return valid;
}

static bool checks(const uint8_t secret[SECRET_LEN], const char *ride, const char *text, size_t len)
{
    return checks_as(secret, &(struct recovery_scope){.ride = ride}, text, len);
}

static void it_brings_back_the_socket_id_and_the_position(void **state)
{
    struct made id = make();
    char socket_id[SOCKET_ID_LEN + 1];
    struct broker_position from;

    (void)state;
    assert_true(recovery_id_check(SECRET, &LINE_7, id.text, id.len, socket_id, &from));
    assert_string_equal(socket_id, SOCKET);
    assert_string_equal(from.epoch, "epoch_-1");
    assert_int_equal(from.offset, 42);
    assert_string_equal(from.chain, "0a1b2c3d");
}

static void it_reads_as_documented(void **state)
{
    struct made id = make();

    (void)state;
    assert_memory_equal(id.text, SOCKET, SOCKET_ID_LEN);
    assert_string_equal(id.text + SOCKET_ID_LEN + 8 + 43, "42.0a1b2c3d-epoch_-1");
    assert_int_equal(strspn(id.text, ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
                     id.len);
}

/* Made by another implementation: nodes of any version must agree. */
static void the_signature_is_hmac_sha256_with_six_bits_a_letter(void **state)
{
    static const char known[] =
        "SocketId_0123456-789RANDOM_8olUNnPad4QHLcDCcsGDouIv0zd3GNIVU0BM6-wjYwkU42.0a1b2c3d-epoch_-1";

    (void)state;
    assert_true(checks(SECRET, "/line-7", known, sizeof known - 1));
}

static void the_longest_fits(void **state)
{
    static const struct broker_position last = {
        .epoch = "ABCDEFGH", .offset = 999999999999999, .chain = "ffffffff"};
    char ride[RIDE_NAME_MAX + 1] = "/";
    char subject[USER_ID_MAX + 1] = "";
    char text[RECOVERY_ID_SIZE];

    (void)state;
    memset(ride + 1, 'r', RIDE_NAME_MAX - 1);
    memset(subject, 's', USER_ID_MAX);
    const struct recovery_scope scope = {.ride = ride, .subject = subject};
    recovery_id_make(SECRET, &scope, SOCKET, &last, text);
    assert_true(checks_as(SECRET, &scope, text, strlen(text)));
}

static void it_is_for_one_subject(void **state)
{
    const struct recovery_scope ann = {.ride = "/line-7", .subject = "ann"};
    const struct recovery_scope others[] = {{.ride = "/line-7", .subject = "ann "},
                                            {.ride = "/line-7", .subject = "bob"},
                                            {.ride = "/line-7", .subject = ""},
                                            {.ride = "/line-7"},
                                            {.ride = "/line-8", .subject = "ann"}};
    char text[RECOVERY_ID_SIZE];

    (void)state;
    recovery_id_make(SECRET, &ann, SOCKET, &FROM, text);
    assert_true(checks_as(SECRET, &ann, text, strlen(text)));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(checks_as(SECRET, &others[i], text, strlen(text)));
}

static void each_is_different(void **state)
{
    struct made one = make();
    struct made other = make();

    (void)state;
    assert_string_not_equal(one.text, other.text);
}

static void any_other_letter_anywhere_spoils_it(void **state)
{
    struct made id = make();

    (void)state;
    for (size_t i = 0; i < id.len; i++) {
        for (int c = 0; c < 256; c++) {
            struct made forged = id;

            forged.text[i] = (char)c;
            bool same = forged.text[i] == id.text[i];
            assert_int_equal(checks(SECRET, "/line-7", forged.text, forged.len), same);
        }
    }
}

static void a_part_of_it_or_more_is_worthless(void **state)
{
    struct made id = make();
    char longer[2 * RECOVERY_ID_SIZE];

    (void)state;
    for (size_t len = 0; len < id.len; len++)
        assert_false(checks(SECRET, "/line-7", id.text, len));
    memset(longer, '1', sizeof longer);
    memcpy(longer, id.text, id.len);
    for (size_t len = id.len + 1; len <= sizeof longer; len++)
        assert_false(checks(SECRET, "/line-7", longer, len));
    longer[id.len] = '\0';
    assert_false(checks(SECRET, "/line-7", longer, id.len + 1));
}

static void it_is_for_one_ride(void **state)
{
    struct made id = make();

    (void)state;
    assert_false(checks(SECRET, "/", id.text, id.len));
    assert_false(checks(SECRET, "/line-", id.text, id.len));
    assert_false(checks(SECRET, "/line-77", id.text, id.len));
}

static void another_secret_refuses_it(void **state)
{
    struct made id = make();

    (void)state;
    for (size_t i = 0; i < SECRET_LEN; i++) {
        uint8_t secret[SECRET_LEN];

        memcpy(secret, SECRET, sizeof secret);
        secret[i] ^= 1;
        assert_false(checks(secret, "/line-7", id.text, id.len));
    }
}

/* Signed as it should be, but of an epoch that cannot be: it would read past its end. */
static void a_position_that_cannot_be_is_refused_even_when_signed(void **state)
{
    static const struct broker_position shorter = {.epoch = "e", .offset = 1};
    char text[RECOVERY_ID_SIZE];

    (void)state;
    recovery_id_make(SECRET, &LINE_7, SOCKET, &shorter, text);
    assert_false(checks(SECRET, "/line-7", text, strlen(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_brings_back_the_socket_id_and_the_position),
        cmocka_unit_test(it_reads_as_documented),
        cmocka_unit_test(the_signature_is_hmac_sha256_with_six_bits_a_letter),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(it_is_for_one_subject),
        cmocka_unit_test(each_is_different),
        cmocka_unit_test(any_other_letter_anywhere_spoils_it),
        cmocka_unit_test(a_part_of_it_or_more_is_worthless),
        cmocka_unit_test(it_is_for_one_ride),
        cmocka_unit_test(another_secret_refuses_it),
        cmocka_unit_test(a_position_that_cannot_be_is_refused_even_when_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
