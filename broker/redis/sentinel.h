/*
 * Asks Redis Sentinel which server is the primary, and goes on asking.
 *
 *   PAUSING ─▶ ASKING one sentinel after the other ─▶ PROBING what it names ─▶ SETTLED
 *      ▲            └── nobody left in this round            │ not a primary     │ asks again every second
 *      └───────────────────────┴─────────────────────────────┴───────────────────┘
 *
 * What a sentinel names is believed once the server itself answers ROLE with master: a sentinel that was away
 * during a failover may still name the old primary, which has become a replica, or is dead. Asking every
 * second takes the place of a subscription to +switch-master: it is one mechanism instead of two, and misses
 * nothing that happens between two connections to sentinels.
 *
 * A round asks every known sentinel once, without a pause; the next one follows after a growing pause. Runs
 * on the thread of the event base.
 */
#ifndef RIDECAST_BROKER_REDIS_SENTINEL_H
#define RIDECAST_BROKER_REDIS_SENTINEL_H

struct event_base;
struct redis_address;
struct redis_tls;
struct redis_url;
struct sentinel;

struct sentinel_setup {
    struct event_base *base;
    const struct redis_url *url; /* names a primary and sentinels; outlives the object */
    const struct redis_tls *tls; /* NULL: none; outlives the object */
    /*
     * The primary is at this address (borrowed for the call). Called once after each sentinel_seek(), and
     * whenever the primary is another one than before. Never from within a function of this header.
     */
    void (*found)(const struct redis_address *primary, void *arg);
    void *arg;
};

struct sentinel *sentinel_new(const struct sentinel_setup *setup);

/* NULL is harmless. */
void sentinel_free(struct sentinel *sentinel);

/* Looks for the primary, from now on until closed. To be called again when the one found is lost. */
void sentinel_seek(struct sentinel *sentinel);

/* NULL is harmless. */
void sentinel_close(struct sentinel *sentinel);

#endif
