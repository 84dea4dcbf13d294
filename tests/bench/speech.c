/*
 * The client's side of the wire. Its inner loop is one frame: a look at the event's name, one comparison
 * where the mark was in the frame before, fourteen digits, and the sequence.
 */
#include "bench/speech.h"

#include "bench/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_DIGITS = 10,
    RUN_AT = 9, /* within the mark; the others follow, separated by dots */
    PUBLISHER_AT = RUN_AT + 5,
    NUMBER_AT = PUBLISHER_AT + 5,
    TIME_AT = NUMBER_AT + NUMBER_DIGITS + 1,
    TIME_DIGITS = 20,
    MARK_LEN = TIME_AT + TIME_DIGITS + 1,
    RECORD_MAX = 256,
    GUEST_ID_MAX = 40,
    PLACE_LEN = 1 + 8 + 1 + 8, /* behind an offset's number: a dot, the fingerprint, a dash, the epoch */
    SAMPLED = 17,              /* one delivery in so many is timed; a prime, so that no client is left out */
};

static const char MARK[] = "\"bench\":\"";

static void ride_name(const struct swarm *swarm, const struct client *client, char name[16])
{
    if (swarm->plan.rides == 1)
        snprintf(name, 16, "/");
    else
        snprintf(name, 16, "/r%u", client->ride);
}

/* "/r17," before a packet of a ride other than the first namespace. */
static void packet_ride(const struct swarm *swarm, const struct client *client, char prefix[20])
{
    char name[16];

    ride_name(swarm, client, name);
    if (strcmp(name, "/") == 0)
        *prefix = '\0';
    else
        snprintf(prefix, 20, "%s,", name);
}

static int say(struct client *client, const char *text, size_t len)
{
    return frame_append(&client->out, FRAME_TEXT, text, len, true);
}

void speech_greet(struct swarm *swarm, struct client *client)
{
    static const char rest[] =
        " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YmVuY2htYXJrIGNsaWVudA==\r\n\r\n";
    char ride[16];

    ride_name(swarm, client, ride);
    if (client->dialect == DIALECT_SOCKETIO)
        buf_appendf(&client->out, "GET /socket.io/?EIO=4&transport=websocket%s", rest);
    else
        buf_appendf(&client->out, "GET /ws%s%s", strcmp(ride, "/") == 0 ? "" : ride, rest);
}

int speech_board(struct swarm *swarm, struct client *client, size_t publisher, uint32_t number, uint64_t now)
{
    bool socketio = client->dialect == DIALECT_SOCKETIO;
    const char *quote = socketio ? "\\\"" : "\""; /* over Socket.IO the record is a string */
    char text[2 * RECORD_MAX], ride[20];
    int len = 0;

    packet_ride(swarm, client, ride);
    if (socketio)
        len = snprintf(text, sizeof text, "42%s%s[\"message\",\"", ride, swarm->plan.acks ? "1" : "");
    else
        len = snprintf(text, sizeof text,
                       "{\"event\":\"message\",%s\"data\":", swarm->plan.acks ? "\"id\":1," : "");
    /* clang-format off */
    len += snprintf(text + len, sizeof text - (size_t)len,
                    "{%1$sid%1$s:%1$srider-%2$04zu%1$s,%1$sname%1$s:%1$sRider %2$04zu%1$s,"
                    "%1$sstatus%1$s:%1$sboarding%1$s,%1$sbench%1$s:%1$s%3$04u.%2$04zu.%4$010u.%5$020llu%1$s}%6$s",
                    quote, publisher, swarm->run, number, (unsigned long long)now, socketio ? "\"]" : "}");
    /* clang-format on */
    return say(client, text, (size_t)len);
}

static int guest_id(const struct client *client, char id[GUEST_ID_MAX])
{
    return snprintf(id, GUEST_ID_MAX, "guest-%u-%u", client->index, client->visit);
}

int speech_guest(struct swarm *swarm, struct client *client, const char *status)
{
    bool socketio = client->dialect == DIALECT_SOCKETIO;
    char id[GUEST_ID_MAX], ride[20], text[2 * RECORD_MAX];
    int len;

    guest_id(client, id);
    packet_ride(swarm, client, ride);
    len = snprintf(text, sizeof text,
                   "%s%s%s\"{\\\"id\\\":\\\"%s\\\",\\\"name\\\":\\\"Guest\\\",\\\"status\\\":\\\"%s\\\"}\"%s",
                   socketio ? "42" : "", socketio ? ride : "",
                   socketio ? "[\"message\"," : "{\"event\":\"message\",\"data\":", id, status,
                   socketio ? "]" : "}");
    return say(client, text, (size_t)len);
}

