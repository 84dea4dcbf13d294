/*
 * A link from bytes to its user and back: what a user hears of exchanges and WebSockets, when, and until
 * when. The network is here: connections that write into a journal, in which the site and the user write as
 * well.
 */
#include "gateway/net/link.h"

#include "common/budget.h"
#include "gateway/net/peers.h"
#include "gateway/net/server.h"
#include "tests/lib/virtual_clock.h"
#include "tests/unit/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static struct world *world; /* for net_new() */

/* --- the network --- */

struct net *net_new(const struct net_options *options, char *error, size_t error_size)
{
    (void)error, (void)error_size;
    world->net.options = *options;
    return &world->net;
}

void net_free(struct net *net)
{
    (void)net;
}

void net_run(struct net *net)
{
    (void)net;
}

void net_stop(struct net *net)
{
    (void)net;
}

void net_wake(struct net *net)
{
    (void)net;
}

/* A response's first line, or frames. */
void conn_write(struct conn *conn, const void *data, size_t n)
{
    const char *bytes = data, *payload;
    enum ws_opcode opcode;
    size_t len;

    if (!conn)
        return;
    struct buf *journal = &conn->world->journal;
    assert_non_null(conn->data);
    conn->blocked = conn->blocked || conn->blocks;
    conn->blocks = false;
    if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        journal_note(journal, "> %.*s", (int)(strchr(bytes, '\r') - bytes), bytes);
        return;
    }
    for (size_t at = 0; ws_frames_next(bytes, n, &at, &opcode, &payload, &len);)
        if (opcode == WS_CLOSE)
            journal_note(journal, "> close %d", len ? (uint8_t)payload[0] << 8 | (uint8_t)payload[1] : 0);
        else
            journal_note(journal, "> %s %.*s", opcode == WS_PONG ? "pong" : "text", (int)len, payload);
}

bool conn_blocked(const struct conn *conn)
{
    return conn && conn->blocked;
}

bool conn_progressed(const struct conn *conn, uint32_t *mark)
{
    if (!conn)
        return false;
    bool progressed = *mark != conn->acked;

    *mark = conn->acked;
    return progressed;
}

static void let_go(struct conn *conn, const char *how)
{
    if (!conn)
        return;
    conn->data = NULL;
    journal_note(&conn->world->journal, "%s", how);
}

void conn_close(struct conn *conn, void *lingering)
{
    let_go(conn, "> end");
    if (conn)
        conn->lingering = lingering;
}

void conn_abort(struct conn *conn)
{
    let_go(conn, "> cut");
}

bool conn_is_admin(const struct conn *conn)
{
    (void)conn;
    return false;
}

/* --- the user --- */

static void on_message(void *data, struct link *link, bool binary, char *bytes, size_t len)
{
    struct world *w = data;

    assert_ptr_equal(link, w->link);
    journal_note(&w->journal, "%s %.*s", binary ? "binary" : "message", (int)len, bytes);
}

static void on_pong(void *data)
{
    journal_note(&((struct world *)data)->journal, "pong");
}

static void on_writable(void *data)
{
    journal_note(&((struct world *)data)->journal, "writable");
}

static void say(struct link *link, const char *text)
{
    struct buf frame;

    buf_init(&frame, 256);
    assert_int_equal(ws_frame_append(&frame, WS_TEXT, text, strlen(text)), 0);
    link_write(link, frame.data, frame.len);
    buf_deinit(&frame);
}

static void on_closed(void *data, struct link *link)
{
    struct world *w = data;

    journal_note(&w->journal, "closed");
    if (w->last_words)
        say(link, "last words");
}

static void on_lost(void *data, struct link *link)
{
    struct world *w = data;

    assert_ptr_equal(link, w->link);
    journal_note(&w->journal, "lost");
}

static const struct link_user USER = {
    .message = on_message, .pong = on_pong, .writable = on_writable, .closed = on_closed, .lost = on_lost};
static const struct link_user ANOTHER = {.lost = on_lost};

/* --- the site: /keep keeps its body, /later is answered later, /ws is a WebSocket --- */

static void on_head(void *site, struct link *link)
{
    struct world *w = site;

    w->link = link;
    if (strcmp(link_request(link)->path, "/keep") == 0)
        link_take_body(link, true, BODY_MAX);
}

static bool on_too_big(void *site, struct link *link)
{
    (void)site, (void)link;
    return false;
}

