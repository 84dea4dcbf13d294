/*
 * conformance-server: the gateway's Engine.IO and Socket.IO layers with the small app that the public
 * protocol test suites expect, instead of rides (docs/protocol.md, section 12).
 *
 *   --mode engine   every message goes back to its sender
 *   --mode socket   `/` and `/custom`: `auth` with the CONNECT payload; on `/`: message → message-back,
 * message-with-ack → ack
 */
#include "common/clock.h"
#include "common/id.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/option.h"
#include "gateway/net/http.h"
#include "gateway/net/peers.h"
#include "gateway/net/server.h"
#include "gateway/protocol/endpoint.h"
#include "gateway/protocol/engineio.h"
#include "gateway/protocol/socketio.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum mode { MODE_ENGINE, MODE_SOCKET };

struct settings {
    char *listen;
    char *path;
    int mode;
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t max_payload_bytes;
    uint64_t connect_timeout_ms;
    uint64_t upgrade_timeout_ms;
};

static const char *check_path(const char *path)
{
    size_t len = strlen(path);
    if (!len || (len > 1 && path[0] == '/' && path[len - 1] == '/'))
        return NULL;
    return "give a path with both slashes, such as /engine.io/";
}

static const char *const MODES[] = {"engine", "socket", NULL};

#define MS(field, text, initial_ms, help_text)                                                               \
    {                                                                                                        \
        .name = (text), .type = OPTION_UINT, .offset = offsetof(struct settings, field),                     \
        .initial = (initial_ms), .min = 1, .max = 3600000, .unit = "ms", .help = (help_text)                 \
    }

static const struct option_row ROWS[] = {
    {.name = "listen",
     .type = OPTION_STRING,
     .offset = offsetof(struct settings, listen),
     .initial = "127.0.0.1:3000",
     .help = "address and port to listen on"},
    {.name = "path",
     .type = OPTION_STRING,
     .offset = offsetof(struct settings, path),
     .initial = "",
     .help = "path to serve; /engine.io/ or /socket.io/ by mode",
     .check = check_path},
    {.name = "mode",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct settings, mode),
     .initial = "socket",
     .choices = MODES,
     .help = "which suite's app to be"},
    MS(ping_interval_ms, "ping-interval", "25000", "between two pings"),
    MS(ping_timeout_ms, "ping-timeout", "20000", "for the answer to a ping"),
    {.name = "max-payload",
     .type = OPTION_UINT,
     .offset = offsetof(struct settings, max_payload_bytes),
     .initial = "1000000",
     .min = 1,
     .max = 104857600,
     .unit = "bytes",
     .help = "of one body or message"},
    MS(connect_timeout_ms, "connect-timeout", "45000", "for the first CONNECT"),
    MS(upgrade_timeout_ms, "upgrade-timeout", "10000", "for an upgrade to complete"),
};

static const struct option_program PROGRAM = {
    .name = "conformance-server",
    .summary = "The Engine.IO and Socket.IO layers, for the public protocol test suites.",
    .env = "CONFORMANCE",
    .rows = ROWS,
    .row_count = sizeof ROWS / sizeof *ROWS,
};

/* --- engine mode --- */

static void echo_open(void *app, struct eio_session *session)
{
    (void)app, (void)session;
}

static void echo_message(void *app, struct eio_session *session, bool binary, const char *data, size_t len)
{
    (void)app;
    eio_send(session, binary, data, len);
}

static const struct eio_app ECHO = {.open = echo_open, .message = echo_message, .close = echo_open};

/* --- socket mode --- */

static void send_text(void *session, const char *text, size_t len)
{
    eio_send(session, false, text, len);
}

static void send_binary(void *session, const char *data, size_t len)
{
    eio_send(session, true, data, len);
}

static void close_session(void *session, enum sio_end end)
{
    (void)end;
    eio_close(session);
}

/* What follows the event's name in its array, without the brackets. */
static struct json_slice arguments(const struct sio_event *event)
{
    struct json_slice name;
    struct json_slice first;
    size_t cursor = 0;
    json_text_next(event->args, &cursor, &name);
    if (!json_text_next(event->args, &cursor, &first))
        return (struct json_slice){.at = "", .len = 0};
    const char *end = event->args.at + event->args.len - 1;
    return (struct json_slice){.at = first.at, .len = (size_t)(end - first.at)};
}

static void on_event(struct sio_socket *socket, const struct sio_event *event)
{
    struct json_slice name;
    size_t cursor = 0;
    if (strcmp(sio_socket_nsp(socket), "/") != 0 || !json_text_next(event->args, &cursor, &name) ||
        json_text_type(name) != '"')
        return;
    struct json_slice args = arguments(event);
    if (json_text_equals(name, "message")) {
        struct buf back;
        buf_init(&back, args.len + 32);
        if (!buf_append_str(&back, args.len ? "\"message-back\"," : "\"message-back\"") &&
            !buf_append(&back, args.at, args.len))
            sio_emit(socket, back.data, back.len, event->attachments, event->attachment_count);
        buf_deinit(&back);
    } else if (json_text_equals(name, "message-with-ack") && event->has_id) {
        sio_ack(socket, event->id, args.at, args.len, event->attachments, event->attachment_count);
    }
}

static void on_connect(struct sio_socket *socket, struct json_slice auth)
{
    const char *nsp = sio_socket_nsp(socket);
    char id[ID_LEN + 1];
    struct sio_event event;
    struct buf args;

    if (strcmp(nsp, "/") != 0 && strcmp(nsp, "/custom") != 0) {
        sio_refuse(socket, "Invalid namespace", NULL);
        return;
    }
    id_make(id, ID_LEN);
    sio_accept(socket, id, NULL);
    buf_init(&args, auth.len + 16);
    if (!buf_append_str(&args, "\"auth\",") && !buf_append(&args, auth.at, auth.len))
        sio_emit(socket, args.data, args.len, NULL, 0);
    buf_deinit(&args);
    while (sio_next_kept(socket, &event))
        on_event(socket, &event);
}

