/*
 * Riders that come over Socket.IO: how a CONNECT is answered, what a client that comes back has to show, and
 * what the broker is told of sockets that end. Everything from WebSocket messages to the broker's orders is
 * real; a socket id is shown as the name of the client that got it first, a recovery id as P and a number.
 */
#include "tests/unit/presence_world.h"

#include "common/log.h"
#include "gateway/sio_riders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECT_TIMEOUT = 45000, RECOVERY_IDS = 32 };

/* A WebSocket. */
struct phone {
    struct site *site;
    const char *name;
    struct eio_session *session;
};

struct site {
    struct world *world;
    struct eio_options options;
    struct eio *eio;
    struct sio_riders riders;
    struct phone phone[3];
    char recovery_id[RECOVERY_IDS][RECOVERY_ID_SIZE]; /* P1 and on, as they are seen */
    size_t recovery_ids;
};

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

static void start_clients(struct site *s)
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

static int setup_site(void **state)
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

static int teardown_site(void **state)
{
    struct site *s = *state;

    eio_free(s->eio);
    void *world = s->world;
    int failed = teardown(&world);
    free(s);
    return failed;
}

/* Ends the loop turn, then checks what happened since the last check. */
static void assert_happened(struct site *s, const char *expected)
{
    turn(s->world);
    eio_reap(s->eio);
    assert_journal(s->world, expected);
}

static void forget_what_happened(struct site *s)
{
    turn(s->world);
    eio_reap(s->eio);
    buf_clear(&s->world->journal);
}

static void tells(struct site *s, int i, const char *packet)
{
    char *copy = strdup(packet);

    assert_non_null(copy);
    eio_ws_message(s->phone[i].session, &s->phone[i], false, copy, strlen(copy));
    free(copy);
}

static void opens(struct site *s, int i)
{
    s->phone[i].session = eio_open_ws(s->eio, &s->phone[i], NULL);
}

static void loses(struct site *s, int i)
{
    eio_lost(s->phone[i].session, &s->phone[i]);
}

/* Phone 0 is on the ride, whose stream began after `offset` events, as ann with P1. */
static void connects_after(struct site *s, uint64_t offset)
{
    opens(s, 0);
    tells(s, 0, "40");
    says_roster(s->world, "/", offset, "");
    forget_what_happened(s);
    assert_int_equal(s->recovery_ids, 1);
}

#define SAY_BOARDING "42" SAY_BOARDING_ARGS
#define SAY_BOARDING_ARGS                                                                                    \
    "[\"message\",\"{\\\"id\\\":\\\"u\\\",\\\"name\\\":\\\"n\\\",\\\"status\\\":\\\"boarding\\\"}\"]"
#define SAY_EXITING                                                                                          \
    "42[\"message\",\"{\\\"id\\\":\\\"u\\\",\\\"name\\\":\\\"n\\\",\\\"status\\\":\\\"exiting\\\"}\"]"

/* The same, and aboard: the first order. */
static void boards(struct site *s)
{
    connects_after(s, 0);
    tells(s, 0, SAY_BOARDING);
    says_result(s->world, 0, 0, NULL);
    forget_what_happened(s);
}

/* Another phone shows `recovery_id` with `offset`, which is JSON; NULL: without one. */
static void shows(struct site *s, int i, const char *recovery_id, const char *offset)
{
    char packet[512];

    if (offset)
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\",\"offset\":%s}", recovery_id, offset);
    else
        snprintf(packet, sizeof packet, "40{\"pid\":\"%s\"}", recovery_id);
    opens(s, i);
    tells(s, i, packet);
}

/* Boardings of strangers, each with its offset as record. */
static void says_events(struct site *s, uint64_t first, uint64_t last)
{
    for (uint64_t offset = first; offset <= last; offset++) {
        char text[] = {(char)('0' + offset), '\0'};

        says_event(s->world, offset, BROKER_BOARDED, text, text);
    }
    forget_what_happened(s);
}

#define EVENT(n) "42[\"userBoarded\"," #n ",\"" #n ".0000000" #n "-epoch-01\"]\n"

