/*
 * Recovery ids: the `pid` of Socket.IO's connection state recovery, signed so that nothing is stored for a
 * client.
 *
 *   <socket id> <8 random letters> <HMAC-SHA256, 43 letters> <offset>.<chain>-<epoch>
 *
 * Whoever shows one may have the socket id back, on any node, on that ride only, and only with a token of the
 * same subject where the client had one. The position is where the
 * client's stream began: what it has had if it heard nothing yet. The random letters make each id different,
 * so that a client whose socket id was kept but whose events were lost is told that it was not recovered (it
 * compares the id it gets with the one it had). The signature, under the nodes' common secret, covers
 * everything else, the ride and the subject. Where a stream begins in doubt (who is aboard is not known for
 * certain), the epoch is RECOVERY_NOWHERE: the socket id may be had back, but no events lead on from there.
 * Pure; OpenSSL's HMAC.
 */
#ifndef RIDECAST_GATEWAY_RIDES_RECOVERY_ID_H
#define RIDECAST_GATEWAY_RIDES_RECOVERY_ID_H

#include "broker/broker.h"
#include "gateway/rides/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An epoch that no ride has, and a fingerprint for it. */
#define RECOVERY_NOWHERE       "--------"
#define RECOVERY_NOWHERE_CHAIN "00000000"

enum {
    RECOVERY_LETTERS = SOCKET_ID_LEN + 8,
    RECOVERY_MAC_LEN = 43, /* 32 bytes, 6 bits a letter */
    RECOVERY_ID_SIZE = RECOVERY_LETTERS + RECOVERY_MAC_LEN + WIRE_OFFSET_SIZE,
};

/* Whom a recovery id is for. */
struct recovery_scope {
    const char *ride;
    const char *subject; /* of the client's token (gateway/auth/auth.h); NULL or "": none */
};

/* Writes a new recovery id and a NUL. */
void recovery_id_make(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope,
                      const char *socket_id, const struct broker_position *from, char out[RECOVERY_ID_SIZE]);

/*
 * Whether `text` (`len` bytes) was made with this secret for this scope; then `socket_id` and `from` get what
 * it holds. Compares in constant time.
 */
bool recovery_id_check(const uint8_t secret[SECRET_LEN], const struct recovery_scope *scope, const char *text,
                       size_t len, char socket_id[SOCKET_ID_LEN + 1], struct broker_position *from);

#endif