static void on_disconnect(void *app, struct sio_socket *socket, enum sio_end end)
{
    (void)app, (void)socket, (void)end;
}

static void socket_open(void *app, struct eio_session *session)
{
    session->data = sio_client_new(app, session, clock_ms());
}

static void socket_message(void *app, struct eio_session *session, bool binary, const char *data, size_t len)
{
    struct sio_message message;
    enum sio_verdict verdict = binary ? sio_client_binary(session->data, data, len, &message)
                                      : sio_client_text(session->data, data, len, &message);

    (void)app;
    if (verdict == SIO_CONNECTS)
        on_connect(message.socket, message.auth);
    else if (verdict == SIO_SPEAKS)
        on_event(message.socket, &message.event);
}

static void socket_close(void *app, struct eio_session *session)
{
    (void)app;
    sio_client_free(session->data);
}

static const struct eio_app SOCKETS = {.open = socket_open, .message = socket_message, .close = socket_close};

/* --- the server's site --- */

struct conformance {
    struct outlets outlets;
    struct endpoint endpoint;
};

static void on_head(void *site, struct link *link)
{
    endpoint_head(&((struct conformance *)site)->endpoint, link);
}

static bool on_too_big(void *site, struct link *link)
{
    return endpoint_too_big(&((struct conformance *)site)->endpoint, link);
}

static bool on_request(void *site, struct link *link)
{
    return endpoint_request(&((struct conformance *)site)->endpoint, link);
}

static void settle(void *site)
{
    struct conformance *conformance = site;

    do {
        outlets_flush(&conformance->outlets);
        eio_reap(conformance->endpoint.eio);
    } while (conformance->outlets.dirty);
}

/* --- main --- */

/* libwebsockets' loop would take the signals for itself: they are blocked everywhere and waited for here. */
static void *wait_for_signal(void *server)
{
    sigset_t signals;
    int got;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigwait(&signals, &got);
    server_stop(server);
    return NULL;
}

static int serve(const struct settings *settings)
{
    static const struct sio_app app = {.disconnect = on_disconnect};
    static const struct sio_carrier carrier = {
        .send_text = send_text, .send_binary = send_binary, .close = close_session};
    static const struct link_site site = {.head = on_head, .too_big = on_too_big, .request = on_request};
    bool engine = settings->mode == MODE_ENGINE;
    struct conformance conformance = {
        .endpoint =
            {
                .path = settings->path[0] ? settings->path
                        : engine          ? "/engine.io/"
                                          : "/socket.io/",
                .max_payload_bytes = settings->max_payload_bytes,
            },
    };
    struct timers *timers = timers_new();
    struct peers *peers = peers_new(&(struct peers_options){0});
    char error[512];
    struct server_options server_options = {
        .listen = settings->listen,
        .max_connections = 1024,
        .links =
            {
                .site = &site,
                .site_data = &conformance,
                .cors_origin = "*",
                .trusted_proxy = "",
                .max_payload_bytes = settings->max_payload_bytes,
                .head_bytes = HTTP_HEAD_MAX,
                .head_ms = 60000,
                .body_ms = 300000,
                .stall_ms = 30000,
                .timers = timers,
                .peers = peers,
            },
        .settle = settle,
    };
    struct server *server = server_new(&server_options, error, sizeof error);
    if (!server) {
        fprintf(stderr, "conformance-server: %s\n", error);
        peers_free(peers);
        timers_free(timers);
        return EXIT_FAILURE;
    }
    struct sio_options sio_options = {
        .connect_timeout_ms = settings->connect_timeout_ms,
        .max_pending_bytes = settings->max_payload_bytes + 4096,
        .max_namespaces = 64,
        .app = &app,
        .carrier = &carrier,
        .timers = timers,
    };
    struct eio_options eio_options = {
        .ping_interval_ms = settings->ping_interval_ms,
        .ping_timeout_ms = settings->ping_timeout_ms,
        .upgrade_timeout_ms = settings->upgrade_timeout_ms,
        .max_payload_bytes = settings->max_payload_bytes,
        .transport = endpoint_transport(),
        .app = engine ? &ECHO : &SOCKETS,
        .app_data = engine ? NULL : &sio_options,
        .timers = timers,
        .outlets = &conformance.outlets,
    };
    conformance.outlets.backlog_bytes = 1 << 26;
    conformance.endpoint.eio = eio_new(&eio_options);

    pthread_t waiter;
    if (pthread_create(&waiter, NULL, wait_for_signal, server))
        abort();
    printf("listening on %s\n", net_address(server_net(server)));
    fflush(stdout);
    server_run(server);
    pthread_join(waiter, NULL);
    eio_free(conformance.endpoint.eio);
    server_free(server);
    peers_free(peers);
    timers_free(timers);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct settings settings;
    struct buf message;
    buf_init(&message, 4096);
    enum option_outcome outcome =
        option_load(&PROGRAM, &settings, sizeof settings, argc, argv, environ, &message);
    if (outcome == OPTION_BAD)
        fprintf(stderr, "%.*s\n", (int)message.len, message.data);
    buf_deinit(&message);
    int status = outcome == OPTION_EXIT ? EXIT_SUCCESS : EXIT_FAILURE;
    if (outcome == OPTION_OK) {
        status = serve(&settings);
        option_free(&PROGRAM, &settings);
    }
    return status;
}
