/*
 * A gateway that is wrong on purpose: it never looks for the riders of dead gateways. The chaos test must
 * notice. Linked with --wrap=reap_run.
 */
#include "broker/redis/reap.h"

void __wrap_reap_run(struct reap *reap);

void __wrap_reap_run(struct reap *reap)
{
    (void)reap;
}
