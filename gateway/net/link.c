/* A link: see link.h. */
#include "gateway/net/link.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/clock.h"
#include "gateway/net/link_state.h"
#include "gateway/net/net.h"
#include "gateway/net/parcel.h"
#include "gateway/net/peers.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void link_set_timer(struct link *link, uint64_t after_ms)
{
    timers_set(link->links->options.timers, &link->timer, clock_ms() + after_ms);
}

/* Of requests and messages of which a part has come, or that are not served yet. */
static size_t held(const struct link *link)
{
    size_t bytes = link->pipelined.size;

    return bytes + (link->is_ws ? ws_decoder_held(&link->decoder) : http_reader_held(link->http.reader));
}

void link_count(struct link *link)
{
    size_t now = held(link);

    budget_move(link->links->options.budget, BUDGET_INPUT, link->counted, now);
    link->counted = (uint32_t)now;
}

void link_begin_input(struct link *link)
{
    link->due_ms = clock_ms() + link->links->options.body_ms;
}

void link_await_input(struct link *link)
{
    uint64_t now = clock_ms(), stalled_ms = now + link->links->options.stall_ms;

    timers_set(link->links->options.timers, &link->timer,
               stalled_ms < link->due_ms ? stalled_ms : link->due_ms);
}

void link_await_output(struct link *link)
{
    conn_progressed(link->conn, &link->acked);
    link_set_timer(link, link->links->options.stall_ms);
}

void link_cancel_timer(struct link *link)
{
    timers_cancel(link->links->options.timers, &link->timer);
}

/* Lets go of everything but the memory. */
static void mark_gone(struct link *link)
{
    struct links *links = link->links;

    link_cancel_timer(link);
    if (link->ended) {
        DL_DELETE2(links->ended, link, ended_prev, ended_next);
        links->ended_count--;
        link->ended = false;
    }
    link->state = LINK_GONE;
    link->user = NULL;
    link->conn = NULL;
    peer_close(link->peer, PEER_CONNECTION, clock_ms());
    peer_close(link->guest, PEER_CLIENT, clock_ms());
    link->peer = link->guest = NULL;
    DL_DELETE2(links->open, link, all_prev, all_next);
    DL_APPEND2(links->gone, link, all_prev, all_next);
}

/*
 * What lingers for a peer that does not close costs a descriptor, so it counts for its address; but apart
 * from what is open, or a client that was cut and comes back at once would be refused for its own old
 * connection. Where too many linger already the next one is closed at once: all that it was to be sent is the
 * kernel's, and can only be lost by a peer that goes on sending.
 */
static bool may_linger(const struct link *link)
{
    return !link->peer || peer_turn(link->peer, PEER_CONNECTION, PEER_LINGERING);
}

void link_end(struct link *link)
{
    if (conn_blocked(link->conn)) {
        link->state = LINK_LEAVING;
        link->user = NULL;
        link_await_output(link);
        return;
    }
    if (link->conn && may_linger(link)) {
        conn_close(link->conn, link->peer);
        link->peer = NULL;
    } else {
        conn_abort(link->conn);
    }
    mark_gone(link);
}

void link_drop(struct link *link)
{
    if (link->state == LINK_GONE)
        return;
    conn_abort(link->conn);
    mark_gone(link);
}

void link_use(struct link *link, const struct link_user *user, void *data)
{
    if (link->state != LINK_HTTP && link->state != LINK_WS)
        return;
    link->user = user;
    link->data = data;
}

void *link_data(const struct link *link, const struct link_user *user)
{
    return link->user == user ? link->data : NULL;
}

const struct link_user *link_part(struct link *link)
{
    const struct link_user *user = link->user;

    link->user = NULL;
    return user;
}

void link_abandon(struct link *link)
{
    const struct link_user *user = link_part(link);

    if (user)
        user->lost(link->data, link);
}

void link_refused(const struct link *link, enum refusal refusal)
{
    refuse(link->links->options.refusals, refusal, &link->address);
}

/* Whether the peer is slow to take what it is sent, but takes it. Meanwhile nothing is read from it. */
static bool is_slow(struct link *link)
{
    return conn_blocked(link->conn) && conn_progressed(link->conn, &link->acked);
}

static void timed_out(void *owner)
{
    struct link *link = owner;

    if (link->state != LINK_WS_CLOSING && is_slow(link)) {
        link_set_timer(link, link->links->options.stall_ms);
        return;
    }
    if (link->state == LINK_WS) {
        link_refused(link, REFUSED_BODY_TIMEOUT);
        link_ws_failed(link, WS_STATUS_POLICY);
        return;
    }
    if (link->state == LINK_WS_DISMISSED && !conn_blocked(link->conn)) {
        link_ws_close(link, WS_STATUS_NONE);
        return;
    }
    if (link->exchange == EXCHANGE_BODY)
        link_refused(link, REFUSED_BODY_TIMEOUT);
    else if (link->state == LINK_HTTP && link->exchange == EXCHANGE_NONE && link->in_head)
        link_refused(link, REFUSED_HEADER_TIMEOUT);
    link_abandon(link);
    link_drop(link);
}

