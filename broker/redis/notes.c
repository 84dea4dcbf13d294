/*
 * What was noted, and noting it.
 */
#include "broker/redis/notes.h"

#include "broker/redis/call.h"
#include "common/clock.h"

static void tell(struct store *store, const char *command, const char *ride)
{
    struct call call;

    call_command(&call, store, command);
    call_node_key(&call, store->node, ":rides");
    call_text(&call, ride);
    call_tell(&call);
}

void notes_hold(struct notes *notes, struct store *store, const char *ride)
{
    if (!notes->ride)
        tell(store, "SADD", ride);
    notes->ride = true;
}

void notes_strike(struct notes *notes, struct store *store, const char *ride)
{
    if (notes->ride && store->up)
        tell(store, "SREM", ride);
    notes->ride = false;
}

static void make_away(struct call *call, struct store *store, const char *ride)
{
    call_command(call, store, "ZADD");
    call_shared_key(call, "away");
    call_text(call, "GT");
    call_number(call, store_clock_ms(store) + store->setup->recovery_window_ms);
    call_text(call, ride);
}

void notes_away(struct store *store, const char *ride)
{
    struct call call;

    make_away(&call, store, ride);
    call_tell(&call);
}

int notes_pass_away(struct store *store, const char *ride,
                    void (*answered)(const struct redisReply *reply, void *arg), void *arg)
{
    struct call call;

    make_away(&call, store, ride);
    return call_send(&call, answered, arg);
}

static void tell_node(struct store *store, const char *node)
{
    struct call call;

    call_command(&call, store, "SADD");
    call_shared_key(&call, "nodes");
    call_text(&call, node);
    call_tell(&call);
}

static void make_node(struct call *call, struct store *store, const char *node, const char *ride)
{
    call_command(call, store, "SADD");
    call_node_key(call, node, ":rides");
    call_text(call, ride);
}

void notes_node(struct store *store, const char *node, const char *ride)
{
    struct call call;

    tell_node(store, node);
    make_node(&call, store, node, ride);
    call_tell(&call);
}

int notes_pass_node(struct store *store, const char *node, const char *ride,
                    void (*answered)(const struct redisReply *reply, void *arg), void *arg)
{
    struct call call;

    tell_node(store, node);
    make_node(&call, store, node, ride);
    return call_send(&call, answered, arg);
}

void notes_suspend(struct notes *notes, struct store *store, const char *ride)
{
    uint64_t now = clock_ms();

    if (notes->suspension_ms > 0 && now - notes->suspension_ms < SUSPENSION_NOTE_MS)
        return;
    notes->suspension_ms = now;
    notes_away(store, ride);
}
