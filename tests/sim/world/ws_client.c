#include "tests/sim/world/ws_client.h"

#include "common/alloc.h"
#include "gateway/net/ws.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/trace.h"
#include "tests/sim/world/wire.h"

#include <stdint.h>
#include <string.h>

enum { BYTES_MAX = 1 << 24, FIN = 0x80, OPCODE = 0x0f };

static void append(struct buf *buf, const void *bytes, size_t n)
{
    if (buf_append(buf, bytes, n) != 0)
        alloc_failed();
}

static void send_frame(struct ws_client *client, enum ws_opcode opcode, const char *payload, size_t len)
{
    uint8_t head[8] = {(uint8_t)(FIN | opcode)};
    size_t head_len = 2;
    struct buf frame;

    if (len > UINT16_MAX)
        trace_fail(client->name, "says more than it should");
    head[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        head_len = 4;
    }
    uint8_t *mask = head + head_len;

    for (int i = 0; i < 4; i++)
        mask[i] = (uint8_t)chance_below(256);
    buf_init(&frame, BYTES_MAX);
    append(&frame, head, head_len + 4);
    append(&frame, payload, len);
    for (size_t i = 0; i < len; i++)
        frame.data[head_len + 4 + i] ^= (char)mask[i % 4];
    wire_send(client->conn, frame.data, frame.len);
    buf_deinit(&frame);
}

static void over(struct ws_client *client, void (*end)(struct conn *conn))
{
    struct conn *conn = client->conn;

    client->conn = NULL;
    client->open = false;
    buf_clear(&client->in);
    buf_clear(&client->text);
    if (conn)
        end(conn);
}

static void lose(struct ws_client *client)
{
    over(client, wire_close);
    client->user->closed(client->arg);
}

/* Takes the answer to the handshake. False: it is not there, or is no. */
static bool take_handshake(struct ws_client *client)
{
    static const char end[] = "\r\n\r\n";
    const char *found = client->in.len ? memmem(client->in.data, client->in.len, end, 4) : NULL;

    if (!found)
        return false;
    int line = (int)strcspn(client->in.data, "\r");

    if (strncmp(client->in.data, "HTTP/1.1 101", 12) != 0) {
        trace_write(client->name, "refused: %.*s", line, client->in.data);
        lose(client);
        return false;
    }
    buf_consume(&client->in, (size_t)(found - client->in.data) + 4);
    client->open = true;
    return true;
}

static void take_message(struct ws_client *client, bool final, const char *payload, size_t len)
{
    append(&client->text, payload, len);
    if (!final)
        return;
    struct buf text = client->text;

    append(&text, "", 1);
    buf_init(&client->text, BYTES_MAX);
    client->user->text(client->arg, text.data);
    buf_deinit(&text);
}

/* Takes one frame. False: there is none whole. */
static bool take_frame(struct ws_client *client)
{
    const uint8_t *in = (const uint8_t *)client->in.data;
    size_t head = 2, len;

    if (client->in.len < head)
        return false;
    len = in[1];
    if (len > 127)
        trace_fail(client->name, "the server masks");
    head += len == 126 ? 2 : len == 127 ? 8 : 0;
    if (client->in.len < head)
        return false;
    if (head > 2)
        len = 0;
    for (size_t i = 2; i < head; i++)
        len = len << 8 | in[i];
    if (client->in.len - head < len)
        return false;
    bool final = in[0] & FIN;
    int opcode = in[0] & OPCODE;
    struct buf frame = client->in;

    /* What it says may end the client. */
    buf_init(&client->in, BYTES_MAX);
    append(&client->in, frame.data + head + len, frame.len - head - len);
    if (opcode == WS_TEXT || opcode == 0)
        take_message(client, final, frame.data + head, len);
    else if (opcode == WS_PING)
        send_frame(client, WS_PONG, frame.data + head, len);
    else if (opcode == WS_CLOSE)
        lose(client);
    else
        trace_fail(client->name, "hears a frame of type %d", opcode);
    buf_deinit(&frame);
    return true;
}

static void received(void *arg, const char *bytes, size_t n)
{
    struct ws_client *client = arg;

    append(&client->in, bytes, n);
    if (!client->open && !take_handshake(client))
        return;
    while (client->conn && take_frame(client))
        ;
}

static void closed(void *arg)
{
    lose(arg);
}

static const struct wire_user wire_user = {received, closed};

void ws_client_init(struct ws_client *client, const char *name, const struct ws_client_user *user, void *arg)
{
    *client = (struct ws_client){.name = name, .user = user, .arg = arg};
    buf_init(&client->in, BYTES_MAX);
    buf_init(&client->text, BYTES_MAX);
}

void ws_client_deinit(struct ws_client *client)
{
    ws_client_cut(client);
    buf_deinit(&client->in);
    buf_deinit(&client->text);
}

void ws_client_connect(struct ws_client *client, struct node *node, const char *address, const char *target)
{
    struct buf request;

    client->conn = wire_connect(node, address, &wire_user, client);
    buf_init(&request, BYTES_MAX);
    if (buf_appendf(&request,
                    "GET %s HTTP/1.1\r\nHost: ridecast\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                    target) != 0)
        alloc_failed();
    wire_send(client->conn, request.data, request.len);
    buf_deinit(&request);
}

void ws_client_say(struct ws_client *client, const char *text)
{
    if (client->open)
        send_frame(client, WS_TEXT, text, strlen(text));
}

void ws_client_pause(struct ws_client *client, bool paused)
{
    if (client->conn)
        wire_pause(client->conn, paused);
}

void ws_client_close(struct ws_client *client)
{
    if (client->open)
        send_frame(client, WS_CLOSE, "", 0);
    over(client, wire_close);
}

void ws_client_cut(struct ws_client *client)
{
    over(client, wire_cut);
}
