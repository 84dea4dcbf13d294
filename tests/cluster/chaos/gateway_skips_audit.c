/*
 * A gateway that is wrong on purpose: it never goes through what Redis has. The chaos test must notice.
 * Linked with --wrap=audit_beat.
 */
#include "broker/redis/audit.h"

void __wrap_audit_beat(struct audit *audit);

void __wrap_audit_beat(struct audit *audit)
{
    (void)audit;
}
