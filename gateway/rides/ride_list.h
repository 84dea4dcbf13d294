/*
 * Lists of patterns for the names of rides, separated by spaces or commas: * stands for any run of
 * characters. Pure.
 */
#ifndef RIDECAST_GATEWAY_RIDES_RIDE_LIST_H
#define RIDECAST_GATEWAY_RIDES_RIDE_LIST_H

#include <stdbool.h>

/* Whether one of the patterns matches the whole name. */
bool ride_list_has(const char *list, const char *name);

#endif
