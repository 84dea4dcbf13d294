/*
 * A gateway that is wrong on purpose: it tells its clients every 20th event TIMES times, never or twice. The
 * chaos test must notice. Linked with --wrap=ride_event.
 */
#include "gateway/rides/ride.h"

enum { EVERY = 20 };

void __real_ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                       const struct broker_position *position);
void __wrap_ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                       const struct broker_position *position);

void __wrap_ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                       const struct broker_position *position)
{
    static unsigned count;

    for (unsigned i = ++count % EVERY ? 1 : TIMES; i > 0; i--)
        __real_ride_event(ride, kind, user, position);
}
