/*
 * Recovery ids and positions from a hostile client. The input is a line with the ride, then the id. None that
 * the secret's owner did not make counts, nor one of which a byte was changed.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/rides/recovery_id.h"

#include <openssl/rand.h>

static const struct broker_position FROM = {.epoch = "epoch_-1", .offset = 42, .chain = "0a1b2c3d"};
static const char SOCKET[] = "SocketId_0123456-789";

/* Nobody knows the secret, the fuzzer included: it is not in this file but made anew. */
static const uint8_t *unknown_secret(void)
{
    static uint8_t secret[SECRET_LEN];
    static bool made;

    CHECK(made || RAND_bytes(secret, sizeof secret) == 1);
    made = true;
    return secret;
}

static bool genuine(const struct recovery_scope *scope, const char *text, size_t len)
{
    char socket_id[SOCKET_ID_LEN + 1];
    struct broker_position from;
    char *copy = fuzz_copy(text, len);
    bool is = recovery_id_check(unknown_secret(), scope, copy, len, socket_id, &from);

    if (is)
        CHECK(!strcmp(socket_id, SOCKET) && broker_position_equal(&from, &FROM) && from.chain[0]);
    free(copy);
    return is;
}

/* The first byte says where, the second what to. */
static void check_change(const struct recovery_scope *scope, const char *edit)
{
    char id[RECOVERY_ID_SIZE];

    recovery_id_make(unknown_secret(), scope, SOCKET, &FROM, id);
    size_t len = strlen(id), at = (unsigned char)edit[0] % len;

    CHECK(genuine(scope, id, len) && !genuine(scope, id, len - 1));
    if (id[at] == edit[1])
        return;
    id[at] = edit[1];
    CHECK(!genuine(scope, id, len));
}

static void check_position(const char *text)
{
    struct broker_position position, again;
    char printed[WIRE_OFFSET_SIZE];

    if (!wire_read_offset(text, &position))
        return;
    wire_offset(&position, printed);
    CHECK(wire_read_offset(printed, &again));
    CHECK(broker_position_equal(&again, &position) && again.chain[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    size_t len;
    char *ride = fuzz_line(&input, &len);

    if (ride && len > 0 && len <= RIDE_NAME_MAX && strlen(ride) == len) {
        const struct recovery_scope scope = {.ride = ride};
        char *text = fuzz_text(input.at, input.left);

        CHECK(!genuine(&scope, input.at, input.left));
        if (input.left >= 2)
            check_change(&scope, input.at);
        check_position(text);
        free(text);
    }
    free(ride);
    return 0;
}