/* --- connecting --- */

static void connect_is_answered_with_a_socket_id_and_a_recovery_id(void **state)
{
    struct site *s = *state;

    opens(s, 0);
    tells(s, 0, "40");
    assert_happened(s, "watch /\n");
    says_roster(s->world, "/", 0, "");
    assert_happened(s, "ws1 < 40 ann P1\n");
    opens(s, 1);
    tells(s, 1, "40{\"token\":\"x\"}");
    assert_happened(s, "ws2 < 40 bob P2\n");
}

static void without_a_broker_it_is_answered_late_and_without_a_recovery_id(void **state)
{
    struct site *s = *state;

    opens(s, 0);
    tells(s, 0, "40");
    advance(s->world, WATCHED_ASK_MS);
    assert_happened(s, "watch /\nws1 < 40 ann\n");
}

static void without_a_window_there_are_no_recovery_ids(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    eio_free(s->eio);
    presence_free(s->world->presence);
    s->world->window_ms = 0;
    start(s->world, "*");
    says_secret(s->world, 'k');
    start_clients(s);
    shows(s, 0, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    says_roster(s->world, "/", 0, "");
    assert_happened(s, "watch /\nws1 < 40 bob\n");
    tells(s, 0, SAY_BOARDING);
    loses(s, 0);
    assert_happened(s, "board / bob " BOARDING "\ndisconnect / bob\n");
}

static void without_a_window_events_have_one_argument(void **state)
{
    struct site *s = *state;

    eio_free(s->eio);
    presence_free(s->world->presence);
    s->world->window_ms = 0;
    start(s->world, "*");
    start_clients(s);
    opens(s, 0);
    tells(s, 0, "40{\"recover\":true}");
    says_roster(s->world, "/", 0, "");
    says_event(s->world, 1, BROKER_BOARDED, "A", "1");
    says_roster(s->world, "/", 9, "");
    assert_happened(s,
                    "watch /\nws1 < 40 ann\nws1 < 42[\"userBoarded\",1]\nws1 < 42[\"userDisconnected\",1]\n");
}

static void who_declines_recovery_gets_neither_recovery_id_nor_positions(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    opens(s, 1);
    tells(s, 1, "40{\"recover\":false}");
    assert_happened(s, "ws2 < 40 bob\n");
    tells(s, 1, "425" SAY_BOARDING_ARGS);
    assert_happened(s, "board / bob " BOARDING "\n");
    says_event(s->world, 1, BROKER_BOARDED, s->world->client[1].id, "1");
    says_result(s->world, 0, 1, NULL);
    turn(s->world);
    tells(s, 1, "427[\"activeUsers\"]");
    assert_happened(s, "ws1 < " EVENT(1) "ws2 < 42[\"userBoarded\",1]\n"
                                         "ws2 < 435[{\"ok\":true,\"offset\":\"1.00000001-epoch-01\"}]\n"
                                         "ws2 < 437[{\"offset\":\"1.00000001-epoch-01\",\"users\":[1]}]\n");
    says_roster(s->world, "/", 9, "");
    assert_happened(s, "ws1 < 42[\"userDisconnected\",1,\"9-\"]\nws2 < 42[\"userDisconnected\",1]\n");
}

static void what_it_shows_of_a_former_connection_is_then_ignored(void **state)
{
    struct site *s = *state;
    char packet[512];

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    snprintf(packet, sizeof packet, "40{\"recover\":false,\"pid\":\"%s\"}", s->recovery_id[0]);
    opens(s, 1);
    tells(s, 1, packet);
    assert_happened(s, "ws2 < 40 bob\n");
}

static void connect_has_the_last_word_on_what_the_query_declined(void **state)
{
    static const struct eio_origin origin = {.declines_recovery = true};
    struct site *s = *state;

    connects_after(s, 0);
    s->phone[1].session = eio_open_ws(s->eio, &s->phone[1], &origin);
    tells(s, 1, "40{\"recover\":\"yes\"}");
    assert_happened(s, "ws2 < 40 bob\n");
    s->phone[2].session = eio_open_ws(s->eio, &s->phone[2], &origin);
    tells(s, 2, "40{\"recover\":true}");
    assert_happened(s, "ws3 < 40 cyd P2\n");
    says_event(s->world, 1, BROKER_BOARDED, "A", "1");
    assert_happened(s, "ws1 < " EVENT(1) "ws3 < " EVENT(1) "ws2 < 42[\"userBoarded\",1]\n");
}

/* --- coming back --- */

static void who_comes_back_is_answered_with_its_own_ids_then_what_it_missed(void **state)
{
    struct site *s = *state;

    boards(s);
    says_events(s, 1, 1);
    loses(s, 0);
    says_events(s, 2, 3);
    shows(s, 1, s->recovery_id[0], "\"1.00000001-epoch-01\"");
    tells(s, 1, "427[\"activeUsers\"]");
    assert_happened(s, "resume / ann\n");
    says_resumed(s->world, 2, 3, BOARDING);
    assert_happened(s, "ws2 < 40 ann P1\nws2 < " EVENT(2) "ws2 < " EVENT(
                           3) "ws2 < 437[{\"offset\":\"3.00000003-epoch-01\",\"users\":[1,2,3]}]\n");
}

static void it_can_be_done_again_with_the_same_recovery_id(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    for (uint64_t i = 1; i < 4; i++) {
        char offset[32];

        says_events(s, i, i);
        snprintf(offset, sizeof offset, "\"%d.%08x-epoch-01\"", (int)i - 1, (unsigned)i - 1);
        shows(s, 1, s->recovery_id[0], offset);
        says_resumed(s->world, s->world->broker.submitted_count - 1, i, BOARDING);
        forget_what_happened(s);
        loses(s, 1);
        assert_happened(s, "suspend / ann\n");
    }
    assert_int_equal(s->recovery_ids, 1);
    assert_int_equal(presence_riders(s->world->presence)->counts.recovered, 3);
}

static void without_an_offset_everything_since_the_stream_began_was_missed(void **state)
{
    struct site *s = *state;

    connects_after(s, 4);
    loses(s, 0);
    says_events(s, 5, 6);
    shows(s, 1, s->recovery_id[0], NULL);
    says_result(s->world, 0, 6, NULL);
    assert_happened(s, "resume / ann\nws2 < 40 ann P1\nws2 < " EVENT(5) "ws2 < " EVENT(6));
}

static void so_it_is_with_an_offset_of_before_that(void **state)
{
    struct site *s = *state;

    connects_after(s, 4);
    loses(s, 0);
    says_events(s, 5, 6);
    shows(s, 1, s->recovery_id[0], "\"3.00000003-epoch-01\"");
    says_result(s->world, 0, 6, NULL);
    assert_happened(s, "resume / ann\nws2 < 40 ann P1\nws2 < " EVENT(5) "ws2 < " EVENT(6));
}

static void what_is_no_offset_of_this_stream_leads_nowhere(void **state)
{
    static const char *const offsets[] = {
        "\"\"",
        "\"1\"",
        "\"x\"",
        "\"1-epoch-01\"",
        "\"2.f0000002-epoch-01\"",
        "\"1.0000001-epoch-01\"",
        "\"1.000000001-epoch-01\"",
        "\"1.0000000G-epoch-01\"",
        "\"1.-epoch-01\"",
        "\"-1.00000001-epoch-01\"",
        "\"1.00000001-epoch-00\"",
        "\"9.00000009-epoch-01\"",
        "\"1.00000001-epoch-012\"",
        "\"1.00000001-epoch-0\"",
        "\"1.00000001epoch-01\"",
        "\"+1.00000001-epoch-01\"",
        "\"0000000000000001.00000001-epoch-01\"",
        "\"1.00000001-epoch-01 and so on, far longer than any offset can be\"",
        "1",
        "null",
        "{}",
        "[\"1.00000001-epoch-01\"]",
    };
    struct site *s = *state;

    connects_after(s, 0);
    loses(s, 0);
    says_events(s, 1, 2);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        char expected[64];

        shows(s, 1, s->recovery_id[0], offsets[i]);
        says_resumed(s->world, 2 * i, 2, "1");
        snprintf(expected, sizeof expected, "resume / ann\nws2 < 40 ann P%zu\n", i + 2);
        assert_happened(s, expected);
        loses(s, 1);
        assert_happened(s, "suspend / ann\n");
    }
}

