/*
 * Whole sessions: four clients, hostile or just unlucky, on one gateway (gateway_world.h), with time in the
 * input's hands. The input is lines: a digit (which client), a letter, and what it needs, mostly a digit
 * (which ride):
 *
 *   o w p   opens a polling session, one on WebSocket, a plain WebSocket
 *   g       polls
 *   u U     a WebSocket for the polling session, which takes over
 *   c C d   joins a ride, joins it again, joins it and declines to come back
 *   b e     boards, exits
 *   l       leaves a ride
 *   a       asks who is aboard
 *   m f     says anything: a text, a frame
 *   x z     hangs up, falls silent without hanging up
 *   s S     stops reading, goes on
 *   q       pings are not answered
 *   h       a connection of its own sends anything (~ is CR LF)
 *   t       time passes
 *   k       the broker is away, is back
 *   i       the gateway is told to stop
 *
 * What an accepted boarding is, every member hears once and in order, and nobody who has left
 * (session_client.h). When all have gone and time has passed, nobody is aboard and nothing is kept.
 */
#include "common/alloc.h"
#include "gateway/net/ws.h"
#include "gateway/rides/wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/gateway_world.h"
#include "tests/fuzz/ledger.h"
#include "tests/fuzz/session_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 4, LOOSE_MAX = 8, POLLS_MAX = 20, REST_S = 45, FIRST_NAME = 10 };

static struct client clients[CLIENTS];
static struct conn *loose[LOOSE_MAX]; /* that nobody listens to */
static unsigned names;                /* each boarding has its own: the number of its ack */
static bool away;
static struct fuzz_input input;

static void keep_loose(struct conn **conn)
{
    static unsigned next;

    if (!*conn)
        return;
    client_hang_up(&loose[next % LOOSE_MAX]);
    loose[next++ % LOOSE_MAX] = *conn;
    *conn = NULL;
}

/* --- what clients do --- */

static void open_session(struct client *c, char how, unsigned ride)
{
    char path[32];

    client_forget(c);
    c->plain = how == 'p';
    c->ride = ride;
    snprintf(path, sizeof path, "/ws%s", ride ? RIDE_NAMES[ride] : "");
    if (how == 'o')
        c->getting =
            client_request(c, &c->get, "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n");
    else
        client_open_ws(c, c->plain ? path : "/socket.io/?EIO=4&transport=websocket");
}

static void begin_upgrade(struct client *c)
{
    char path[128];

    if (!c->sid[0] || c->ws)
        return;
    c->probing = true;
    snprintf(path, sizeof path, "/socket.io/?EIO=4&transport=websocket&sid=%s", c->sid);
    client_open_ws(c, path);
    clients_listen(clients, CLIENTS);
    client_send_frame(c, WS_TEXT, "2probe", 6);
}

/* Not before its poll has been answered, or it may hear things in another order. */
static void end_upgrade(struct client *c)
{
    if (c->probing && !c->getting && client_send_frame(c, WS_TEXT, "5", 1))
        c->probing = false;
}

