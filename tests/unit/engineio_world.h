/*
 * A world for Engine.IO sessions: a transport and an application that only record. Time is
 * tests/lib/virtual_clock.h.
 *
 * Transport and application write one journal; each test checks and empties it. In it 0x1e is shown as '~'.
 */
#ifndef RIDECAST_TESTS_UNIT_ENGINEIO_WORLD_H
#define RIDECAST_TESTS_UNIT_ENGINEIO_WORLD_H

#include "gateway/protocol/engineio.h"
#include "gateway/rides/ride.h"
#include "tests/unit/journal.h"

enum { START_MS = 1000, INTERVAL_MS = 300, TIMEOUT_MS = 200, UPGRADE_MS = 1000, BACKLOG = 500 };

/* An exchange or a WebSocket. */
struct handle {
    struct world *world;
    const char *name; /* in the journal */
    bool blocked;
    uint32_t acked; /* what it was sent and has acknowledged */
};

struct world {
    struct timers *timers;
    struct outlets outlets;
    struct eio_options options;
    struct eio *eio;
    struct eio_session *session; /* the one opened last */
    void (*on_message)(struct world *w, struct eio_session *session);
    struct member member; /* taken off its ride by app->close */
    uint64_t close_us;    /* how long that takes */
    struct buf journal;
    struct handle handshake, get, get2, post, post2, ws, ws2;
};

/* A world as the test's state. At its end everything must have been given back. */
int setup(void **state);
int teardown(void **state);

/* --- time --- */

/* The end of a loop turn. */
void turn(struct world *w);

/* Ends the turn, then checks what happened since the last check. */
void assert_journal(struct world *w, const char *expected);

/* Time passes at once, then the turn ends. */
void advance(struct world *w, uint64_t ms);

/* --- sessions --- */

/* Opens one; its handshake is not left in the journal. */
void open_polling(struct world *w);
void open_ws(struct world *w);

/* A polling session whose WebSocket has said 2probe. */
void start_probe(struct world *w);

/* No session is left. */
void assert_gone(const struct world *w);

/* For on_message. */
void close_at_message(struct world *w, struct eio_session *session);

/* --- what is said, on the session opened last --- */

/* By the application: a text message. */
void send_text(struct world *w, const char *text);

/* By the client, on `ws` or another socket. Bodies and messages are changed by reading them, and must not be
 * needed afterwards: they are copies, freed at once. */
void say(struct world *w, const char *text);
void say_as(struct world *w, struct handle *socket, bool binary, const char *text);

/* A GET, and a whole POST; finish_post() is a POST's end alone, eio_post_begin() was its beginning. */
void get(struct world *w);
void post(struct world *w, const char *body);
void finish_post(struct world *w, struct handle *exchange, const char *body);

#endif
