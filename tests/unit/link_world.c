/*
 * The network, the site and the user of links.
 */
#include "tests/unit/link_world.h"

#include "gateway/net/peers.h"
#include "tests/lib/virtual_clock.h"
#include "tests/unit/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

void say(struct link *link, const char *text)
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

const struct link_user USER = {
    .message = on_message, .pong = on_pong, .writable = on_writable, .closed = on_closed, .lost = on_lost};
const struct link_user ANOTHER = {.lost = on_lost};

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

int set_up(void **state)
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

int tear_down(void **state)
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

void settle(struct world *w)
{
    w->net.options.handler->settle(w->net.options.owner);
}

void receive(struct world *w, const void *bytes, size_t n)
{
    char copy[512];

    assert_true(n <= sizeof copy);
    assert_non_null(w->conn.data);
    memcpy(copy, bytes, n);
    w->net.options.handler->received(w->conn.data, copy, n);
    settle(w);
}

void ask(struct world *w, const char *text)
{
    receive(w, text, strlen(text));
}

void hang_up(struct world *w)
{
    void *data = w->conn.data;

    w->conn.data = NULL;
    w->net.options.handler->closed(data);
    settle(w);
}

void unblock(struct world *w)
{
    w->conn.blocked = false;
    w->net.options.handler->writable(w->conn.data);
    settle(w);
}

void pass(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, virtual_us / 1000);
}

void send_frame(struct world *w, enum ws_opcode opcode, const char *payload, size_t len)
{
    char frame[6 + 125] = {(char)(0x80 | opcode), (char)(0x80 | len)};

    memcpy(frame + 6, payload, len);
    receive(w, frame, 6 + len);
}

void open_ws(struct world *w)
{
    ask(w, UPGRADE("/ws"));
    journal_check(&w->journal, "request /ws\n> HTTP/1.1 101 Switching Protocols\n");
}
