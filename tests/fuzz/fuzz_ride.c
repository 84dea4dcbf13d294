/*
 * A ride's fan-out, in slices of a few members: each byte of the input has one of its clients join, leave,
 * block or take more, or is an event, or a turn. Whoever has not been given up for being too far behind hears
 * every event from its joining on, in order and once; nothing is kept when all have had everything.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/rides/ride.h"

enum { CLIENTS = 16, BACKLOG = 600, SLICE = 3, ROOM = 100 };

enum op { OP_EVENT, OP_TURN, OP_JOIN, OP_LEAVE, OP_BLOCK, OP_UNBLOCK, OP_PACKET, OPS };

struct client {
    struct outlet outlet; /* first: the carrier finds its client by it */
    struct member member;
    bool lost;
    size_t room;    /* bytes it takes until it is unblocked */
    uint64_t heard; /* the offset of the last event */
};

static struct outlets outlets = {.backlog_bytes = BACKLOG};

static struct client *client_of(struct outlet *outlet)
{
    return (struct client *)outlet;
}

static size_t carrier_room(struct outlet *outlet)
{
    return client_of(outlet)->room;
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct client *client = client_of(outlet);
    enum ws_opcode opcode;
    const char *payload;
    size_t len, at = 0;

    CHECK(n && client->room && !client->lost);
    client->room -= n < client->room ? n : client->room;
    while (ws_frames_next(frames, n, &at, &opcode, &payload, &len)) {
        char text[80];

        CHECK(opcode == WS_TEXT && len < sizeof text);
        memcpy(text, payload, len);
        text[len] = '\0';
        if (!strcmp(text, "packet"))
            continue;
        const char *offset = strrchr(text, '-'); /* the number stands before it */
        CHECK(offset);
        while (offset[-1] != '"')
            offset--;
        CHECK(strtoull(offset, NULL, 10) == ++client->heard);
    }
    CHECK(at == n);
}

static void carrier_overflow(struct outlet *outlet)
{
    client_of(outlet)->lost = true;
}

static void join(struct ride *ride, struct client *client, int i)
{
    static const struct outlet_carrier carrier = {
        .room = carrier_room, .write = carrier_write, .overflow = carrier_overflow};

    if (client->member.ride)
        return;
    *client = (struct client){.room = ROOM, .heard = ride->position.offset};
    outlet_init(&client->outlet, &outlets, &carrier);
    member_join(&client->member, ride, &client->outlet, i % 4 ? WIRE_SOCKETIO : WIRE_PLAIN);
}

static void leave(struct client *client)
{
    if (!client->member.ride)
        return;
    member_leave(&client->member);
    outlet_deinit(&client->outlet);
}

static void take_more(struct client *client, size_t room)
{
    client->room = room;
    if (client->member.ride && room)
        outlet_flush(&client->outlet);
}

static void tell(struct ride *ride, struct blob *user)
{
    ride->position.offset++;
    ride_event(ride, BROKER_BOARDED, user, &ride->position);
}

static bool turn(struct rides *rides)
{
    bool more = rides_flush(rides);

    outlets_flush(&outlets);
    return more;
}

static void flush_all(struct rides *rides)
{
    while (turn(rides))
        ;
}

static void check_all_have_heard(struct rides *rides, struct ride *ride, struct client *clients,
                                 struct blob *user)
{
    for (int i = 0; i < CLIENTS; i++)
        take_more(&clients[i], SIZE_MAX);
    flush_all(rides);
    tell(ride, user);
    flush_all(rides);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(!clients[i].member.ride || clients[i].lost || clients[i].heard == ride->position.offset);
    CHECK(!ride->member_count || rides_backlog(rides) == 0); /* else it waits for the ride's end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client clients[CLIENTS];
    struct rides rides;
    struct blob *user = blob_new("1", 1);

    CHECK(user);
    rides_init(&rides, BACKLOG, NULL);
    rides.slice = SLICE;
    struct ride *ride = ride_new(&rides, "/");

    for (size_t at = 0; at < size; at++) {
        int i = data[at] % CLIENTS;

        switch ((enum op)(data[at] / CLIENTS % OPS)) {
        case OP_EVENT:
            tell(ride, user);
            break;
        case OP_TURN:
            turn(&rides);
            break;
        case OP_JOIN:
            join(ride, &clients[i], i);
            break;
        case OP_LEAVE:
            leave(&clients[i]);
            break;
        case OP_BLOCK:
            take_more(&clients[i], 0);
            break;
        case OP_UNBLOCK:
            take_more(&clients[i], ROOM);
            break;
        case OP_PACKET:
            if (clients[i].member.ride)
                outlet_packet(&clients[i].outlet, WS_TEXT, "packet", NULL, 0);
            break;
        case OPS:
            break;
        }
    }
    check_all_have_heard(&rides, ride, clients, user);
    for (int i = 0; i < CLIENTS; i++)
        leave(&clients[i]);
    rides_deinit(&rides);
    blob_unref(user);
    return 0;
}
