/*
 * Passwords that the broker's URL does not have, but names the file of. Any thread; reads files.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_PASSWORD_H
#define RIDECAST_BROKER_REDIS_REDIS_PASSWORD_H

#include "broker/redis/redis_url.h"

#include <stddef.h>

enum { REDIS_PASSWORD_MAX = 4096 }; /* bytes */

/*
 * Fills in login->password from login->password_file, if there is one: the file as it is, without line ends
 * at its end. 0; or -1, with one line in `error` that names the file and says what to put there.
 */
int redis_password_read(struct redis_login *login, char *error, size_t error_size);

#endif
