/*
 * Time, timers and randomness in the input's hands, for targets that drive whole parts, so that an input does
 * the same in every run. The clock is tests/lib/virtual_clock.h; the kernel's random numbers, the functions
 * of libevent that backends use, and the log are replaced when the program is linked.
 */
#ifndef RIDECAST_TESTS_FUZZ_VIRTUAL_H
#define RIDECAST_TESTS_FUZZ_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

enum { VIRTUAL_START_MS = 1000000 };

/* The clocks and the random numbers begin anew. */
void virtual_begin(void);

/* When libevent's next timer is due (clock_ms); UINT64_MAX: none is set. */
uint64_t virtual_next_ms(void);

/* Fires one timer that is due now. False: there is none. */
bool virtual_fire(void);

/* All timers have been freed. */
bool virtual_idle(void);

#endif