static bool on_request(void *site, struct link *link)
{
    struct world *w = site;
    const char *path = link_request(link)->path;

    journal_note(&w->journal, "request %s", path);
    if (strcmp(path, "/keep") == 0) {
        const struct buf *body = link_body(link);

        journal_note(&w->journal, "body %.*s", (int)body->len, body->data);
        link_respond(link, 200, NULL, NULL, "", 0);
        return true;
    }
    if (strcmp(path, "/later") != 0 && strcmp(path, "/ws") != 0)
        return false;
    link_use(link, &USER, w);
    if (strcmp(path, "/ws") == 0) {
        assert_true(link_offers_ws(link));
        link_become_ws(link, NULL);
    }
    return true;
}

static void on_settle(void *site)
{
    (void)site;
}

static int set_up(void **state)
{
    static const struct link_site site = {.head = on_head, .too_big = on_too_big, .request = on_request};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    world = w;
    w->timers = timers_new();
    w->peers = peers_new(&(struct peers_options){0});
    w->conn.world = w;
    journal_init(&w->journal);
    const struct server_options options = {
        .links =
            {
                .site = &site,
                .site_data = w,
                .cors_origin = "*",
                .trusted_proxy = "",
                .max_payload_bytes = MESSAGE_MAX,
                .head_bytes = HTTP_HEAD_MAX,
                .head_ms = 1000,
                .body_ms = BODY_MS,
                .stall_ms = STALL_MS,
                .timers = w->timers,
                .peers = w->peers,
                .budget = &w->budget,
            },
        .settle = on_settle,
    };

    w->server = server_new(&options, NULL, 0);
    assert_non_null(w->server);
    w->conn.data = w->net.options.handler->opened(w->net.options.owner, &w->conn, &(struct ip){{0}});
    assert_non_null(w->conn.data);
    *state = w;
    return 0;
}

/* A connection that was ended. */
static void gone(struct conn *conn)
{
    if (conn->lingering)
        conn->world->net.options.handler->lingered(conn->lingering);
    conn->lingering = NULL;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    server_free(w->server);
    gone(&w->conn);
    assert_int_equal(w->budget.total, 0);
    peers_free(w->peers);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

/* --- what the peer does --- */

static void settle(struct world *w)
{
    w->net.options.handler->settle(w->net.options.owner);
}

static void receive(struct world *w, const void *bytes, size_t n)
{
    char copy[512];

    assert_true(n <= sizeof copy);
    assert_non_null(w->conn.data);
    memcpy(copy, bytes, n);
    w->net.options.handler->received(w->conn.data, copy, n);
    settle(w);
}

static void ask(struct world *w, const char *text)
{
    receive(w, text, strlen(text));
}

static void hang_up(struct world *w)
{
    void *data = w->conn.data;

    w->conn.data = NULL;
    w->net.options.handler->closed(data);
    settle(w);
}

static void unblock(struct world *w)
{
    w->conn.blocked = false;
    w->net.options.handler->writable(w->conn.data);
    settle(w);
}

static void pass(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, virtual_us / 1000);
}

/* A client's frame, masked with zeros. */
static void send_frame(struct world *w, enum ws_opcode opcode, const char *payload, size_t len)
{
    char frame[6 + 125] = {(char)(0x80 | opcode), (char)(0x80 | len)};

    memcpy(frame + 6, payload, len);
    receive(w, frame, 6 + len);
}

#define UPGRADE(path)                                                                                        \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                      \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void open_ws(struct world *w)
{
    ask(w, UPGRADE("/ws"));
    journal_check(&w->journal, "request /ws\n> HTTP/1.1 101 Switching Protocols\n");
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST(path, length, body)                                                                             \
    "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n" body

/* --- exchanges --- */

static void what_nobody_serves_is_not_found(void **state)
{
    struct world *w = *state;

    ask(w, GET("/"));
    ask(w, GET("/"));
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\nrequest /\n> HTTP/1.1 404 Not Found\n");
}

static void a_body_is_kept_as_far_as_it_was_said(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "8", "12345678"));
    journal_check(&w->journal, "request /keep\nbody 12345678\n> HTTP/1.1 200 OK\n");
    ask(w, POST("/keep", "9", "123456789"));
    journal_check(&w->journal, "> HTTP/1.1 413 Payload Too Large\n> end\n");
}

static void whoever_answers_later_is_told_when_nobody_waits(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    assert_ptr_equal(link_data(w->link, &USER), w);
    assert_null(link_data(w->link, &ANOTHER));
    journal_check(&w->journal, "request /later\n");
    hang_up(w);
    journal_check(&w->journal, "lost\n");
}

