/*
 * What clients hear: the exact bytes of each event in each wire form.
 */
#include "gateway/net/ws.h"
#include "gateway/rides/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct broker_position AT_7 = {.epoch = "epoch-12", .offset = 7, .chain = "0123cdef"};

/* One event as the only frame's text, NUL-terminated; the caller frees it. */
static char *event_text(enum wire_form form, const char *ride, enum broker_event_kind kind, const char *user)
{
    struct buf out;
    struct blob *blob = blob_new(user, strlen(user));

    buf_init(&out, 1 << 20);
    assert_int_equal(wire_event(&out, form, ride, kind, blob, &AT_7), 0);
    blob_unref(blob);

    size_t at = 0;
    enum ws_opcode opcode;
    const char *payload;
    size_t n;
    assert_true(ws_frames_next(out.data, out.len, &at, &opcode, &payload, &n));
    assert_int_equal(opcode, WS_TEXT);
    assert_int_equal(at, out.len);
    char *text = strndup(payload, n);
    buf_deinit(&out);
    return text;
}

static void assert_event(enum wire_form form, const char *ride, enum broker_event_kind kind,
                         const char *expected)
{
    char *text = event_text(form, ride, kind, "{\"id\":\"u\"}");

    assert_string_equal(text, expected);
    free(text);
}

static void an_offset_is_the_number_the_fingerprint_and_the_epoch(void **state)
{
    char out[WIRE_OFFSET_SIZE];

    (void)state;
    wire_offset(&AT_7, out);
    assert_string_equal(out, "7.0123cdef-epoch-12");
}

static void the_longest_offset_fits(void **state)
{
    const struct broker_position position = {.epoch = "ABCDEFGH", .offset = UINT64_MAX, .chain = "ffffffff"};
    char out[WIRE_OFFSET_SIZE];

    (void)state;
    wire_offset(&position, out);
    assert_string_equal(out, "18446744073709551615.ffffffff-ABCDEFGH");
}

static void a_difference_has_the_number_alone(void **state)
{
    const struct broker_position position = {.offset = 17};
    char out[WIRE_OFFSET_SIZE];

    (void)state;
    wire_offset(&position, out);
    assert_string_equal(out, "17-");
}

static void an_offset_can_be_read_back(void **state)
{
    struct broker_position position;

    (void)state;
    memset(&position, 'x', sizeof position);
    assert_true(wire_read_offset("7.0123cdef-epoch-12", &position));
    assert_true(broker_position_equal(&position, &AT_7));
    assert_string_equal(position.chain, AT_7.chain);
    assert_true(wire_read_offset("999999999999999.00000000-------_-", &position));
    assert_int_equal(position.offset, 999999999999999);
}

static void what_is_no_place_in_a_stream_is_not_read(void **state)
{
    static const char *const texts[] = {
        "",
        "17",
        "17-",
        "17-epoch-12",
        "17.-epoch-12",
        ".0123cdef-epoch-12",
        "17.0123cde-epoch-12",
        "17.0123cdef0-epoch-12",
        "17.0123cdeF-epoch-12",
        "17.0123cdef",
        "17.0123cdef-",
        "17.0123cdef-epoch-1",
        "17.0123cdef-epoch-123",
        "17.0123cdef.epoch-12",
        "-17.0123cdef-epoch-12",
        "0000000000000017.0123cdef-epoch-12",
    };
    struct broker_position position;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (wire_read_offset(texts[i], &position))
            fail_msg("%s: read", texts[i]);
}

static void a_restored_rider_is_told_as_boarded(void **state)
{
    (void)state;
    assert_string_equal(wire_event_name(BROKER_BOARDED), "userBoarded");
    assert_string_equal(wire_event_name(BROKER_RESTORED), "userBoarded");
    assert_string_equal(wire_event_name(BROKER_EXITED), "userExited");
    assert_string_equal(wire_event_name(BROKER_DISCONNECTED), "userDisconnected");
}

static void socketio_leaves_out_the_default_namespace(void **state)
{
    (void)state;
    assert_event(WIRE_SOCKETIO, "/", BROKER_BOARDED,
                 "42[\"userBoarded\",{\"id\":\"u\"},\"7.0123cdef-epoch-12\"]");
}