static void a_stream_that_began_in_another_epoch_is_not_recovered(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    says_renumbered(s->world, "epoch-02", 0, "");
    says_events(s, 1, 1);
    loses(s, 0);
    shows(s, 1, s->recovery_id[0], "\"1.00000001-epoch-02\"");
    says_result(s->world, 0, 1, NULL);
    assert_happened(s, "resume / ann\nws2 < 40 bob P2\n");
    loses(s, 1);
    shows(s, 2, s->recovery_id[1], "\"1.00000001-epoch-02\"");
    says_result(s->world, 1, 1, NULL);
    assert_happened(s, "resume / bob\nws3 < 40 bob P2\n");
}

static void who_is_not_recovered_goes_on_from_now_with_a_recovery_id_of_its_own(void **state)
{
    struct site *s = *state;

    boards(s);
    says_events(s, 1, 2);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"x\"");
    says_resumed(s->world, 2, 2, BOARDING);
    assert_happened(s, "resume / ann\nws2 < 40 ann P2\n");
    loses(s, 1);
    assert_happened(s, "suspend / ann\n");
    says_events(s, 3, 3);
    shows(s, 2, s->recovery_id[1], NULL);
    says_resumed(s->world, 4, 3, BOARDING);
    assert_happened(s, "resume / ann\nws3 < 40 ann P2\nws3 < " EVENT(3));
}

