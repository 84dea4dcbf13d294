#include "tests/fuzz/session_client.h"

#include "common/json_text.h"
#include "common/user.h"
#include "gateway/net/ws.h"
#include "gateway/protocol/eio_packet.h"
#include "gateway/rides/wire.h"
#include "tests/fuzz/fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- ends --- */

void client_hang_up(struct conn **conn)
{
    if (*conn)
        world_hang_up(*conn);
    *conn = NULL;
}

/* The session is over; recovery ids and positions are kept. */
static void end_session(struct client *c)
{
    c->sid[0] = '\0';
    for (size_t i = 0; i < RIDES; i++)
        c->seats[i].asked = c->seats[i].in = c->seats[i].left = false;
}

void client_forget(struct client *c)
{
    client_hang_up(&c->get);
    client_hang_up(&c->post);
    client_hang_up(&c->ws);
    c->getting = c->posting = c->ws_open = c->probing = c->plain = c->sloppy = false;
    end_session(c);
}

/* --- what is heard --- */

static bool copy_string(struct json_slice json, char *out, size_t size)
{
    if (json_text_type(json) != '"' || json.len - 2 >= size)
        return false;
    memcpy(out, json.at + 1, json.len - 2);
    out[json.len - 2] = '\0';
    return true;
}

static struct broker_position read_position(struct json_slice json)
{
    char text[WIRE_OFFSET_SIZE];
    struct broker_position position;

    CHECK(copy_string(json, text, sizeof text) && wire_read_offset(text, &position));
    return position;
}

/* What was asked first is answered first; only errors may come out of turn, so the latest question is taken
 * for theirs. */
static void hear_answer(struct seat *seat, struct json_slice answer)
{
    CHECK(seat->questions > 0);
    seat->questions--;
    if (!json_text_member(answer, "users").at)
        return;
    seat->answered = seat->behind[0];
    memmove(seat->behind, seat->behind + 1, seat->questions * sizeof *seat->behind);
}

/* An event on a ride: the next one there, as the broker has told it, to one who is there. */
static void hear_event(struct seat *seat, unsigned ride, struct json_slice name, struct json_slice user,
                       struct json_slice offset)
{
    struct broker_position position = read_position(offset);
    const struct entry *entry = ledger_find(ride, &position);

    CHECK(seat->in && entry && entry->user && entry->kind != BROKER_ENDED);
    CHECK(json_text_equals(name, wire_event_name(entry->kind)));
    CHECK(user.len == entry->user->len && !memcmp(user.at, entry->user->data, user.len));
    CHECK(!seat->left || position.offset <= seat->left_at);
    if (seat->known && !strcmp(seat->at.epoch, position.epoch))
        CHECK(position.offset > seat->at.offset && ledger_leads(ride, &seat->at, position.offset - 1));
    seat->known = true;
    seat->at = position;
}

/* Who is aboard: as of the last event heard, or of a later one if the client had fallen behind. */
static void hear_users(struct seat *seat, unsigned ride, struct json_slice answer)
{
    struct json_slice users = json_text_member(answer, "users"), user;
    size_t cursor = 0, count = 0;
    unsigned who = 0;

    if (!users.at)
        return; /* an error */
    struct broker_position position = read_position(json_text_member(answer, "offset"));

    for (; json_text_next(users, &cursor, &user); count++) {
        char id[USER_ID_MAX + 1];

        CHECK(json_text_copy(json_text_member(user, "id"), id, sizeof id) == 0);
        who += ledger_mark(id);
    }
    const struct entry *entry = ledger_find(ride, &position);

    CHECK(!entry || entry->aboard < 0 || (count == (size_t)entry->aboard && who == entry->who));
    if (seat->known && !strcmp(seat->at.epoch, position.epoch))
        CHECK(position.offset >= seat->at.offset);
    seat->known = !seat->declines;
    seat->at = position;
}

/* A boarding or exit that was accepted is where the ack says. */
static void hear_ack(unsigned ride, unsigned number, struct json_slice answer)
{
    char name[24];

    if (json_text_type(json_text_member(answer, "ok")) != 't')
        return;
    struct broker_position position = read_position(json_text_member(answer, "offset"));
    const struct entry *entry = ledger_find(ride, &position);

    CHECK(entry);
    if (!entry->user)
        return; /* nobody watched then */
    snprintf(name, sizeof name, "%u", number);
    struct json_slice record = {entry->user->data, entry->user->len};

    CHECK(json_text_equals(json_text_member(record, "name"), name));
}

/* CONNECT is answered: from here on everything is heard, or from where the client had been. */
static void hear_connected(struct seat *seat, struct json_slice auth)
{
    const char *position = seat->pid + RECOVERY_LETTERS + RECOVERY_MAC_LEN;

    seat->asked = false;
    seat->in = true;
    seat->left = false;
    seat->questions = 0;
    seat->answered = 0;
    if (!copy_string(json_text_member(auth, "pid"), seat->pid, sizeof seat->pid)) {
        seat->pid[0] = '\0';
        seat->known = false;
        return;
    }
    if (!strcmp(seat->pid, seat->offered))
        return; /* recovered */
    seat->known = wire_read_offset(position, &seat->at) && strcmp(seat->at.epoch, RECOVERY_NOWHERE) != 0;
}

