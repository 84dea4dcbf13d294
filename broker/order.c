/*
 * Orders come and go.
 */
#include "broker/order.h"

#include "common/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct order *order_new(enum order_kind kind, const char *ride)
{
    struct order *order = alloc_zeroed(sizeof *order);

    assert(strlen(ride) <= RIDE_NAME_MAX);
    order->kind = kind;
    memcpy(order->ride, ride, strlen(ride));
    return order;
}

void order_free(struct order *order)
{
    if (!order)
        return;
    blob_unref(order->user);
    free(order);
}
