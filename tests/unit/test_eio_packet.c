/*
 * Engine.IO packets and polling payloads, both ways, and what is refused.
 */
#include "gateway/net/ws.h"
#include "gateway/protocol/eio_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy without a NUL behind it, so that the sanitizer sees a read past the end. */
static char *bytes_of(const char *text, size_t *len)
{
    *len = strlen(text);
    char *copy = malloc(*len ? *len : 1);

    memcpy(copy, text, *len);
    return copy;
}

static void assert_parses(const char *text, enum eio_type type, bool binary, const void *data,
                          size_t data_len)
{
    struct eio_packet packet;
    size_t len;
    char *copy = bytes_of(text, &len);

    assert_int_equal(eio_packet_parse(copy, len, &packet), 0);
    assert_int_equal(packet.type, type);
    assert_int_equal(packet.binary, binary);
    assert_int_equal(packet.len, data_len);
    assert_memory_equal(packet.data, data, data_len);
    free(copy);
}

static void assert_refused(const char *text)
{
    struct eio_packet packet;
    size_t len;
    char *copy = bytes_of(text, &len);

    assert_int_equal(eio_packet_parse(copy, len, &packet), -1);
    free(copy);
}

static void every_type_is_read_with_its_data(void **state)
{
    (void)state;
    assert_parses("0{}", EIO_OPEN, false, "{}", 2);
    assert_parses("1", EIO_CLOSE, false, "", 0);
    assert_parses("2probe", EIO_PING, false, "probe", 5);
    assert_parses("3", EIO_PONG, false, "", 0);
    assert_parses("4hello", EIO_MESSAGE, false, "hello", 5);
    assert_parses("4", EIO_MESSAGE, false, "", 0);
    assert_parses("5", EIO_UPGRADE, false, "", 0);
    assert_parses("6", EIO_NOOP, false, "", 0);
}

static void an_empty_packet_or_an_unknown_type_is_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("7");
    assert_refused("/");
    assert_refused("a");
    assert_refused("B");
    assert_refused("\xff");
}

static void binary_is_decoded_with_or_without_padding(void **state)
{
    (void)state;
    assert_parses("bAQIDBA==", EIO_MESSAGE, true, "\1\2\3\4", 4);
    assert_parses("bAQIDBA", EIO_MESSAGE, true, "\1\2\3\4", 4);
    assert_parses("bAQIDBAU=", EIO_MESSAGE, true, "\1\2\3\4\5", 5);
    assert_parses("bAQIDBAU", EIO_MESSAGE, true, "\1\2\3\4\5", 5);
    assert_parses("bAQID", EIO_MESSAGE, true, "\1\2\3", 3);
    assert_parses("b+/+/", EIO_MESSAGE, true, "\xfb\xff\xbf", 3);
    assert_parses("b", EIO_MESSAGE, true, "", 0);
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    assert_refused("bA");
    assert_refused("bAQIDB");
    assert_refused("b=");
    assert_refused("b====");
    assert_refused("bA===");
    assert_refused("bAQ=");
    assert_refused("bAQ==AQ==");
    assert_refused("bAQ I");
    assert_refused("bAQI-");
    assert_refused("bAQI_");
    assert_refused("bAQI\xc3");
}

/* Reads a payload and writes what came as `type:data;`, with `!` for a parse error. */
static void assert_steps(const char *payload, const char *expected)
{
    char seen[200] = "";
    struct eio_packet packet;
    size_t at = 0, len, n = 0;
    char *copy = bytes_of(payload, &len);
    int more;

    while ((more = eio_payload_next(copy, len, &at, &packet)) == 1)
        n += (size_t)snprintf(seen + n, sizeof seen - n, "%d%s:%.*s;", (int)packet.type,
                              packet.binary ? "b" : "", (int)packet.len, packet.data);
    if (more < 0)
        snprintf(seen + n, sizeof seen - n, "!");
    assert_string_equal(seen, expected);
    free(copy);
}

static void a_payload_gives_out_its_packets_in_order(void **state)
{
    (void)state;
    assert_steps("4hello", "4:hello;");
    assert_steps("4hello\x1e"
                 "2\x1e"
                 "bYWJj",
                 "4:hello;2:;4b:abc;");
}

