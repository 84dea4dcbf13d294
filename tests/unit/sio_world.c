/*
 * WebSockets that write what they are sent into the journal.
 */
#include "tests/unit/sio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the transport --- */

/* The string that follows `key` in a frame, copied; false: there is none. */
static bool string_behind(const char *frame, const char *key, char *out, size_t size)
{
    const char *at = strstr(frame, key);

    if (!at)
        return false;
    at += strlen(key);
    size_t len = strcspn(at, "\"");
    assert_in_range(len, 1, size - 1);
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

static const char *name_socket(struct world *w, const char *socket_id)
{
    for (int i = 0; i < CLIENTS; i++) {
        if (!w->client[i].id[0])
            strcpy(w->client[i].id, socket_id);
        if (!strcmp(w->client[i].id, socket_id))
            return w->client[i].name;
    }
    fail_msg("more socket ids than names");
    return NULL;
}

static size_t number_recovery_id(struct site *s, const char *recovery_id)
{
    size_t i = 0;

    while (i < s->recovery_ids && strcmp(s->recovery_id[i], recovery_id) != 0)
        i++;
    assert_in_range(i, 0, RECOVERY_IDS - 1);
    strcpy(s->recovery_id[i], recovery_id);
    if (i == s->recovery_ids)
        s->recovery_ids++;
    return i + 1;
}

static void note_frame(struct phone *phone, const char *frame)
{
    struct site *s = phone->site;
    char socket_id[SOCKET_ID_LEN + 1];
    char recovery_id[RECOVERY_ID_SIZE];

    if (frame[0] == '0')
        return; /* the handshake */
    if (strncmp(frame, "40", 2) != 0) {
        journal_note(&s->world->journal, "%s < %s", phone->name, frame);
        return;
    }
    assert_true(string_behind(frame, "{\"sid\":\"", socket_id, sizeof socket_id));
    const char *name = name_socket(s->world, socket_id);
    if (string_behind(frame, ",\"pid\":\"", recovery_id, sizeof recovery_id))
        journal_note(&s->world->journal, "%s < 40 %s P%zu", phone->name, name,
                     number_recovery_id(s, recovery_id));
    else
        journal_note(&s->world->journal, "%s < 40 %s", phone->name, name);
}

static void transport_reply(void *exchange, int status, const char *content_type, const void *body, size_t n)
{
    (void)exchange, (void)status, (void)content_type, (void)body, (void)n;
    fail_msg("nobody polls");
}

static void transport_drop(void *handle)
{
    struct phone *phone = handle;

    journal_note(&phone->site->world->journal, "%s dropped", phone->name);
}

static bool transport_ready(void *handle)
{
    (void)handle;
    return true;
}

static bool transport_ws_progressed(void *socket, uint32_t *mark)
{
    (void)socket, (void)mark;
    return false;
}

static void transport_ws_write(void *socket, const char *frames, size_t n)
{
    enum ws_opcode opcode;
    const char *payload;
    size_t len;

    for (size_t at = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len);) {
        char *frame = strndup(payload, len);

        assert_non_null(frame);
        note_frame(socket, frame);
        free(frame);
    }
}

static void transport_ws_close(void *socket)
{
    struct phone *phone = socket;

    journal_note(&phone->site->world->journal, "%s close", phone->name);
}

static void transport_ws_dismiss(void *socket)
{
    struct phone *phone = socket;

    journal_note(&phone->site->world->journal, "%s is dismissed", phone->name);
}

/* --- the world --- */

void start_clients(struct site *s)
{
    static const struct eio_transport transport = {.reply = transport_reply,
                                                   .drop = transport_drop,
                                                   .ready = transport_ready,
                                                   .ws_progressed = transport_ws_progressed,
                                                   .ws_write = transport_ws_write,
                                                   .ws_close = transport_ws_close,
                                                   .ws_dismiss = transport_ws_dismiss};
    struct world *w = s->world;
    const struct sio_riders_options riders = {
        .presence = w->presence,
        .timers = w->timers,
        .connect_timeout_ms = CONNECT_TIMEOUT,
        .max_pending_bytes = 4096,
    };

    sio_riders_init(&s->riders, &riders);
    s->options = (struct eio_options){
        .ping_interval_ms = 10 * CONNECT_TIMEOUT,
        .ping_timeout_ms = 1000,
        .upgrade_timeout_ms = 1000,
        .max_payload_bytes = 1000000,
        .transport = &transport,
        .app = sio_riders_app(),
        .app_data = &s->riders,
        .timers = w->timers,
        .outlets = &w->outlets,
    };
    s->eio = eio_new(&s->options);
}

int setup_site(void **state)
{
    static const char *const names[] = {"ws1", "ws2", "ws3"};
    struct site *s = calloc(1, sizeof *s);
    void *world;

    if (!s || setup(&world))
        return -1;
    s->world = world;
    allow_recovery(s->world);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        s->phone[i] = (struct phone){.site = s, .name = names[i]};
    start_clients(s);
    *state = s;
    return 0;
}

int teardown_site(void **state)
{
    struct site *s = *state;

    eio_free(s->eio);
    void *world = s->world;
    int failed = teardown(&world);
    free(s);
    return failed;
}

void assert_happened(struct site *s, const char *expected)
{
    turn(s->world);
    eio_reap(s->eio);
    assert_journal(s->world, expected);
}

void forget_what_happened(struct site *s)
{
    turn(s->world);
    eio_reap(s->eio);
    buf_clear(&s->world->journal);
}

void tells(struct site *s, int i, const char *packet)
{
    char *copy = strdup(packet);

    assert_non_null(copy);
    eio_ws_message(s->phone[i].session, &s->phone[i], false, copy, strlen(copy));
    free(copy);
}

void opens(struct site *s, int i)
{
    s->phone[i].session = eio_open_ws(s->eio, &s->phone[i], NULL);
}

void loses(struct site *s, int i)
{
    eio_lost(s->phone[i].session, &s->phone[i]);
}

void connects_after(struct site *s, uint64_t offset)
{
    opens(s, 0);
    tells(s, 0, "40");
    says_roster(s->world, "/", offset, "");
    forget_what_happened(s);
    assert_int_equal(s->recovery_ids, 1);
}

void boards(struct site *s)
{
    connects_after(s, 0);
    tells(s, 0, SAY_BOARDING);
    says_result(s->world, 0, 0, NULL);
    forget_what_happened(s);
}

void shows(struct site *s, int i, const char *recovery_id, const char *offset)
{
    char packet[512];

    if (offset)
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\",\"offset\":%s}", recovery_id, offset);
    else
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\"}", recovery_id);
    opens(s, i);
    tells(s, i, packet);
}

void says_events(struct site *s, uint64_t first, uint64_t last)
{
    for (uint64_t offset = first; offset <= last; offset++) {
        char text[] = {(char)('0' + offset), '\0'};

        says_event(s->world, offset, BROKER_BOARDED, text, text);
    }
    forget_what_happened(s);
}
