/* Recovery ids: see recovery_id.h. */
#include "gateway/rides/recovery_id.h"

#include "common/alloc.h"
#include "common/id.h"
#include "common/user.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_BYTES = 32 };

static void sign(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope, const char *letters,
                 const char *position, char out[RECOVERY_MAC_LEN])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *subject = scope->subject ? scope->subject : "";
    char text[RECOVERY_LETTERS + WIRE_OFFSET_SIZE + RIDE_NAME_MAX + USER_ID_MAX + 3];
    unsigned char mac[MAC_BYTES + 1] = {0}; /* a zero behind, for the last letter's bits */

    /* Neither a position nor a ride holds a space, so no two different lists of parts make the same text. */
    int len = snprintf(text, sizeof text, "%.*s%s %s%s%s", (int)RECOVERY_LETTERS, letters, position,
                       scope->ride, *subject ? " " : "", subject);
    if (!HMAC(EVP_sha256(), secret, SECRET_LEN, (unsigned char *)text, (size_t)len, mac, NULL))
        alloc_failed();
    for (size_t i = 0; i < RECOVERY_MAC_LEN; i++) {
        size_t bit = 6 * i;
        unsigned pair = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];

        out[i] = alphabet[pair >> (10 - bit % 8) & 63];
    }
}

void recovery_id_make(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope,
                      const char *socket_id, const struct broker_position *from, char out[RECOVERY_ID_SIZE])
{
    char *position = out + RECOVERY_LETTERS + RECOVERY_MAC_LEN;

    memcpy(out, socket_id, SOCKET_ID_LEN);
    id_make(out + SOCKET_ID_LEN, RECOVERY_LETTERS - SOCKET_ID_LEN);
    wire_offset(from, position);
    sign(secret, scope, out, position, out + RECOVERY_LETTERS);
}

bool recovery_id_check(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope, const char *text,
                       size_t len, char socket_id[SOCKET_ID_LEN + 1], struct broker_position *from)
{
    char id[RECOVERY_ID_SIZE];
    char expected[RECOVERY_MAC_LEN];
    const char *position = id + RECOVERY_LETTERS + RECOVERY_MAC_LEN;

    if (len <= RECOVERY_LETTERS + RECOVERY_MAC_LEN || len >= sizeof id || memchr(text, '\0', len))
        return false;
    memcpy(id, text, len);
    id[len] = '\0';
    sign(secret, scope, id, position, expected);
    if (CRYPTO_memcmp(expected, id + RECOVERY_LETTERS, RECOVERY_MAC_LEN) != 0 ||
        !wire_read_offset(position, from))
        return false;
    memcpy(socket_id, id, SOCKET_ID_LEN);
    socket_id[SOCKET_ID_LEN] = '\0';
    return true;
}