static void hear_sio_event(struct client *c, unsigned ride, struct json_slice args)
{
    struct json_slice name, user, offset;
    size_t cursor = 0;

    CHECK(json_text_next(args, &cursor, &name));
    if (json_text_equals(name, "exception"))
        return;
    CHECK(json_text_next(args, &cursor, &user));
    bool has_offset = json_text_next(args, &cursor, &offset);

    CHECK(c->sloppy || has_offset == !c->seats[ride].declines);
    CHECK(c->seats[ride].in);
    if (has_offset)
        hear_event(&c->seats[ride], ride, name, user, offset);
}

/* A Socket.IO packet, without attachments: none are sent. */
static void hear_sio(struct client *c, const char *text, size_t len)
{
    const char *at = text + 1, *end = text + len;
    unsigned ride = 0, number = 0;
    struct json_slice answer;
    size_t cursor = 0;

    if (at < end && *at == '/') {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        for (ride = 0; ride < RIDES; ride++)
            if (comma && strlen(RIDE_NAMES[ride]) == (size_t)(comma - at) &&
                !memcmp(RIDE_NAMES[ride], at, (size_t)(comma - at)))
                break;
        if (ride == RIDES)
            return; /* none of ours */
        at = comma + 1;
    }
    while (at < end && *at >= '0' && *at <= '9')
        number = number * 10 + (unsigned)(*at++ - '0');
    struct json_slice json = {at, (size_t)(end - at)};

    switch (*text) {
    case '0':
        CHECK(json_text_valid(json.at, json.len, 4));
        hear_connected(&c->seats[ride], json);
        break;
    case '1':
        c->seats[ride].in = false;
        break;
    case '2':
        hear_sio_event(c, ride, json);
        break;
    case '3':
        CHECK(json_text_next(json, &cursor, &answer));
        if (!c->sloppy && number == ACK_USERS)
            hear_answer(&c->seats[ride], answer);
        else if (!c->sloppy)
            CHECK(number > c->seats[ride].answered); /* else the answer has not waited for it */
        if (number == ACK_USERS)
            hear_users(&c->seats[ride], ride, answer);
        else
            hear_ack(ride, number, answer);
        break;
    case '4':
        c->seats[ride].asked = false;
        break;
    default:
        abort();
    }
}

static void hear_plain(struct client *c, const char *text, size_t len)
{
    struct json_slice json = {text, len}, name, data;

    CHECK(json_text_valid(text, len, 16));
    name = json_text_member(json, "event");
    data = json_text_member(json, "data");
    if (json_text_equals(name, "activeUsers"))
        hear_users(&c->seats[c->ride], c->ride, data);
    else if (!json_text_equals(name, "exception") && !json_text_equals(name, "ack"))
        hear_event(&c->seats[c->ride], c->ride, name, data, json_text_member(json, "offset"));
}

/* An Engine.IO packet. */
static void hear_packet(struct client *c, const char *text, size_t len)
{
    CHECK(len > 0);
    switch (*text) {
    case '0':
        copy_string(json_text_member((struct json_slice){text + 1, len - 1}, "sid"), c->sid, sizeof c->sid);
        break;
    case '2':
        if (!c->silent)
            client_say(c, "3", 1);
        break;
    case '1':
        end_session(c);
        break;
    case '4':
        hear_sio(c, text + 1, len - 1);
        break;
    default:
        break;
    }
}

/* --- what carries it --- */

int take_response(struct conn *conn, char **body, size_t *len)
{
    static const char length[] = "Content-Length: ";
    char *end = conn->heard.len ? memmem(conn->heard.data, conn->heard.len, "\r\n\r\n", 4) : NULL;
    size_t n = 0;

    if (!end)
        return 0;
    size_t head = (size_t)(end - conn->heard.data) + 4;
    const char *line = memmem(conn->heard.data, head, length, sizeof length - 1);

    if (line)
        n = strtoul(line + sizeof length - 1, NULL, 10);
    CHECK(conn->heard.len >= head + n);
    int status = (int)strtol(conn->heard.data + sizeof "HTTP/1.1", NULL, 10);

    CHECK(status >= 100 && status < 600);
    *body = fuzz_copy(conn->heard.data + head, n);
    *len = n;
    buf_consume(&conn->heard, head + n);
    return status;
}

static void hear_payload(struct client *c, char *body, size_t len)
{
    struct eio_packet packet;
    size_t at = 0;
    int more;

    while ((more = eio_payload_next(body, len, &at, &packet)) == 1)
        if (!packet.binary)
            hear_packet(c, packet.data - 1, packet.len + 1);
    CHECK(more == 0);
}