int speech_close(struct client *client)
{
    static const char normal[] = {0x03, (char)0xe8}; /* 1000 */

    return frame_append(&client->out, FRAME_CLOSE, normal, sizeof normal, true);
}

static uint64_t digits(const char *text, unsigned count)
{
    uint64_t number = 0;

    while (count--)
        number = number * 10 + (uint64_t)(*text++ - '0');
    return number;
}

/* The mark in the frame: where it was in the one before, else wherever it is. NULL: there is none. */
static const char *find_mark(struct client *client, const char *data, size_t len)
{
    if ((size_t)client->mark + MARK_LEN <= len && memcmp(data + client->mark, MARK, RUN_AT) == 0)
        return data + client->mark;
    const char *mark = memmem(data, len, MARK, RUN_AT);

    if (!mark || mark + MARK_LEN > data + len)
        return NULL;
    client->mark = (uint16_t)(mark - data);
    return mark;
}

/* Where there are guests: the offset, `"17.9f3a01bc-k3J_x0aP"` before the frame's last byte, is the next one.
 */
static void placed(struct swarm *swarm, struct client *client, const char *data, size_t len)
{
    size_t end = len - 2 - PLACE_LEN, begin = end; /* of the number; at its end the dot */

    if (len < 2 + PLACE_LEN + 2 || data[len - 2] != '"' || data[end] != '.') {
        swarm->malformed++;
        return;
    }
    while (begin > 0 && data[begin - 1] >= '0' && data[begin - 1] <= '9')
        begin--;
    uint64_t offset = digits(data + begin, (unsigned)(end - begin)), before = client->offset;

    client->offset = offset;
    if (before == 0 || offset == before + 1)
        return;
    if (offset > before)
        swarm->gaps += offset - before - 1;
    else
        swarm->back++;
}

/* Of a guest: it boarded, exited or is gone. */
static void guest_moved(struct swarm *swarm, struct client *client, const char *data, size_t len)
{
    char id[GUEST_ID_MAX];

    swarm->unmarked++;
    if (client->parting == PARTING_SAID && memmem(data, len, "userExited", 10) &&
        memmem(data, len, id, (size_t)guest_id(client, id)))
        client->heard_exit = true;
}

static void boarded(struct swarm *swarm, struct client *client, const char *data, size_t len, uint64_t now)
{
    const char *mark = find_mark(client, data, len);

    if (!mark && swarm->plan.guests > 0) {
        guest_moved(swarm, client, data, len);
        return;
    }
    if (!mark) {
        swarm->malformed++;
        return;
    }
    if (digits(mark + RUN_AT, 4) != swarm->run)
        return; /* of a swarm before this one, late */
    uint64_t publisher = digits(mark + PUBLISHER_AT, 4);

    if (publisher >= swarm->plan.publishers) {
        swarm->malformed++;
        return;
    }
    uint32_t number = (uint32_t)digits(mark + NUMBER_AT, NUMBER_DIGITS);

    if (client->stays && (number < client->stays[publisher].from || number >= client->stays[publisher].until))
        return; /* on its way while the guest came, or went */
    switch (sequence_take(&client->sequences[publisher], number)) {
    case SEQUENCE_REPEATED:
        swarm->repeated++;
        return;
    case SEQUENCE_DISORDERED:
        swarm->disordered++;
        break;
    case SEQUENCE_NEW:
        break;
    }
    swarm->delivered++;
    client->had++;
    if (++swarm->sampling < SAMPLED)
        return;
    swarm->sampling = 0;
    uint64_t sent = digits(mark + TIME_AT, TIME_DIGITS);

    if (sent >= swarm->latency_from && now >= sent)
        histogram_add(&swarm->latency, now - sent);
}

static bool begins(const char *data, size_t len, const char *with)
{
    size_t size = strlen(with);

    return len >= size && memcmp(data, with, size) == 0;
}

/* A frame in which the text at `name` is an event's name and its closing quote, perhaps. */
static void told(struct swarm *swarm, struct client *client, const char *name, const char *data, size_t len,
                 uint64_t now)
{
    size_t left = (size_t)(data + len - name);
    bool boarding = begins(name, left, "userBoarded\"");

    if (begins(name, left, "exception\"")) {
        swarm->refused++;
        return;
    }
    if (swarm->plan.guests == 0) {
        if (boarding)
            boarded(swarm, client, data, len, now);
        return;
    }
    if (!boarding && !begins(name, left, "userExited\"") && !begins(name, left, "userDisconnected\""))
        return;
    placed(swarm, client, data, len);
    if (boarding)
        boarded(swarm, client, data, len, now);
    else
        guest_moved(swarm, client, data, len);
}