static void whoever_has_answered_hears_nothing_more(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_respond(w->link, 200, NULL, NULL, "", 0);
    assert_null(link_data(w->link, &USER));
    hang_up(w);
    journal_check(&w->journal, "request /later\n> HTTP/1.1 200 OK\n");
}

static void the_next_user_takes_the_place_of_the_last(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_use(w->link, &ANOTHER, w);
    assert_null(link_data(w->link, &USER));
    assert_ptr_equal(link_data(w->link, &ANOTHER), w);
    link_use(w->link, NULL, NULL);
    hang_up(w);
    journal_check(&w->journal, "request /later\n");
}

static void what_was_pipelined_waits_for_the_answer(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later") GET("/"));
    journal_check(&w->journal, "request /later\n");
    link_respond(w->link, 200, NULL, NULL, "", 0);
    journal_check(&w->journal, "> HTTP/1.1 200 OK\n"); /* not inside the call */
    settle(w);
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
}

static void too_much_behind_an_exchange_ends_it(void **state)
{
    struct world *w = *state;
    char more[512];

    memset(more, 'x', sizeof more);
    ask(w, GET("/later"));
    for (size_t sent = 0; sent <= LINK_PIPELINE_MAX && w->conn.data; sent += sizeof more)
        receive(w, more, sizeof more);
    journal_check(&w->journal, "request /later\nlost\n> HTTP/1.1 400 Bad Request\n> end\n");
}

static void a_link_that_was_dropped_takes_nothing(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_drop(w->link);
    link_drop(w->link);
    link_respond(w->link, 200, NULL, NULL, "", 0);
    link_use(w->link, &USER, w);
    link_write(w->link, "x", 1);
    assert_false(link_ready(w->link));
    assert_null(link_data(w->link, &USER));
    settle(w);
    journal_check(&w->journal, "request /later\n> cut\n");
}

/* --- WebSockets --- */

static void what_a_websocket_says_reaches_its_user(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_BINARY, "ho", 2);
    send_frame(w, WS_PONG, "", 0);
    send_frame(w, WS_PING, "p", 1); /* the link's own */
    journal_check(&w->journal, "message hi\nbinary ho\npong\n> pong p\n");
}

static void the_user_is_told_when_it_may_write_again(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocked = true;
    assert_false(link_ready(w->link));
    w->conn.blocked = false;
    w->net.options.handler->writable(w->conn.data);
    assert_true(link_ready(w->link));
    say(w->link, "hello");
    journal_check(&w->journal, "writable\n> text hello\n");
}

static void a_websocket_that_opens_later_does_not_hold_its_request(void **state)
{
    struct world *w = *state;

    ask(w, UPGRADE("/later"));
    assert_true(w->budget.used[BUDGET_INPUT] > 0);
    link_become_ws(w->link, NULL);
    assert_int_equal(w->budget.used[BUDGET_INPUT], 0);
    journal_check(&w->journal, "request /later\n> HTTP/1.1 101 Switching Protocols\n");
}

static void last_words_go_ahead_of_the_close_frame(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->last_words = true;
    receive(w, "\x81\x02hi", 4); /* not masked */
    journal_check(&w->journal, "closed\n> text last words\n> close 1002\n> end\n");
}

static void a_goodbye_is_echoed_and_the_user_told(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_frame(w, WS_CLOSE, "\x03\xe8", 2);
    journal_check(&w->journal, "> close 1000\nlost\n> end\n");
}

static void a_user_that_has_closed_hears_nothing_more(void **state)
{
    struct world *w = *state;

    open_ws(w);
    link_ws_close(w->link, WS_STATUS_GOING_AWAY);
    link_ws_close(w->link, WS_STATUS_GOING_AWAY);
    assert_null(link_data(w->link, &USER));
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_CLOSE, "", 0);
    journal_check(&w->journal, "> close 1001\n> end\n");
}

static void a_peer_that_does_not_say_goodbye_is_cut(void **state)
{
    struct world *w = *state;

    open_ws(w);
    link_ws_close(w->link, WS_STATUS_NONE);
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "> close 0\n> cut\n");
}

/* Its user has said something that tells the peer to close. */
static void dismiss(struct world *w)
{
    say(w->link, "go");
    link_ws_dismiss(w->link);
    link_ws_dismiss(w->link);
    assert_null(link_data(w->link, &USER));
    journal_check(&w->journal, "> text go\n");
}