static void socketio_names_any_other_namespace(void **state)
{
    (void)state;
    assert_event(WIRE_SOCKETIO, "/line-7", BROKER_EXITED,
                 "42/line-7,[\"userExited\",{\"id\":\"u\"},\"7.0123cdef-epoch-12\"]");
}

static void the_short_form_has_no_position(void **state)
{
    (void)state;
    assert_event(WIRE_SOCKETIO_SHORT, "/", BROKER_BOARDED, "42[\"userBoarded\",{\"id\":\"u\"}]");
    assert_event(WIRE_SOCKETIO_SHORT, "/line-7", BROKER_DISCONNECTED,
                 "42/line-7,[\"userDisconnected\",{\"id\":\"u\"}]");
}

static void plain_events_look_alike_on_every_ride(void **state)
{
    static const char expected[] =
        "{\"event\":\"userDisconnected\",\"data\":{\"id\":\"u\"},\"offset\":\"7.0123cdef-epoch-12\"}";

    (void)state;
    assert_event(WIRE_PLAIN, "/", BROKER_DISCONNECTED, expected);
    assert_event(WIRE_PLAIN, "/line-7", BROKER_DISCONNECTED, expected);
}

static void the_longest_ride_name_is_not_cut(void **state)
{
    char ride[RIDE_NAME_MAX + 1] = "/";
    char expected[RIDE_NAME_MAX + 64];

    (void)state;
    memset(ride + 1, 'r', RIDE_NAME_MAX - 1);
    snprintf(expected, sizeof expected, "42%s,[\"userDisconnected\",{\"id\":\"u\"},\"7.0123cdef-epoch-12\"]",
             ride);
    assert_event(WIRE_SOCKETIO, ride, BROKER_DISCONNECTED, expected);
}

static void records_of_any_length_are_framed_whole(void **state)
{
    /* Around the lengths at which a frame's header grows. */
    static const size_t lengths[] = {1, 60, 125, 126, 127, 65500, 65535, 65536, 70000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *user = calloc(1, lengths[i] + 1);

        memset(user, '1', lengths[i]);
        char *text = event_text(WIRE_PLAIN, "/", BROKER_BOARDED, user);
        assert_int_equal(strspn(strchr(text, '1'), "1"), lengths[i]);
        assert_string_equal(text + strlen(text) - 2, "\"}");
        free(text);
        free(user);
    }
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct blob *user = blob_new("{}", 2);
    struct buf whole;

    (void)state;
    buf_init(&whole, 4096);
    assert_int_equal(wire_event(&whole, WIRE_SOCKETIO, "/", BROKER_BOARDED, user, &AT_7), 0);

    struct buf out;
    buf_init(&out, whole.len + 2);
    assert_int_equal(buf_append(&out, "abc", 3), 0);
    assert_int_equal(wire_event(&out, WIRE_SOCKETIO, "/", BROKER_BOARDED, user, &AT_7), -1);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "abc", 3);
    buf_consume(&out, 1);
    assert_int_equal(wire_event(&out, WIRE_SOCKETIO, "/", BROKER_BOARDED, user, &AT_7), 0);
    assert_memory_equal(out.data + 2, whole.data, whole.len);

    buf_deinit(&out);
    buf_deinit(&whole);
    blob_unref(user);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offset_is_the_number_the_fingerprint_and_the_epoch),
        cmocka_unit_test(the_longest_offset_fits),
        cmocka_unit_test(a_difference_has_the_number_alone),
        cmocka_unit_test(an_offset_can_be_read_back),
        cmocka_unit_test(what_is_no_place_in_a_stream_is_not_read),
        cmocka_unit_test(a_restored_rider_is_told_as_boarded),
        cmocka_unit_test(socketio_leaves_out_the_default_namespace),
        cmocka_unit_test(socketio_names_any_other_namespace),
        cmocka_unit_test(the_short_form_has_no_position),
        cmocka_unit_test(plain_events_look_alike_on_every_ride),
        cmocka_unit_test(the_longest_ride_name_is_not_cut),
        cmocka_unit_test(records_of_any_length_are_framed_whole),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