static void acknowledged(struct swarm *swarm, struct client *client, const char *data, size_t len)
{
    static const char good[] = "\"ok\":true";
    bool ok = memmem(data, len, good, sizeof good - 1) != NULL;

    if (ok)
        swarm->acked++;
    else
        swarm->refused++;
    if (swarm->acknowledged)
        swarm->acknowledged(swarm->context, client, ok);
}

static int joined(struct swarm *swarm, struct client *client)
{
    client->state = CLIENT_READY;
    swarm->ready++;
    if (!client->stalled)
        swarm->members[client->ride]++;
    if (!client->stays)
        return 0;
    for (size_t i = 0; i < swarm->plan.publishers; i++) {
        uint32_t next = swarm->published[client->ride * swarm->plan.publishers + i];

        client->stays[i] = (struct stay){.from = next, .until = UINT32_MAX};
        client->sequences[i] = (struct sequence){.next = next};
    }
    return speech_guest(swarm, client, "boarding");
}

/* Engine.IO's open and ping, Socket.IO's CONNECT, EVENT and ACK. */
static int hear_socketio(struct swarm *swarm, struct client *client, const char *data, size_t len,
                         uint64_t now)
{
    char ride[20], text[32];

    if (len >= 2 && data[0] == '4' && data[1] == '2') {
        const char *args = data[2] == '/' ? memchr(data, ',', len) : data + 1;

        if (args && begins(args + 1, len - (size_t)(args + 1 - data), "[\""))
            told(swarm, client, args + 3, data, len, now);
        return 0;
    }
    if (begins(data, len, "43")) {
        acknowledged(swarm, client, data, len);
        return 0;
    }
    if (len == 1 && *data == '2') {
        swarm->pongs++;
        return say(client, "3", 1);
    }
    if (client->state == CLIENT_OPENING && begins(data, len, "0{")) {
        packet_ride(swarm, client, ride);
        client->state = CLIENT_JOINING;
        int n = snprintf(text, sizeof text, "40%s", ride);
        return say(client, text, (size_t)n);
    }
    if (client->state == CLIENT_JOINING && begins(data, len, "40"))
        return joined(swarm, client);
    if (client->parting == PARTING_SAID && begins(data, len, "41"))
        return 0; /* after its exit; a close frame follows */
    swarm->malformed++;
    return -1;
}

static int hear_plain(struct swarm *swarm, struct client *client, const char *data, size_t len, uint64_t now)
{
    static const char head[] = "{\"event\":\"";

    if (begins(data, len, "{\"event\":\"ack\","))
        acknowledged(swarm, client, data, len);
    else if (begins(data, len, head))
        told(swarm, client, data + sizeof head - 1, data, len, now);
    return 0;
}

static int hear_frame(struct swarm *swarm, struct client *client, const struct frame *frame, uint64_t now)
{
    switch (frame->opcode) {
    case FRAME_TEXT:
        return client->dialect == DIALECT_SOCKETIO
                   ? hear_socketio(swarm, client, frame->data, frame->len, now)
                   : hear_plain(swarm, client, frame->data, frame->len, now);
    case FRAME_PING:
        swarm->pongs++;
        return frame_append(&client->out, FRAME_PONG, frame->data, frame->len, true);
    default:
        return -1;
    }
}

/* The answer to the upgrade request: its length, 0 while it is not complete, or -1. */
static ssize_t hear_upgrade(struct swarm *swarm, struct client *client, const char *data, size_t len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);

    if (!end)
        return 0;
    if (!begins(data, len, "HTTP/1.1 101"))
        return -1;
    if (client->dialect == DIALECT_SOCKETIO)
        client->state = CLIENT_OPENING;
    else if (joined(swarm, client) != 0)
        return -1;
    return end + 4 - data;
}

ssize_t speech_hear(struct swarm *swarm, struct client *client, char *data, size_t len, uint64_t now)
{
    size_t used = 0;
    struct frame frame;

    if (client->state == CLIENT_UPGRADING) {
        ssize_t head = hear_upgrade(swarm, client, data, len);

        if (head <= 0)
            return head;
        used = (size_t)head;
    }
    while (frame_read(data + used, len - used, &frame)) {
        if (hear_frame(swarm, client, &frame, now) != 0)
            return -1;
        used += frame.whole;
    }
    return (ssize_t)used;
}