struct link *link_new(struct links *links, struct conn *conn, const struct ip *address, struct peer *peer)
{
    struct link *link = calloc(1, sizeof *link);

    if (!link)
        return NULL;
    link->http.reader = http_reader_new(links->options.head_bytes);
    if (!link->http.reader) {
        free(link);
        return NULL;
    }
    link->links = links;
    link->conn = conn;
    link->peer = peer;
    link->address = link->http.peer = *address;
    link->in_head = true;
    buf_init(&link->pipelined, LINK_PIPELINE_MAX);
    link->timer = (struct timer){.fire = timed_out, .owner = link};
    DL_APPEND2(links->open, link, all_prev, all_next);
    link_set_timer(link, links->options.head_ms);
    return link;
}

static void free_link(struct link *link)
{
    DL_DELETE2(link->links->gone, link, all_prev, all_next);
    if (link->resumable)
        LL_DELETE2(link->links->resumable, link, resumable_next);
    budget_move(link->links->options.budget, BUDGET_INPUT, link->counted, 0);
    if (link->is_ws)
        ws_decoder_deinit(&link->decoder);
    else
        link_leave_http(link);
    buf_deinit(&link->pipelined);
    free(link);
}

size_t link_cost(const struct link *link)
{
    size_t unsent = conn_blocked(link->conn) ? LINK_PIECE_BYTES : 0;

    return link->counted + unsent +
           (!link->is_ws && link->http.sending ? parcel_cost(link->http.sending) : 0);
}

void links_visit(struct links *links, void (*visit)(struct link *link, void *arg), void *arg)
{
    struct link *link;

    DL_FOREACH2(links->open, link, all_next)
    visit(link, arg);
    DL_FOREACH2(links->gone, link, all_next)
    visit(link, arg);
}

bool link_gone(const struct link *link)
{
    return link->state == LINK_GONE;
}

struct ip link_address(const struct link *link)
{
    return link->address;
}

void link_sacrifice(struct link *link)
{
    if (link->state == LINK_GONE)
        return;
    link_refused(link, REFUSED_MEMORY);
    link_abandon(link);
    link_drop(link);
}

void links_reap(struct links *links)
{
    while (links->gone)
        free_link(links->gone);
}

void link_lost(struct link *link)
{
    link_abandon(link);
    if (link->state != LINK_GONE)
        mark_gone(link);
}

void link_closed(struct link *link)
{
    struct links *links = link->links;

    link->conn = NULL;
    if (!link->user) {
        mark_gone(link);
        return;
    }
    peer_close(link->peer, PEER_CONNECTION, clock_ms());
    link->peer = NULL;
    DL_APPEND2(links->ended, link, ended_prev, ended_next);
    links->ended_count++;
    link->ended = true;
}

const struct link_options *link_options(const struct link *link)
{
    return &link->links->options;
}

const char link_going_away[] = "This gateway is being stopped; try another\n";

bool link_draining(const struct link *link)
{
    return link->links->draining;
}

bool link_is_admin(const struct link *link)
{
    return conn_is_admin(link->conn);
}

const char *link_admit(struct link *link)
{
    struct peers *peers = link->links->options.peers;
    struct ip client = link_client(link, NULL);
    uint64_t now = clock_ms();

    if (!peers_take(peers, &client, PEER_HANDSHAKES, 1, now)) {
        refuse(link->links->options.refusals, REFUSED_HANDSHAKES, &client);
        return "Too many handshakes from your address; try again in a while\n";
    }
    link->guest = peer_open(peers, &client, PEER_CLIENT, now);
    if (!link->guest) {
        refuse(link->links->options.refusals, REFUSED_ADDRESS_CONNECTIONS, &client);
        return "Too many clients at your address\n";
    }
    return NULL;
}

bool link_ask(struct link *link, uint64_t asks)
{
    struct ip client = link_client(link, NULL);

    if (link_is_admin(link) || peers_take(link->links->options.peers, &client, PEER_ASKS, asks, clock_ms()))
        return true;
    refuse(link->links->options.refusals, REFUSED_ASKS, &client);
    return false;
}

struct peer *link_take_guest(struct link *link)
{
    struct peer *guest = link->guest;

    link->guest = NULL;
    return guest;
}

struct ip link_client(const struct link *link, bool *trusted)
{
    if (trusted)
        *trusted = link->behind_proxy;
    return link->address;
}

void link_received(struct link *link, char *bytes, size_t n)
{
    if (link->is_ws)
        link_ws_received(link, bytes, n);
    else
        link_http_received(link, bytes, n);
    link_count(link);
}

void link_writable(struct link *link)
{
    if (link->state == LINK_LEAVING) {
        link_end(link);
        return;
    }
    if (link->state == LINK_WS_DISMISSED) {
        link_set_timer(link, LINK_WS_DISMISS_MS);
        return;
    }
    if (link->exchange == EXCHANGE_SENDING) {
        link_send_on(link);
        return;
    }
    if (link->state == LINK_HTTP && link->exchange == EXCHANGE_NONE && !link->in_head)
        link_set_timer(link, LINK_IDLE_MS);
    if (link->state == LINK_WS && link->user)
        link->user->writable(link->data);
    if (link->state != LINK_GONE)
        link_read_on(link);
}
