/* Memory back to the system: see trim.h. */
#include "gateway/trim.h"
#include "gateway/net.h"

#include <malloc.h>

static void look(void *owner)
{
    struct trim *trim = owner;
    size_t count = net_connection_count(trim->net);

    if (count > trim->peak)
        trim->peak = count;
    if (trim->peak >= TRIM_CROWD && count <= trim->peak / 2) {
        malloc_trim(0);
        trim->peak = count;
    }
    timers_set(net_timers(trim->net), &trim->timer, net_now_ms(NULL) + TRIM_EVERY_MS);
}

void trim_start(struct trim *trim, struct net *net)
{
    *trim = (struct trim){.net = net, .timer = {.fire = look, .owner = trim}};
    timers_set(net_timers(net), &trim->timer, 0);
}