/* An answer to a poll or a post. Whether there was one. */
static bool hear_http(struct client *c, struct conn **conn, bool *awaited)
{
    char *body;
    size_t len;
    int status = *conn && !(*conn)->stalled ? take_response(*conn, &body, &len) : 0;

    if (status) {
        bool poll = awaited == &c->getting && *awaited;
        *awaited = false;
        if (poll && status == 200)
            hear_payload(c, body, len);
        else if (poll)
            end_session(c); /* it is gone */
        free(body);
    }
    if (*conn && !(*conn)->data && !(*conn)->heard.len) {
        client_hang_up(conn);
        *awaited = false;
    }
    return status != 0;
}

/* The WebSocket is over, and the session with it unless it was only probing. */
static void hear_close(struct client *c)
{
    if (!c->silent)
        client_send_frame(c, WS_CLOSE, "", 0);
    if (!c->probing)
        end_session(c);
    client_hang_up(&c->ws);
    c->ws_open = c->probing = false;
}

static void hear_frames(struct client *c)
{
    struct buf frames = c->ws->heard;
    enum ws_opcode opcode;
    const char *payload;
    size_t len;

    buf_init(&c->ws->heard, frames.max);
    for (size_t at = 0; c->ws && ws_frames_next(frames.data, frames.len, &at, &opcode, &payload, &len);)
        if (opcode == WS_TEXT && c->plain)
            hear_plain(c, payload, len);
        else if (opcode == WS_TEXT)
            hear_packet(c, payload, len);
        else if (opcode == WS_PING && !c->silent)
            client_send_frame(c, WS_PONG, payload, len);
        else if (opcode == WS_CLOSE)
            hear_close(c);
    buf_deinit(&frames);
}

static bool hear_ws(struct client *c)
{
    char *body = NULL;
    size_t len;

    if (!c->ws || c->ws->stalled)
        return false;
    bool something = c->ws->heard.len > 0;

    if (something && !c->ws_open) {
        int status = take_response(c->ws, &body, &len);
        free(body);
        c->ws_open = status == 101;
        if (c->plain && c->ws_open)
            c->seats[c->ride] = (struct seat){.in = true};
        if (!c->ws_open)
            buf_clear(&c->ws->heard);
    }
    if (c->ws_open && c->ws->heard.len)
        hear_frames(c);
    if (c->ws && !c->ws->data && !c->ws->heard.len) {
        if (!c->probing)
            end_session(c);
        client_hang_up(&c->ws);
        c->ws_open = c->probing = false;
    }
    return something;
}

void clients_listen(struct client *clients, size_t count)
{
    bool more;

    do {
        more = false;
        for (struct client *c = clients; c < clients + count; c++)
            more = hear_http(c, &c->get, &c->getting) || hear_http(c, &c->post, &c->posting) || hear_ws(c) ||
                   more;
    } while (more);
}

/* --- what is said --- */

bool client_send_frame(struct client *c, enum ws_opcode opcode, const char *data, size_t len)
{
    uint8_t head[WS_HEADER_MAX + 4];
    struct buf frame;

    if (!c->ws || !c->ws_open)
        return false;
    size_t head_len = ws_frame_header(opcode, len, head);

    head[1] |= 0x80;
    memset(head + head_len, 0, 4); /* a mask of zeros leaves the payload as it is */
    buf_init(&frame, SIZE_MAX / 2);
    CHECK(!buf_append(&frame, head, head_len + 4) && !buf_append(&frame, data, len));
    bool taken = world_send(c->ws, frame.data, frame.len);

    buf_deinit(&frame);
    return taken;
}

const char *client_address(const struct client *c)
{
    return (uintptr_t)c / sizeof *c % 2 ? "192.0.2.1" : "2001:db8::1";
}

bool client_request(struct client *c, struct conn **conn, const char *format, ...)
{
    char head[512];
    va_list args;

    if (!*conn)
        *conn = world_connect(client_address(c));
    va_start(args, format);
    int len = vsnprintf(head, sizeof head, format, args);
    va_end(args);
    return *conn && world_send(*conn, head, (size_t)len < sizeof head ? (size_t)len : sizeof head - 1);
}

void client_poll(struct client *c)
{
    if (!c->getting && c->sid[0] && (!c->ws_open || c->probing))
        c->getting = client_request(
            c, &c->get, "GET /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n", c->sid);
}

static bool poll_post(struct client *c, const char *body, size_t len)
{
    if (c->posting || !c->sid[0] ||
        !client_request(
            c, &c->post,
            "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\nContent-Length: "
            "%zu\r\n\r\n",
            c->sid, len))
        return false;
    c->posting = true;
    return !len || world_send(c->post, body, len);
}

bool client_say(struct client *c, const char *text, size_t len)
{
    return c->ws_open && !c->probing ? client_send_frame(c, WS_TEXT, text, len) : poll_post(c, text, len);
}

bool client_open_ws(struct client *c, const char *path)
{
    client_hang_up(&c->ws);
    c->ws_open = false;
    return client_request(c, &c->ws,
                          "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: "
                          "websocket\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                          path);
}
