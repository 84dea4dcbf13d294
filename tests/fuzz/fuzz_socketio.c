/*
 * A Socket.IO connection under a hostile client, with an application that answers, refuses and hangs up at
 * any moment.
 *
 * The input is lines. The first character says what happens, the rest is its data:
 *
 *   t  a text message
 *   b  a binary message
 *   a  the oldest socket that waits is accepted
 *   r  the oldest socket that waits is refused
 *   d  the oldest socket is disconnected
 *   w  the connect timeout passes
 *
 * What the application does at once depends on the namespace (`/r…` refuse, `/w…` wait, `/d…` disconnect,
 * else accept) and on the event (a name that begins with `x` disconnects, any other is echoed with its
 * attachments, and acked if asked, without attachments by reference with the name alone).
 */
#include "tests/fuzz/fuzz.h"

#include "common/blob.h"
#include "common/buf.h"
#include "gateway/protocol/sio_packet.h"
#include "gateway/protocol/socketio.h"

enum { CONNECT_TIMEOUT_MS = 1000, PENDING_MAX = 4096 };

/* A socket as the application knows it: from SIO_CONNECTS to app->disconnect or a refusal. */
struct member {
    struct member *next;
    struct sio_socket *socket;
    bool accepted;
};

struct world {
    struct member *members; /* oldest first */
    bool closed;
    unsigned binary_due; /* attachments that the last text sent has announced */
};

static void member_add(struct world *w, struct sio_socket *socket)
{
    struct member *member = calloc(1, sizeof *member);
    struct member **end = &w->members;

    CHECK(member);
    member->socket = socket;
    sio_socket_set_data(socket, member);
    while (*end)
        end = &(*end)->next;
    *end = member;
}

static void member_remove(struct world *w, struct sio_socket *socket)
{
    struct member *member = sio_socket_data(socket);
    struct member **link = &w->members;

    CHECK(member && member->socket == socket);
    while (*link && *link != member)
        link = &(*link)->next;
    CHECK(*link);
    *link = member->next;
    free(member);
    sio_socket_set_data(socket, NULL);
}

static struct sio_socket *oldest(const struct world *w, bool waiting)
{
    struct member *member = w->members;

    while (member && waiting && member->accepted)
        member = member->next;
    return member ? member->socket : NULL;
}

static void refuse_socket(struct world *w, struct sio_socket *socket)
{
    member_remove(w, socket);
    sio_refuse(socket, "refused", NULL);
}

static void speaks(struct world *w, struct sio_socket *socket, const struct sio_event *event)
{
    const struct member *member = sio_socket_data(socket);
    struct json_slice args = event->args;
    bool shares = event->has_id && event->attachment_count == 0;
    struct json_slice name;
    size_t cursor = 0;

    CHECK(!w->closed);
    CHECK(member && member->accepted);
    CHECK(json_text_valid(args.at, args.len, SIO_DEPTH_MAX));
    CHECK(json_text_next(args, &cursor, &name));
    if (name.len > 1 && name.at[0] == '"' && name.at[1] == 'x')
        sio_disconnect(socket);
    sio_emit(socket, args.at + 1, args.len - 2, event->attachments, event->attachment_count);
    if (shares) {
        struct blob *json = blob_new(name.at, name.len);

        sio_ack_shared(socket, event->id, json);
        blob_unref(json);
    } else if (event->has_id) {
        sio_ack(socket, event->id, args.at + 1, args.len - 2, event->attachments, event->attachment_count);
    }
}

static void accept_socket(struct world *w, struct sio_socket *socket)
{
    struct member *member = sio_socket_data(socket);
    struct sio_event event;

    member->accepted = true;
    sio_accept(socket, "sid", "pid");
    while (sio_next_kept(socket, &event))
        speaks(w, socket, &event);
}

static void connects(struct world *w, struct sio_socket *socket, struct json_slice auth)
{
    CHECK(!w->closed);
    CHECK(json_text_valid(auth.at, auth.len, SIO_DEPTH_MAX) && *auth.at == '{');
    member_add(w, socket);
    switch (sio_socket_nsp(socket)[1]) {
    case 'r':
        refuse_socket(w, socket);
        break;
    case 'w':
        break;
    case 'd':
        sio_disconnect(socket);
        break;
    default:
        accept_socket(w, socket);
    }
}

