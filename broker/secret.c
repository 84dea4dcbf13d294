/*
 * Unguessable bytes.
 */
#include "broker/secret.h"

#include "common/log.h"

#include <stdlib.h>
#include <sys/random.h>

void secret_make(uint8_t secret[SECRET_LEN])
{
    /* As few bytes as these come whole, once the system has started. */
    if (getrandom(secret, SECRET_LEN, 0) == SECRET_LEN)
        return;
    log_error("broker", "the kernel gives no randomness");
    abort();
}