static bool sayf(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool sayf(struct client *c, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(len > 0 && (size_t)len < sizeof text);
    return client_say(c, text, (size_t)len);
}

/* What stands before a packet's JSON on that ride. */
static const char *prefix(unsigned ride)
{
    static const char *const prefixes[RIDES] = {"", "/a,", "/b-1,"};

    return prefixes[ride];
}

static void join(struct client *c, unsigned ride, bool again)
{
    struct seat *seat = &c->seats[ride];
    char offset[WIRE_OFFSET_SIZE];

    if (c->plain || seat->in || seat->asked)
        return;
    seat->offered[0] = '\0';
    seat->declines = false;
    if (!again || !seat->pid[0]) {
        seat->asked = sayf(c, "40%s", prefix(ride));
        return;
    }
    strcpy(seat->offered, seat->pid);
    wire_offset(&seat->at, offset);
    seat->asked =
        sayf(c, "40%s{\"pid\":\"%s\"%s%s%s}", prefix(ride), seat->pid, seat->known ? ",\"offset\":\"" : "",
             seat->known ? offset : "", seat->known ? "\"" : "");
}

static void join_declining(struct client *c, unsigned ride)
{
    struct seat *seat = &c->seats[ride];

    if (c->plain || seat->in || seat->asked)
        return;
    seat->declines = true;
    seat->asked = sayf(c, "40%s{\"recover\":false}", prefix(ride));
}

static void send_record(struct client *c, unsigned ride, const char *status)
{
    unsigned name = ++names;
    char id = "uvw"[((unsigned)(c - clients) + (name % 4 == 0)) % 3]; /* now and then its neighbour's */

    if (c->plain)
        sayf(c, "{\"id\":\"%c\",\"name\":\"%u\",\"status\":\"%s\"}", id, name, status);
    else if (c->seats[ride].in)
        sayf(c,
             "42%s%u[\"message\",\"{\\\"id\\\":\\\"%c\\\",\\\"name\\\":\\\"%u\\\",\\\"status\\\":\\\"%s\\\"}"
             "\"]",
             prefix(ride), name, id, name, status);
}

static void ask_users(struct client *c, unsigned ride)
{
    struct seat *seat = &c->seats[ride];

    if (c->plain)
        sayf(c, "{\"event\":\"activeUsers\",\"id\":%d}", ACK_USERS);
    else if (seat->in && seat->questions < QUESTIONS_MAX &&
             sayf(c, "42%s%d[\"activeUsers\"]", prefix(ride), ACK_USERS))
        seat->behind[seat->questions++] = names;
}

static void leave_ride(struct client *c, unsigned ride)
{
    struct seat *seat = &c->seats[ride];

    if (c->plain || !seat->in || seat->left || !sayf(c, "41%s", prefix(ride)))
        return;
    seat->left = true;
    seat->left_at = ledger_last(ride)->offset;
}

static void stall(struct client *c, bool stalled)
{
    if (c->ws)
        world_stall(c->ws, stalled);
    if (c->get)
        world_stall(c->get, stalled);
}

static void fall_silent(struct client *c)
{
    keep_loose(&c->ws);
    keep_loose(&c->get);
    keep_loose(&c->post);
    client_forget(c);
}

static void send_anything(struct client *c, const char *text)
{
    struct conn *conn = world_connect(client_address(c));

    for (size_t n; conn && *text; text += n) {
        n = strcspn(text, "~");
        world_send(conn, text, n);
        if (text[n])
            world_send(conn, "\r\n", 2);
        n += text[n] != '\0';
    }
    keep_loose(&conn);
}

/* --- what happens besides --- */

static void toggle_broker(void)
{
    away = !away;
    world_broker_away(away);
}

static void signal_gateway(void)
{
    struct broker_message *message = alloc_zeroed(sizeof *message);

    message->kind = BROKER_SIGNAL;
    world_broker_says(message);
}

static void step(struct client *c, char letter, const char *text, size_t len)
{
    static const unsigned steps_ms[] = {1, 10, 100, 250, 500, 1000, 1500, 3000, 5000, 12000};
    unsigned digit = len && *text >= '0' && *text <= '9' ? (unsigned)(*text - '0') : 0;
    unsigned ride = digit % RIDES;

    switch (letter) {
    case 'o':
    case 'w':
    case 'p':
        open_session(c, letter, ride);
        break;
    case 'g':
        client_poll(c);
        break;
    case 'u':
        begin_upgrade(c);
        break;
    case 'U':
        end_upgrade(c);
        break;
    case 'c':
    case 'C':
        join(c, ride, letter == 'C');
        break;
    case 'd':
        join_declining(c, ride);
        break;
    case 'b':
    case 'e':
        send_record(c, ride, letter == 'b' ? "boarding" : "exiting");
        break;
    case 'l':
        leave_ride(c, ride);
        break;
    case 'a':
        ask_users(c, ride);
        break;
    case 'm':
        c->sloppy = true;
        client_say(c, text, len);
        break;
    case 'f':
        c->sloppy = true;
        if (c->ws)
            world_send(c->ws, text, len);
        break;
    case 'x':
        client_forget(c);
        break;
    case 'z':
        fall_silent(c);
        break;
    case 's':
    case 'S':
        stall(c, letter == 's');
        break;
    case 'q':
        c->silent = !c->silent;
        break;
    case 'h':
        send_anything(c, text);
        break;
    case 't':
        world_pass(steps_ms[digit]);
        break;
    case 'k':
        toggle_broker();
        break;
    case 'i':
        signal_gateway();
        break;
    default:
        break;
    }
}

/* --- the end --- */

/* Whoever is connected, and reads, has heard everything. (A ride that nobody watched for a moment begins
 * anew; who comes at that moment is told what differs, and nothing where nobody is aboard.) */
static void check_all_heard(struct client *c)
{
    bool polling = c->sid[0] && !c->ws, websocket = c->ws && c->ws->data && c->ws_open && !c->probing;

    for (unsigned ride = 0; ride < RIDES && (polling || websocket) && !c->sloppy; ride++) {
        const struct seat *seat = &c->seats[ride];
        if (seat->in && seat->known && !seat->left && !strcmp(seat->at.epoch, ledger_last(ride)->epoch))
            CHECK(ledger_leads(ride, &seat->at, ledger_last(ride)->offset));
    }
}

static void hear_all(void)
{
    if (away)
        toggle_broker();
    for (struct client *c = clients; c < clients + CLIENTS; c++)
        stall(c, false);
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        world_pass(1); /* who was to be closed when it reads again is */
        clients_listen(clients, CLIENTS);
        for (struct client *c = clients; c < clients + CLIENTS; c++)
            if (!c->ws)
                client_poll(c);
    }
    clients_listen(clients, CLIENTS);
    for (struct client *c = clients; c < clients + CLIENTS; c++)
        check_all_heard(c);
}

