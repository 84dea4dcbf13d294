/*
 * One connection to Redis or a sentinel that keeps itself alive: connects, agrees on TLS, authenticates,
 * selects the database, pings, and comes back with growing pauses when it is lost.
 *
 *   IDLE ─ open ─▶ RESOLVING ─▶ CONNECTING ─▶ SECURING ─▶ GREETING ─▶ READY
 *                   ▲  │         ▲  │           │          │          │
 *                   │  └─────────│──┴───────────┴──────────┴──────────┴──▶ BROKEN, until the next turn
 *                   │            └─── never READY: the host's next address ──┤
 *                   └───── WAITING ◀─────────────────────────────────────────┘
 *
 * All addresses of a host, IPv4 and IPv6, are tried one after the other without a pause, each for its share
 * of the time limit, those that fail soon leaving theirs to the others. The one that has held for a second
 * last comes first. One that is lost within its first second, as a replica is that does not take writes, has
 * had its turn: the next attempt goes to the next. The name is looked up before the first is tried; where the
 * system's resolver fails, or takes half of the limit, those that it gave before are tried.
 *
 * It drives a non-blocking hiredis context with libevent itself instead of using hiredis' asynchronous layer:
 * that one never hands over the answer to a PING on a subscribed connection, and asserts on answers it does
 * not expect.
 *
 * Everything runs on the thread of the event base. No callback is called from within a function of this
 * header, except the answers that redis_link_close() and _free() cut off. Nothing blocks.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_LINK_H
#define RIDECAST_BROKER_REDIS_REDIS_LINK_H

#include "broker/redis/resp.h"

#include <stdbool.h>

struct event_base;
struct redisReply;
struct redis_address;
struct redis_link;
struct redis_login;
struct redis_tls;

enum { REDIS_ARGS_MAX = 672 };

/* The answer to one command, borrowed for the call; NULL when the connection went away first. */
typedef void redis_answer(const struct redisReply *reply, void *arg);

struct redis_link_setup {
    struct event_base *base;
    /* These outlive the link. The address is read at every attempt, so it may change between them. */
    const struct redis_address *address;
    const struct redis_login *login;
    const struct redis_tls *tls; /* NULL: none */
    unsigned db;
    unsigned limit_ms;        /* what an attempt may take until it is ready, all addresses together, once
                                 they are known */
    const char *purpose;      /* for the log, static: "commands"; NULL: no failure is logged */
    void (*ready)(void *arg); /* authenticated: commands may be sent */
    /* The connection is no more, or an attempt has failed at all addresses. `reason` is lent until the link
     * is closed or opened; it names the address where that is not the one given. Unless this closes the link
     * it tries again. */
    void (*lost)(const char *reason, void *arg);
    /* A reply that answers no command: what a subscription brings. NULL: there are none, such a reply breaks
     * the link. */
    redis_answer *pushed;
    redis_answer
        *refused; /* an error came, before it is given to whoever is answered; NULL: nothing is done */
    /* The end of a turn of the loop in which any of these, or of the answers, may have been called. NULL:
     * nothing is to be done then. */
    void (*settle)(void *arg);
    void *arg;
};

struct redis_link *redis_link_new(const struct redis_link_setup *setup);

/* Closes and frees. NULL is harmless. */
void redis_link_free(struct redis_link *link);

/* Starts connecting, and goes on until closed. An open link is left alone. */
void redis_link_open(struct redis_link *link);

/* Back to IDLE; `lost` is not called. Not from within an answer of the same link. */
void redis_link_close(struct redis_link *link);

/* Gives the connection up for the reason given; the link tries again after a pause. Nothing happens unless it
 * is connected. */
void redis_link_fail(struct redis_link *link, const char *reason);

/* Where a ready link has got to: the one among the host's IP addresses. */
void redis_link_peer(const struct redis_link *link, struct redis_address *peer);

/*
 * Sends a command. Everything sent in one turn of the loop goes out together at its end. `answer` is called
 * once; NULL for commands that have no answer of their own (SUBSCRIBE and what follows on its connection).
 * Without a connection the command is dropped and -1 returned, and `answer` is not called.
 */
int redis_link_send(struct redis_link *link, redis_answer *answer, void *arg, const struct redis_arg *args,
                    size_t count);

/* The argument of a NUL-terminated text. */
struct redis_arg redis_arg_text(const char *text);

/* Whether the reply is an error of the kind that starts with `code` ("NOSCRIPT"). */
bool redis_reply_is_error(const struct redisReply *reply, const char *code);

#endif