static void a_peer_that_is_to_close_does_so_first(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_PING, "", 0);
    journal_check(&w->journal, "");
    send_frame(w, WS_CLOSE, "\x03\xe8", 2);
    journal_check(&w->journal, "> close 1000\n> end\n");
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "");
}

static void one_that_hangs_up_is_gone(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    hang_up(w);
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "");
}

static void one_that_does_not_is_closed_like_any_other(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> close 0\n");
    send_frame(w, WS_TEXT, "hi", 2);
    pass(w, LINK_WS_CLOSE_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void one_that_breaks_the_protocol_instead_hears_so(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    receive(w, "\x81\x02hi", 4); /* not masked */
    journal_check(&w->journal, "> close 1002\n> end\n");
}

static void its_time_begins_when_it_has_been_sent_that_it_is_to_close(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    for (int i = 0; i < 3; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    unblock(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> close 0\n");
}

static void one_that_takes_nothing_of_it_is_cut(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void meanwhile_it_can_be_cut_for_what_it_holds(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    link_sacrifice(w->link);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

/* The first fragment of a text. */
static void begin_message(struct world *w)
{
    receive(w, "\x01\x81\0\0\0\0x", 7);
}

static void a_message_has_its_time_from_its_first_fragment_whatever_comes_between(void **state)
{
    struct world *w = *state;

    open_ws(w);
    begin_message(w);
    pass(w, STALL_MS - 1);
    receive(w, "\x00\x81\0\0\0\0y", 7); /* another fragment */
    send_frame(w, WS_PONG, "", 0);
    send_frame(w, WS_PING, "", 0);
    journal_check(&w->journal, "pong\n> pong \n");
    pass(w, BODY_MS - STALL_MS);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "closed\n> close 1008\n> end\n");
    w->conn.data = NULL;
    settle(w);
}

static void pongs_alone_are_no_progress_of_a_message(void **state)
{
    struct world *w = *state;

    open_ws(w);
    begin_message(w);
    pass(w, STALL_MS - 1);
    send_frame(w, WS_PONG, "", 0);
    pass(w, 1);
    journal_check(&w->journal, "pong\nclosed\n> close 1008\n> end\n");
    settle(w);
}

static void a_frame_that_is_not_whole_has_no_more(void **state)
{
    struct world *w = *state;

    open_ws(w);
    receive(w, "\x81", 1);
    pass(w, STALL_MS);
    journal_check(&w->journal, "closed\n> close 1008\n> end\n");
    settle(w);
}

static void each_message_has_its_own_time(void **state)
{
    struct world *w = *state;

    open_ws(w);
    for (int i = 0; i < 3; i++) {
        begin_message(w);
        pass(w, STALL_MS - 1);
        receive(w, "\x80\x81\0\0\0\0y\x01\x81\0\0\0\0x", 14); /* its end, and the next one's beginning */
        journal_check(&w->journal, "message xy\n");
        pass(w, STALL_MS - 1);
        receive(w, "\x80\x81\0\0\0\0y", 7);
        journal_check(&w->journal, "message xy\n");
    }
    pass(w, 2 * BODY_MS);
    journal_check(&w->journal, "");
}

/* --- who is slow --- */

static void an_answer_that_is_taken_slowly_is_waited_for_one_that_is_not_is_cut(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/"));
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
    for (int i = 0; i < 5; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void nobody_else_who_asks_has_a_slow_peer_cut(void **state)
{
    struct world *w = *state;
    uint32_t heartbeats = 0;

    open_ws(w);
    begin_message(w);
    w->conn.blocked = true;
    for (int i = 0; i < 5; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        assert_true(link_progressed(w->link, &heartbeats));
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    assert_false(link_progressed(w->link, &heartbeats));
    pass(w, STALL_MS);
    journal_check(&w->journal, "closed\n> close 1008\n");
}

static void one_that_has_been_taken_leaves_the_connection_as_idle_as_any(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/"));
    pass(w, STALL_MS - 1);
    unblock(w);
    buf_clear(&w->journal);
    pass(w, LINK_IDLE_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void whoever_does_not_take_answers_gets_no_more(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/a") GET("/b") GET("/c"));
    journal_check(&w->journal, "request /a\n> HTTP/1.1 404 Not Found\n");
    unblock(w);
    journal_check(&w->journal,
                  "request /b\n> HTTP/1.1 404 Not Found\nrequest /c\n> HTTP/1.1 404 Not Found\n");
}

/* Blocked, with a last answer behind which it is to be closed. */
static void answer_for_the_last_time(struct world *w)
{
    w->conn.blocks = true;
    ask(w, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
}

static void a_connection_is_closed_when_its_last_bytes_are_taken(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    pass(w, STALL_MS - 1);
    w->conn.acked++;
    pass(w, 1);
    journal_check(&w->journal, "");
    unblock(w);
    journal_check(&w->journal, "> end\n");
}

static void one_that_does_not_take_them_is_cut(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void look_at_cost(struct link *link, void *arg)
{
    *(size_t *)arg += link_gone(link) ? 0 : link_cost(link);
}

static size_t cost_of_all(struct world *w)
{
    size_t cost = 0;

    server_visit(w->server, look_at_cost, &cost);
    return cost;
}

static void it_can_be_cut_for_what_it_holds(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    assert_true(cost_of_all(w) >= LINK_PIECE_BYTES);
    link_sacrifice(w->link);
    journal_check(&w->journal, "> cut\n");
    assert_int_equal(cost_of_all(w), 0);
    link_sacrifice(w->link);
    journal_check(&w->journal, "");
    settle(w);
}

static void a_body_that_comes_to_a_halt_is_waited_for_no_longer(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "4", "a"));
    pass(w, STALL_MS - 1);
    ask(w, "b");
    pass(w, BODY_MS - STALL_MS); /* which is the end of its time, though it goes on */
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void a_halt_is_shorter_than_its_time(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "4", "a"));
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void the_end_of_the_server_loses_every_link(void **state)
{
    struct world *w = *state;

    open_ws(w);
    server_free(w->server);
    w->server = NULL;
    journal_check(&w->journal, "lost\n");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_nobody_serves_is_not_found),
        WORLD_TEST(a_body_is_kept_as_far_as_it_was_said),
        WORLD_TEST(whoever_answers_later_is_told_when_nobody_waits),
        WORLD_TEST(whoever_has_answered_hears_nothing_more),
        WORLD_TEST(the_next_user_takes_the_place_of_the_last),
        WORLD_TEST(what_was_pipelined_waits_for_the_answer),
        WORLD_TEST(too_much_behind_an_exchange_ends_it),
        WORLD_TEST(a_link_that_was_dropped_takes_nothing),
        WORLD_TEST(what_a_websocket_says_reaches_its_user),
        WORLD_TEST(the_user_is_told_when_it_may_write_again),
        WORLD_TEST(a_websocket_that_opens_later_does_not_hold_its_request),
        WORLD_TEST(last_words_go_ahead_of_the_close_frame),
        WORLD_TEST(a_goodbye_is_echoed_and_the_user_told),
        WORLD_TEST(a_user_that_has_closed_hears_nothing_more),
        WORLD_TEST(a_peer_that_does_not_say_goodbye_is_cut),
        WORLD_TEST(a_peer_that_is_to_close_does_so_first),
        WORLD_TEST(one_that_hangs_up_is_gone),
        WORLD_TEST(one_that_does_not_is_closed_like_any_other),
        WORLD_TEST(one_that_breaks_the_protocol_instead_hears_so),
        WORLD_TEST(its_time_begins_when_it_has_been_sent_that_it_is_to_close),
        WORLD_TEST(one_that_takes_nothing_of_it_is_cut),
        WORLD_TEST(meanwhile_it_can_be_cut_for_what_it_holds),
        WORLD_TEST(a_message_has_its_time_from_its_first_fragment_whatever_comes_between),
        WORLD_TEST(pongs_alone_are_no_progress_of_a_message),
        WORLD_TEST(a_frame_that_is_not_whole_has_no_more),
        WORLD_TEST(each_message_has_its_own_time),
        WORLD_TEST(an_answer_that_is_taken_slowly_is_waited_for_one_that_is_not_is_cut),
        WORLD_TEST(nobody_else_who_asks_has_a_slow_peer_cut),
        WORLD_TEST(one_that_has_been_taken_leaves_the_connection_as_idle_as_any),
        WORLD_TEST(whoever_does_not_take_answers_gets_no_more),
        WORLD_TEST(a_connection_is_closed_when_its_last_bytes_are_taken),
        WORLD_TEST(one_that_does_not_take_them_is_cut),
        WORLD_TEST(it_can_be_cut_for_what_it_holds),
        WORLD_TEST(a_body_that_comes_to_a_halt_is_waited_for_no_longer),
        WORLD_TEST(a_halt_is_shorter_than_its_time),
        WORLD_TEST(the_end_of_the_server_loses_every_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