static void who_cannot_be_resumed_is_a_new_client(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    says_result(s->world, 0, 0, "full");
    assert_happened(s, "resume / ann\nsuspend / ann\nws2 < 40 bob P2\n");
}

static void events_of_a_ride_with_a_name_come_back_under_its_name(void **state)
{
    struct site *s = *state;
    char packet[256];

    opens(s, 0);
    tells(s, 0, "40/line-7,");
    says_roster(s->world, "/line-7", 0, "");
    forget_what_happened(s);
    loses(s, 0);
    says_event(s->world, 1, BROKER_BOARDED, "A", "1");
    strcpy(s->world->broker.first->ride, "/line-7");
    forget_what_happened(s);
    snprintf(packet, sizeof packet, "40/line-7,{\"pid\":\"%s\"}", s->recovery_id[0]);
    opens(s, 1);
    tells(s, 1, packet);
    says_result(s->world, 0, 1, NULL);
    assert_happened(s, "resume /line-7 ann\nws2 < 40 ann P1\n"
                       "ws2 < 42/line-7,[\"userBoarded\",1,\"1.00000001-epoch-01\"]\n");
}

/* The secret and the ride come with the broker: a gateway that has just started knows neither. */
static void a_recovery_id_is_checked_when_the_ride_is_known(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    eio_free(s->eio);
    presence_free(s->world->presence);
    start(s->world, "*");
    start_clients(s);
    shows(s, 0, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    assert_happened(s, "watch /\n");
    says_secret(s->world, 'k');
    says_roster(s->world, "/", 0, "");
    assert_happened(s, "resume / ann\n");
    says_result(s->world, 0, 0, NULL);
    assert_happened(s, "ws1 < 40 ann P1\n");
}

/* --- what is shown instead --- */

/* A client that shows it is a new one. */
static void assert_worthless(struct site *s, const char *recovery_id)
{
    size_t before = s->recovery_ids;
    size_t orders = s->world->broker.submitted_count;

    s->world->client[1].id[0] = '\0';
    shows(s, 1, recovery_id, "\"0.00000000-epoch-01\"");
    char expected[64];
    snprintf(expected, sizeof expected, "ws2 < 40 bob P%zu\n", before + 1);
    assert_happened(s, expected);
    assert_int_equal(s->world->broker.submitted_count, orders);
    loses(s, 1);
    forget_what_happened(s);
}

static void a_forged_recovery_id_is_worthless(void **state)
{
    struct site *s = *state;
    char text[2 * RECOVERY_ID_SIZE];

    connects_after(s, 0);
    loses(s, 0);
    const char *real = s->recovery_id[0];
    size_t len = strlen(real);

    assert_worthless(s, "");
    assert_worthless(s, "12345678901234567890");
    strcpy(text, real);
    text[0] = text[0] == 'A' ? 'B' : 'A';
    assert_worthless(s, text);
    strcpy(text, real);
    text[len - 1] = '2';
    assert_worthless(s, text);
    snprintf(text, sizeof text, "%.*s", (int)len - 1, real);
    assert_worthless(s, text);
    snprintf(text, sizeof text, "%s%s", real, real);
    assert_worthless(s, text);
    snprintf(text, sizeof text, "%s\\u0000", real);
    assert_worthless(s, text);
}

static void a_recovery_id_of_another_ride_or_secret_is_worthless(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    tells(s, 0, "40/other,");
    says_roster(s->world, "/other", 0, "");
    forget_what_happened(s);
    loses(s, 0);
    assert_int_equal(s->recovery_ids, 2);
    assert_worthless(s, s->recovery_id[1]);
    says_secret(s->world, 'l');
    forget_what_happened(s);
    assert_worthless(s, s->recovery_id[0]);
    assert_int_equal(presence_riders(s->world->presence)->counts.forged, 2);
}

static void a_recovery_id_that_is_no_string_is_none(void **state)
{
    static const char *const packets[] = {"40{\"pid\":1}", "40{\"pid\":null}", "40{\"pid\":{}}",
                                          "40{\"offset\":\"0.00000000-epoch-01\"}"};
    struct site *s = *state;

    connects_after(s, 0);
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        s->world->client[1].id[0] = '\0';
        opens(s, 1);
        tells(s, 1, packets[i]);
        forget_what_happened(s);
        assert_int_equal(s->recovery_ids, i + 2);
        loses(s, 1);
    }
    assert_int_equal(s->world->broker.submitted_count, 0);
    assert_int_equal(presence_riders(s->world->presence)->counts.forged, 0);
}