static void carry_out(struct world *w, enum sio_verdict verdict, const struct sio_message *message)
{
    if (verdict == SIO_CONNECTS)
        connects(w, message->socket, message->auth);
    else if (verdict == SIO_SPEAKS)
        speaks(w, message->socket, &message->event);
}

static void app_disconnect(void *app, struct sio_socket *socket, enum sio_end end)
{
    (void)end;
    member_remove(app, socket);
    sio_emit(socket, "\"too late\"", 10, NULL, 0);
    sio_disconnect(socket);
}

/* Whatever is sent could have come from a client, except for CONNECT_ERROR. */
static void carrier_text(void *session, const char *text, size_t len)
{
    struct world *w = session;
    struct sio_packet packet = {.attachments = 0};

    CHECK(!w->closed);
    CHECK(w->binary_due == 0);
    CHECK(len > 0);
    CHECK(text[0] == '0' + SIO_CONNECT_ERROR || sio_packet_parse(text, len, &packet) == 0);
    w->binary_due = packet.attachments;
}

static void carrier_binary(void *session, const char *data, size_t len)
{
    struct world *w = session;

    (void)data;
    (void)len;
    CHECK(!w->closed);
    CHECK(w->binary_due > 0);
    w->binary_due--;
}

static void carrier_shared(void *session, const char *head, size_t head_len, struct blob *shared,
                           const char *tail)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    CHECK(buf_append(&text, head, head_len) == 0 && buf_append(&text, shared->data, shared->len) == 0 &&
          buf_append_str(&text, tail) == 0);
    carrier_text(session, text.data, text.len);
    buf_deinit(&text);
}

static void carrier_close(void *session, enum sio_end end)
{
    struct world *w = session;

    (void)end;
    CHECK(!w->closed);
    CHECK(!w->members);
    w->closed = true;
}

static void step(struct world *w, struct sio_client *client, struct timers *timers, const char *line,
                 size_t len)
{
    struct sio_socket *waiting = oldest(w, true);
    struct sio_socket *any = oldest(w, false);
    struct sio_message message;

    switch (line[0]) {
    case 't':
        carry_out(w, sio_client_text(client, line + 1, len - 1, &message), &message);
        break;
    case 'b':
        carry_out(w, sio_client_binary(client, line + 1, len - 1, &message), &message);
        break;
    case 'a':
        if (waiting)
            accept_socket(w, waiting);
        break;
    case 'r':
        if (waiting)
            refuse_socket(w, waiting);
        break;
    case 'd':
        if (any)
            sio_disconnect(any);
        break;
    case 'w':
        timers_run(timers, CONNECT_TIMEOUT_MS);
    }
    CHECK(w->binary_due == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sio_app app = {.disconnect = app_disconnect};
    static const struct sio_carrier carrier = {.send_text = carrier_text,
                                               .send_binary = carrier_binary,
                                               .send_shared = carrier_shared,
                                               .close = carrier_close};
    struct world w = {.members = NULL};
    const struct sio_options options = {
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .gather_ms = CONNECT_TIMEOUT_MS,
        .max_pending_bytes = PENDING_MAX,
        .app = &app,
        .app_data = &w,
        .carrier = &carrier,
        .timers = timers_new(),
    };
    struct sio_client *client = sio_client_new(&options, &w, 0);

    while (size > 0) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t len = newline ? (size_t)(newline - data) : size;

        if (len > 0) {
            char *line = malloc(len); /* its own allocation, so that reading past it is noticed */

            CHECK(line);
            memcpy(line, data, len);
            step(&w, client, options.timers, line, len);
            free(line);
        }
        data += len + (newline ? 1 : 0);
        size -= len + (newline ? 1 : 0);
    }
    sio_client_free(client);
    CHECK(!w.members);
    CHECK(timers_next_ms(options.timers) == UINT64_MAX);
    timers_free(options.timers);
    return 0;
}
