/* Fingerprints of streams of events: see chain.h. */
#include "broker/chain.h"

#include "common/alloc.h"

#include <openssl/evp.h>
#include <stdio.h>

void chain_next(char chain[CHAIN_LEN + 1], const char *operation, enum broker_event_kind kind,
                const char *socket_id)
{
    char text[CHAIN_LEN + 64 + SOCKET_ID_LEN + 16];
    unsigned char digest[EVP_MAX_MD_SIZE];

    int len = snprintf(text, sizeof text, "%s %s %d %s", chain, operation, (int)kind, socket_id);
    if (!EVP_Digest(text, (size_t)len, digest, NULL, EVP_sha1(), NULL))
        alloc_failed();
    snprintf(chain, CHAIN_LEN + 1, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
}