static void an_empty_packet_in_a_payload_is_an_error_after_those_before_it(void **state)
{
    (void)state;
    assert_steps("", "!");
    assert_steps("\x1e", "!");
    assert_steps("4a\x1e", "4:a;!");
    assert_steps("\x1e"
                 "4a",
                 "!");
    assert_steps("4a\x1e\x1e"
                 "4b",
                 "4:a;!");
    assert_steps("4a\x1e"
                 "x\x1e"
                 "4b",
                 "4:a;!");
}

static void an_empty_body_may_be_a_null_pointer(void **state)
{
    struct eio_packet packet;
    size_t at = 0;

    (void)state;
    assert_int_equal(eio_payload_next(NULL, 0, &at, &packet), -1);
}

static void frames_become_a_payload_that_reads_the_same(void **state)
{
    struct buf frames, payload;
    char longest[70000];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[0] = '4';
    buf_init(&frames, 1 << 20);
    buf_init(&payload, 1 << 20);
    assert_int_equal(ws_frame_append(&frames, WS_TEXT, "2", 1), 0);
    assert_int_equal(ws_frame_append(&frames, WS_BINARY, "\1\2\3\4", 4), 0);
    assert_int_equal(ws_frame_append(&frames, WS_BINARY, "", 0), 0);
    assert_int_equal(ws_frame_append(&frames, WS_TEXT, longest, 300), 0);
    assert_int_equal(ws_frame_append(&frames, WS_TEXT, longest, sizeof longest), 0);
    assert_int_equal(eio_payload_from_frames(&payload, frames.data, frames.len), 0);

    static const char head[] = "2\x1e"
                               "bAQIDBA==\x1e"
                               "b\x1e"
                               "4xxx";
    assert_memory_equal(payload.data, head, sizeof head - 1);
    assert_int_equal(payload.len, sizeof head - 1 - 4 + 300 + 1 + sizeof longest);

    struct eio_packet packet;
    size_t at = 0, count = 0;

    while (eio_payload_next(payload.data, payload.len, &at, &packet) == 1)
        count++;
    assert_int_equal(count, 5);
    assert_int_equal(packet.len, sizeof longest - 1);
    buf_deinit(&frames);
    buf_deinit(&payload);
}

static void more_frames_are_separated_from_what_the_payload_holds(void **state)
{
    struct buf frames, payload;

    (void)state;
    buf_init(&frames, 100);
    buf_init(&payload, 100);
    assert_int_equal(ws_frame_append(&frames, WS_TEXT, "6", 1), 0);
    assert_int_equal(eio_payload_from_frames(&payload, frames.data, frames.len), 0);
    assert_int_equal(eio_payload_from_frames(&payload, frames.data, frames.len), 0);
    assert_int_equal(eio_payload_from_frames(&payload, NULL, 0), 0);
    assert_int_equal(payload.len, 3);
    assert_memory_equal(payload.data,
                        "6\x1e"
                        "6",
                        3);
    buf_deinit(&frames);
    buf_deinit(&payload);
}

static void a_payload_past_its_ceiling_fails_and_changes_nothing(void **state)
{
    struct buf frames, payload;

    (void)state;
    buf_init(&frames, 100);
    buf_init(&payload, 8);
    assert_int_equal(buf_append_str(&payload, "4a"), 0);
    assert_int_equal(ws_frame_append(&frames, WS_TEXT, "4b", 2), 0);
    assert_int_equal(ws_frame_append(&frames, WS_BINARY, "\1\2\3\4", 4), 0);
    assert_int_equal(eio_payload_from_frames(&payload, frames.data, frames.len), -1);
    assert_int_equal(payload.len, 2);
    assert_memory_equal(payload.data, "4a", 2);
    buf_deinit(&frames);
    buf_deinit(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read_with_its_data),
        cmocka_unit_test(an_empty_packet_or_an_unknown_type_is_refused),
        cmocka_unit_test(binary_is_decoded_with_or_without_padding),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(a_payload_gives_out_its_packets_in_order),
        cmocka_unit_test(an_empty_packet_in_a_payload_is_an_error_after_those_before_it),
        cmocka_unit_test(an_empty_body_may_be_a_null_pointer),
        cmocka_unit_test(frames_become_a_payload_that_reads_the_same),
        cmocka_unit_test(more_frames_are_separated_from_what_the_payload_holds),
        cmocka_unit_test(a_payload_past_its_ceiling_fails_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
