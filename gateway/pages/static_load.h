/* Reads the folder of a web client's build into memory, once, at the start. */
#ifndef RIDECAST_GATEWAY_PAGES_STATIC_LOAD_H
#define RIDECAST_GATEWAY_PAGES_STATIC_LOAD_H

#include "gateway/pages/static_files.h"

/*
 * All regular files below `folder`, which must have an index.html. What begins with a dot is left out; so is
 * a symbolic link to a folder, or to something outside, with a warning in the log. NULL: `error` holds one
 * line.
 */
struct static_files *static_load(const char *folder, char *error, size_t error_size);

#endif
