/*
 * A world for links: the network is here, connections that write into a journal, in which the site and the
 * user write as well. They take the place of the gateway's when the program is linked; time is
 * tests/lib/virtual_clock.h.
 */
#ifndef RIDECAST_TESTS_UNIT_LINK_WORLD_H
#define RIDECAST_TESTS_UNIT_LINK_WORLD_H

#include "common/budget.h"
#include "gateway/net/link.h"
#include "gateway/net/server.h"
#include "tests/unit/journal.h"

enum { BODY_MAX = 8, MESSAGE_MAX = 64, BODY_MS = 2000, STALL_MS = 1500 };

struct conn {
    struct world *world;
    void *data;      /* NULL: let go of */
    void *lingering; /* until the peer closes, too: gone() */
    bool blocked;
    bool blocks;    /* with the next write */
    uint32_t acked; /* by the peer */
};

struct net {
    struct net_options options;
};

struct world {
    struct net net;
    struct conn conn;
    struct timers *timers;
    struct peers *peers;
    struct budget budget;
    struct server *server;
    struct link *link;  /* of the request that the site saw last */
    bool last_words;    /* the user has some when its WebSocket is closed */
    struct buf journal; /* `>` is what the peer is sent */
};

/* A world as the test's state, with one connection. At its end everything must have been given back. */
int set_up(void **state);
int tear_down(void **state);

/* Two users; the first writes down what it hears, and is that of /later and /ws. */
extern const struct link_user USER, ANOTHER;

/* By a user: a text. */
void say(struct link *link, const char *text);

/* The end of a loop turn, and time that passes. */
void settle(struct world *w);
void pass(struct world *w, uint64_t ms);

/* --- what the peer does --- */

void receive(struct world *w, const void *bytes, size_t n);
void ask(struct world *w, const char *text);
void hang_up(struct world *w);

/* It takes what it is sent again. */
void unblock(struct world *w);

/* A client's frame, masked with zeros. */
void send_frame(struct world *w, enum ws_opcode opcode, const char *payload, size_t len);

/* Its connection becomes a WebSocket of USER. */
void open_ws(struct world *w);

#define UPGRADE(path)                                                                                        \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                      \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(path, length, body)                                                                             \
    "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n" body

#endif