/* --- ending --- */

static void who_was_aboard_is_suspended_when_the_connection_ends_under_it(void **state)
{
    static const struct {
        const char *packet;
        const char *happens;
    } ends[] = {
        {"1", "ws2 close\nsuspend / ann\n"}, /* the transport's close is not the client's `41` */
        {"2", "ws2 close\nsuspend / ann\n"},
        {"4nonsense", "suspend / ann\nws2 close\n"},
        {"40", "suspend / ann\nws2 close\n"},
    };
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    assert_happened(s, "suspend / ann\n");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
        says_resumed(s->world, s->world->broker.submitted_count - 1, 0, BOARDING);
        forget_what_happened(s);
        tells(s, 1, ends[i].packet);
        assert_happened(s, ends[i].happens);
    }
}

static void who_was_aboard_is_suspended_when_the_gateway_stops(void **state)
{
    struct site *s = *state;

    boards(s);
    eio_free(s->eio);
    s->eio = NULL;
    assert_journal(s->world, "suspend / ann\n");
}

static void who_only_watched_ends_in_silence(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    loses(s, 0);
    assert_happened(s, "");
}

static void who_leaves_the_namespace_is_disconnected_and_not_suspended(void **state)
{
    struct site *s = *state;

    boards(s);
    tells(s, 0, "41");
    tells(s, 0, "1");
    assert_happened(s, "disconnect / ann\nws1 close\n");
}

static void who_exits_is_neither(void **state)
{
    struct site *s = *state;

    boards(s);
    tells(s, 0, SAY_EXITING);
    says_event(s->world, 1, BROKER_EXITED, s->world->client[0].id, "1");
    says_result(s->world, 1, 1, NULL);
    assert_happened(s, "exit / ann " EXITING
                       "\nws1 < 42[\"userExited\",1,\"1.00000001-epoch-01\"]\nws1 < 41\nws1 is dismissed\n");
}

