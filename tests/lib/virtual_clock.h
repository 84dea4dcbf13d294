/*
 * Time in a test's hands: in a program that links the library `virtual_clock` the clocks of common/clock.h
 * stand still until the test moves them. The linker puts it in the place of clock_gettime() (--wrap).
 */
#ifndef RIDECAST_TESTS_LIB_VIRTUAL_CLOCK_H
#define RIDECAST_TESTS_LIB_VIRTUAL_CLOCK_H

#include <stdint.h>

extern uint64_t virtual_us;      /* the monotonic clock */
extern uint64_t virtual_wall_us; /* since 1970 */

/* Both go on. */
void virtual_pass_ms(uint64_t ms);

#endif
