#include "tests/sim/world/flow.h"

#include "common/alloc.h"
#include "tests/sim/world/chance.h"

#include <stdlib.h>
#include <string.h>

enum { LATENCY_US = 150 };

uint64_t flow_latency_us(void)
{
    return chance_delay_us(LATENCY_US);
}

static void arm(struct flow *flow)
{
    bool due = flow->reset || (flow->open && (flow->bytes.len || flow->ended));

    if (due && !flow->closed && !flow->delivery.place)
        schedule_set(&flow->delivery, schedule_now_us() + flow_latency_us());
}

static bool held(struct flow *flow)
{
    const struct flow_reader *reader = &flow->reader;
    uint64_t until_us = reader->held_until_us ? reader->held_until_us(reader->owner) : 0;

    if (until_us <= schedule_now_us())
        return false;
    if (until_us != UINT64_MAX)
        schedule_set(&flow->delivery, until_us);
    return true;
}

/* Seldom less than there is, so that messages are torn anywhere. */
static void hand_over(struct flow *flow)
{
    size_t n = flow->bytes.len < flow->piece ? flow->bytes.len : flow->piece;

    if (chance_one_in(8))
        n = chance_between(1, n);
    char *piece = malloc(n);

    if (!piece)
        alloc_failed();
    memcpy(piece, flow->bytes.data, n);
    buf_consume(&flow->bytes, n);
    flow->delivered += n;
    arm(flow);
    flow->reader.deliver(flow->reader.owner, piece, n);
    free(piece);
}

static void deliver(void *owner)
{
    struct flow *flow = owner;

    if (flow->closed || (!flow->open && !flow->reset) || held(flow))
        return;
    if (flow->bytes.len) {
        hand_over(flow);
    } else if (flow->ended) {
        flow->closed = true;
        flow->reader.ended(flow->reader.owner);
    }
}

void flow_init(struct flow *flow, const struct flow_reader *reader, size_t window, size_t piece)
{
    *flow = (struct flow){.reader = *reader, .window = window, .piece = piece};
    flow->delivery = (struct happening){.happen = deliver, .owner = flow};
    buf_init(&flow->bytes, SIZE_MAX / 2);
}

void flow_deinit(struct flow *flow)
{
    schedule_cancel(&flow->delivery);
    buf_deinit(&flow->bytes);
}

void flow_write(struct flow *flow, const void *bytes, size_t n)
{
    if (flow->closed || flow->ended)
        return;
    if (buf_append(&flow->bytes, bytes, n) != 0)
        alloc_failed();
    arm(flow);
}

void flow_open(struct flow *flow, bool open)
{
    flow->open = open;
    arm(flow);
}

void flow_end(struct flow *flow, bool reset)
{
    flow->ended = true;
    flow->reset |= reset;
    if (reset)
        buf_clear(&flow->bytes);
    arm(flow);
}

void flow_close(struct flow *flow)
{
    flow->closed = true;
    buf_clear(&flow->bytes);
    schedule_cancel(&flow->delivery);
}

size_t flow_excess(const struct flow *flow)
{
    return flow->bytes.len > flow->window ? flow->bytes.len - flow->window : 0;
}