static void who_drops_while_resuming_is_suspended_again(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    loses(s, 1);
    says_resumed(s->world, 2, 0, BOARDING);
    assert_happened(s, "resume / ann\nsuspend / ann\n");
}

static void who_leaves_while_resuming_is_disconnected(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    tells(s, 1, SAY_BOARDING);
    tells(s, 1, "41");
    says_resumed(s->world, 2, 0, BOARDING);
    assert_happened(s, "resume / ann\ndisconnect / ann\n");
}

static void who_comes_back_on_another_connection_ends_the_first(void **state)
{
    struct site *s = *state;

    boards(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    assert_happened(s, "ws1 dropped\nresume / ann\n");
    says_resumed(s->world, 1, 0, BOARDING);
    assert_happened(s, "ws2 < 40 ann P1\n");
    loses(s, 1);
    assert_happened(s, "suspend / ann\n");
}

static void one_that_comes_back_thrice_at_once_ends_up_with_the_last(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    for (int i = 0; i < 3; i++)
        shows(s, i, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    for (size_t i = 2; i < 5; i++)
        says_resumed(s->world, i, 0, BOARDING);
    assert_happened(s,
                    "resume / ann\nws1 dropped\nresume / ann\nws2 dropped\nresume / ann\nws3 < 40 ann P1\n");
    assert_int_equal(presence_riders(s->world->presence)->count, 1);
}

static void who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended(void **state)
{
    struct site *s = *state;

    boards(s);
    says_evicted(s->world, "/", s->world->client[0].id);
    assert_happened(s, "ws1 dropped\n");
    assert_int_equal(eio_session_count(s->eio), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_site, teardown_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connect_is_answered_with_a_socket_id_and_a_recovery_id),
        TEST(without_a_broker_it_is_answered_late_and_without_a_recovery_id),
        TEST(without_a_window_there_are_no_recovery_ids),
        TEST(without_a_window_events_have_one_argument),
        TEST(who_declines_recovery_gets_neither_recovery_id_nor_positions),
        TEST(what_it_shows_of_a_former_connection_is_then_ignored),
        TEST(connect_has_the_last_word_on_what_the_query_declined),
        TEST(who_comes_back_is_answered_with_its_own_ids_then_what_it_missed),
        TEST(it_can_be_done_again_with_the_same_recovery_id),
        TEST(without_an_offset_everything_since_the_stream_began_was_missed),
        TEST(so_it_is_with_an_offset_of_before_that),
        TEST(what_is_no_offset_of_this_stream_leads_nowhere),
        TEST(a_stream_that_began_in_another_epoch_is_not_recovered),
        TEST(who_is_not_recovered_goes_on_from_now_with_a_recovery_id_of_its_own),
        TEST(who_cannot_be_resumed_is_a_new_client),
        TEST(events_of_a_ride_with_a_name_come_back_under_its_name),
        TEST(a_recovery_id_is_checked_when_the_ride_is_known),
        TEST(a_forged_recovery_id_is_worthless),
        TEST(a_recovery_id_of_another_ride_or_secret_is_worthless),
        TEST(a_recovery_id_that_is_no_string_is_none),
        TEST(who_was_aboard_is_suspended_when_the_connection_ends_under_it),
        TEST(who_was_aboard_is_suspended_when_the_gateway_stops),
        TEST(who_only_watched_ends_in_silence),
        TEST(who_leaves_the_namespace_is_disconnected_and_not_suspended),
        TEST(who_exits_is_neither),
        TEST(who_drops_while_resuming_is_suspended_again),
        TEST(who_leaves_while_resuming_is_disconnected),
        TEST(who_comes_back_on_another_connection_ends_the_first),
        TEST(one_that_comes_back_thrice_at_once_ends_up_with_the_last),
        TEST(who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
