/*
 * The key that signs recovery ids.
 */
#ifndef RIDECAST_BROKER_SECRET_H
#define RIDECAST_BROKER_SECRET_H

#include "broker/broker.h"

/* Fills in a new one from the kernel's random number generator; aborts if that gives nothing. Any thread. */
void secret_make(uint8_t secret[SECRET_LEN]);

#endif