static void check_page(const char *path, const char *const *lines)
{
    struct client *c = &clients[0];
    char *body = NULL;
    size_t len;

    CHECK(client_request(c, &c->get, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path));
    CHECK(take_response(c->get, &body, &len) == 200);
    for (; *lines; lines++)
        CHECK(memmem(body, len, *lines, strlen(*lines)));
    free(body);
}

/* All have gone. */
static void check_nothing_left(void)
{
    static const char *const figures[] = {
        "\nridecast_sessions{protocol=\"socket.io\",transport=\"polling\"} 0\n",
        "\nridecast_sessions{protocol=\"socket.io\",transport=\"websocket\"} 0\n",
        "\nridecast_sessions{protocol=\"plain\",transport=\"websocket\"} 0\n",
        "\nridecast_ride_members 0\n",
        "\nridecast_transitions_pending 0\n",
        "\nridecast_backlog_bytes 0\n",
        NULL,
    };
    static const char *const nobody[] = {"\"users\":[]", NULL};

    for (unsigned i = 0; i < REST_S; i++)
        world_jump(1000);
    if (world_stopped())
        return;
    check_page("/metrics", figures);
    check_page("/api/users", nobody);
    check_page("/api/users?ride=/a", nobody);
    check_page("/api/users?ride=%2Fb-1", nobody);
}

static void drive(void)
{
    size_t len;

    memset(clients, 0, sizeof clients);
    world_turn();
    for (char *line; !world_stopped() && (line = fuzz_line(&input, &len)); free(line)) {
        if (len < 2)
            continue;
        step(&clients[(unsigned char)line[0] % CLIENTS], line[1], line + 2, len - 2);
        clients_listen(clients, CLIENTS);
    }
    if (!world_stopped())
        hear_all();
    for (size_t i = 0; i < LOOSE_MAX; i++)
        client_hang_up(&loose[i]);
    for (struct client *c = clients; c < clients + CLIENTS; c++)
        client_forget(c);
    if (!world_stopped())
        check_nothing_left();
    client_forget(&clients[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const options[] = {
        "--ping-interval=1000",
        "--ping-timeout=1000",
        "--connect-timeout=2000",
        "--upgrade-timeout=1000",
        "--recovery-window=3000",
        "--header-timeout=1000",
        "--body-timeout=1500",
        "--max-payload=1024",
        "--max-header-bytes=1024",
        "--max-user-bytes=256",
        "--backlog-bytes=65536",
        "--max-connections=24",
        "--messages-per-second=9",
        "--rides-per-connection=2",
        "--handshakes-per-address=9",
        "--riders-per-ride=2",
        "--connections-per-user=2",
        "--rides=/ /a /b*",
        "--max-connections-per-address=12",
        NULL,
    };

    input = fuzz_input(data, size);
    names = FIRST_NAME;
    away = false;
    world_run(options, drive, ledger_note);
    ledger_clear();
    return 0;
}
