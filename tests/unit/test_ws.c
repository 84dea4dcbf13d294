/*
 * WebSocket: the handshake, what the decoder takes and refuses however the bytes are cut, and the encoder.
 */
#include "gateway/net/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FIN = 0x80, LIMIT = 1000 };

/* ---- what a client sends, and what comes out ---- */

/* Appends a masked frame that announces `announced` bytes and carries `len`. */
static void add_frame(struct buf *to, uint8_t first, uint64_t announced, const void *data, size_t len)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t head[WS_HEADER_MAX];
    size_t head_len = ws_frame_header(WS_TEXT, announced, head);

    head[0] = first;
    head[1] |= 0x80;
    assert_int_equal(buf_append(to, head, head_len), 0);
    assert_int_equal(buf_append(to, key, sizeof key), 0);
    for (size_t i = 0; i < len; i++) {
        char c = (char)(((const uint8_t *)data)[i] ^ key[i % sizeof key]);

        assert_int_equal(buf_append(to, &c, 1), 0);
    }
}

static void add_text(struct buf *to, uint8_t first, const char *text)
{
    add_frame(to, first, strlen(text), text, strlen(text));
}

/*
 * Feeds `sent` in pieces of at most `piece` bytes, each a copy of its own so that the sanitizer sees a read
 * past it, and writes what comes out as `opcode:data;`, or `!code` for an error.
 */
static void decode(const struct buf *sent, size_t piece, size_t limit, struct buf *seen)
{
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status = WS_STATUS_NONE;
    enum ws_progress progress = WS_MORE;

    ws_decoder_init(&decoder, limit);
    for (size_t at = 0; at < sent->len && progress != WS_ERROR; at += piece) {
        size_t n = sent->len - at < piece ? sent->len - at : piece;
        char *copy = malloc(n);
        size_t done = 0, used;

        memcpy(copy, sent->data + at, n);
        while ((progress = ws_decoder_feed(&decoder, copy + done, n - done, &used, &message, &status)) ==
               WS_MESSAGE) {
            assert_int_equal(buf_appendf(seen, "%d:", (int)message.opcode), 0);
            assert_int_equal(buf_append(seen, message.data, message.len), 0);
            assert_int_equal(buf_append_str(seen, ";"), 0);
            done += used;
        }
        free(copy);
    }
    if (progress == WS_ERROR)
        assert_int_equal(buf_appendf(seen, "!%d", (int)status), 0);
    ws_decoder_deinit(&decoder);
}

/* Frees `sent`. */
static void assert_decodes(struct buf *sent, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, SIZE_MAX / 2};

    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct buf seen;

        buf_init(&seen, 1 << 20);
        decode(sent, pieces[i], LIMIT, &seen);
        assert_int_equal(buf_append(&seen, "", 1), 0);
        assert_string_equal(seen.data, expected);
        buf_deinit(&seen);
    }
    buf_deinit(sent);
}

static struct buf nothing(void)
{
    struct buf buf;

    buf_init(&buf, 1 << 24);
    return buf;
}

/* ---- handshake ---- */

static void a_key_of_16_bytes_and_a_known_version_are_valid(void **state)
{
    (void)state;
    assert_true(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ==", "13"));
    assert_true(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ==", "8"));
}

static void any_other_key_or_version_is_not(void **state)
{
    (void)state;
    assert_false(ws_handshake_valid(NULL, "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ==", NULL));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ==", "12"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ==", "13, 8"));
    assert_false(ws_handshake_valid("", "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ", "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ=", "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQ===", "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25jZQA==", "13"));
    assert_false(ws_handshake_valid("dGhlIHNhbXBsZSBub25j\r\n==", "13"));
}

static void assert_responds(const char *protocols, const char *headers, const char *expected_end)
{
    static const char start[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    struct buf out = nothing();

    assert_int_equal(ws_handshake_respond(&out, "dGhlIHNhbXBsZSBub25jZQ==", protocols, headers), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_memory_equal(out.data, start, sizeof start - 1);
    assert_string_equal(out.data + sizeof start - 1, expected_end);
    buf_deinit(&out);
}

static void the_answer_is_the_one_of_the_rfc(void **state)
{
    (void)state;
    assert_responds(NULL, NULL, "\r\n");
    assert_responds(NULL, "Access-Control-Allow-Origin: *\r\n", "Access-Control-Allow-Origin: *\r\n\r\n");
}

static void the_first_protocol_offered_is_echoed_if_it_is_a_token(void **state)
{
    char longest[65 + 1];

    (void)state;
    assert_responds("chat", NULL, "Sec-WebSocket-Protocol: chat\r\n\r\n");
    assert_responds(" chat\t, superchat", "X: y\r\n", "Sec-WebSocket-Protocol: chat\r\nX: y\r\n\r\n");
    assert_responds("", NULL, "\r\n");
    assert_responds(" , chat", NULL, "\r\n");
    assert_responds("two words", NULL, "\r\n");
    assert_responds("ch\"at", NULL, "\r\n");
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    assert_responds(longest, NULL, "\r\n");
    assert_responds(longest + 1, NULL,
                    "Sec-WebSocket-Protocol: "
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n");
}

static void a_protocol_that_carries_a_token_is_never_echoed(void **state)
{
    (void)state;
    assert_responds("bearer.a.b.c", NULL, "\r\n");
    assert_responds("bearer.a.b.c, ridecast", NULL, "Sec-WebSocket-Protocol: ridecast\r\n\r\n");
    assert_responds(" bearer.a,\tbearer.b ,ridecast", NULL, "Sec-WebSocket-Protocol: ridecast\r\n\r\n");
    assert_responds("ridecast, bearer.a.b.c", NULL, "Sec-WebSocket-Protocol: ridecast\r\n\r\n");
    assert_responds("bearer.", NULL, "\r\n");
    assert_responds("bearer.a,", NULL, "\r\n");
}

static void an_answer_that_does_not_fit_changes_nothing(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(ws_handshake_respond(&out, "dGhlIHNhbXBsZSBub25jZQ==", NULL, NULL), -1);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

/* ---- decoder ---- */

static void messages_and_control_frames_come_in_order(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_text(&sent, FIN | WS_TEXT, "hello");
    add_text(&sent, FIN | WS_BINARY, "bytes longer than eight");
    add_text(&sent, FIN | WS_PING, "ping");
    add_text(&sent, FIN | WS_PONG, "");
    add_text(&sent, FIN | WS_TEXT, "");
    add_text(&sent, FIN | WS_CLOSE, "\x03\xe9 bye");
    assert_decodes(&sent, "1:hello;2:bytes longer than eight;9:ping;10:;1:;8:\x03\xe9 bye;");
}

static void fragments_are_joined_around_control_frames(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_text(&sent, WS_TEXT, "one ");
    add_text(&sent, FIN | WS_PING, "between");
    add_text(&sent, 0, "");
    add_text(&sent, 0, "two ");
    add_text(&sent, FIN | WS_PONG, "");
    add_text(&sent, FIN, "three");
    add_text(&sent, WS_BINARY, "");
    add_text(&sent, FIN, "");
    add_text(&sent, FIN | WS_TEXT, "next");
    assert_decodes(&sent, "9:between;10:;1:one two three;2:;1:next;");
}

static void a_character_may_be_cut_by_fragments(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_text(&sent, WS_TEXT, "caf\xc3");
    add_text(&sent, FIN, "\xa9");
    assert_decodes(&sent, "1:café;");
}

static void a_whole_frame_is_lent_out_from_where_it_lies(void **state)
{
    struct buf sent = nothing();
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status;
    size_t used;

    (void)state;
    add_text(&sent, FIN | WS_TEXT, "in place");
    add_text(&sent, FIN | WS_TEXT, "next");
    ws_decoder_init(&decoder, LIMIT);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, sent.len, &used, &message, &status), WS_MESSAGE);
    assert_int_equal(used, 6 + 8);
    assert_ptr_equal(message.data, sent.data + 6);
    assert_null(decoder.message.data);
    ws_decoder_deinit(&decoder);
    buf_deinit(&sent);
}

static void memory_is_given_back_by_the_call_after_a_message(void **state)
{
    struct buf sent = nothing();
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status;
    size_t used;

    (void)state;
    add_text(&sent, WS_TEXT, "gathered");
    add_text(&sent, FIN, "bytes");
    ws_decoder_init(&decoder, LIMIT);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, sent.len, &used, &message, &status), WS_MESSAGE);
    assert_ptr_equal(message.data, decoder.message.data);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, 0, &used, &message, &status), WS_MORE);
    assert_null(decoder.message.data);
    buf_deinit(&sent);
    /* Nothing is left to free. */
}

static void an_idle_decoder_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct ws_decoder) <= 100);
}

static void a_wrong_frame_is_a_protocol_error(void **state)
{
    (void)state;
    for (int opcode = 0; opcode < 16; opcode++) {
        struct buf sent = nothing();

        if (opcode == WS_TEXT || opcode == WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG))
            continue;
        add_text(&sent, (uint8_t)(FIN | opcode), "");
        assert_decodes(&sent, "!1002");
    }
    for (int rsv = 0x10; rsv <= 0x40; rsv <<= 1) {
        struct buf sent = nothing();

        add_text(&sent, (uint8_t)(FIN | rsv | WS_TEXT), "a");
        assert_decodes(&sent, "!1002");
    }
}

static void an_unmasked_frame_is_refused_by_its_first_two_bytes(void **state)
{
    struct buf sent = nothing();

    (void)state;
    assert_int_equal(buf_append(&sent, "\x81\x01", 2), 0);
    assert_decodes(&sent, "!1002");
}

static void a_control_frame_must_be_short_and_whole(void **state)
{
    char payload[126] = {0};
    struct buf sent = nothing();

    (void)state;
    add_frame(&sent, FIN | WS_PING, sizeof payload, payload, sizeof payload);
    assert_decodes(&sent, "!1002");
    sent = nothing();
    add_text(&sent, WS_PING, "a");
    assert_decodes(&sent, "!1002");
}

static void a_message_must_end_before_another_begins(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_text(&sent, WS_TEXT, "");
    add_text(&sent, FIN | WS_TEXT, "b");
    assert_decodes(&sent, "!1002");
    sent = nothing();
    add_text(&sent, FIN | WS_TEXT, "a");
    add_text(&sent, FIN, "b");
    assert_decodes(&sent, "1:a;!1002");
}

static void close_codes_are_checked(void **state)
{
    static const struct {
        unsigned code;
        bool valid;
    } codes[] = {
        {0, false},    {999, false}, {1000, true},  {1003, true},   {1004, false}, {1005, false},
        {1006, false}, {1007, true}, {1014, true},  {1015, false},  {1016, false}, {2999, false},
        {3000, true},  {4999, true}, {5000, false}, {65535, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct buf sent = nothing(), seen = nothing();
        const uint8_t payload[2] = {(uint8_t)(codes[i].code >> 8), (uint8_t)codes[i].code};

        add_frame(&sent, FIN | WS_CLOSE, 2, payload, 2);
        decode(&sent, 1, LIMIT, &seen);
        assert_int_equal(seen.data[0], codes[i].valid ? '8' : '!');
        buf_deinit(&sent);
        buf_deinit(&seen);
    }
}

static void a_close_payload_is_nothing_or_a_code_and_utf8(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_text(&sent, FIN | WS_CLOSE, "");
    assert_decodes(&sent, "8:;");
    sent = nothing();
    add_text(&sent, FIN | WS_CLOSE, "\x03");
    assert_decodes(&sent, "!1002");
    sent = nothing();
    add_text(&sent, FIN | WS_CLOSE, "\x03\xe8\xff");
    assert_decodes(&sent, "!1007");
}

static void text_must_be_utf8_and_binary_need_not(void **state)
{
    static const char *const invalid[] = {
        "\xff", "eight ascii\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "8 ascii, \x80, 8 ascii",
    };

    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        struct buf sent = nothing(), seen = nothing();

        add_text(&sent, FIN | WS_TEXT, invalid[i]);
        assert_decodes(&sent, "!1007");
        sent = nothing();
        add_text(&sent, FIN | WS_BINARY, invalid[i]);
        decode(&sent, 1, LIMIT, &seen);
        assert_int_equal(seen.data[0], '2');
        buf_deinit(&sent);
        buf_deinit(&seen);
    }
}

static void a_message_of_the_limit_passes_in_one_frame_and_in_many(void **state)
{
    static char data[LIMIT];
    struct buf sent = nothing(), seen = nothing();

    (void)state;
    add_frame(&sent, FIN | WS_BINARY, LIMIT, data, LIMIT);
    add_frame(&sent, WS_BINARY, 999, data, 999);
    add_frame(&sent, FIN, 1, data, 1);
    decode(&sent, 100, LIMIT, &seen);
    assert_int_equal(seen.len, 2 * (LIMIT + 3));
    buf_deinit(&sent);
    buf_deinit(&seen);
}

static void a_frame_past_the_limit_is_refused_by_its_header(void **state)
{
    static char data[LIMIT];
    struct buf sent = nothing();

    (void)state;
    add_frame(&sent, FIN | WS_TEXT, LIMIT + 1, "", 0);
    assert_decodes(&sent, "!1009");
    sent = nothing();
    add_frame(&sent, WS_BINARY, LIMIT, data, LIMIT);
    add_frame(&sent, FIN, 1, "", 0);
    assert_decodes(&sent, "!1009");
    sent = nothing();
    add_frame(&sent, FIN | WS_TEXT, INT64_MAX, "", 0);
    assert_decodes(&sent, "!1009");
}

static void a_64_bit_length_with_the_top_bit_is_a_protocol_error(void **state)
{
    struct buf sent = nothing();

    (void)state;
    add_frame(&sent, FIN | WS_TEXT, UINT64_C(1) << 63, "", 0);
    assert_decodes(&sent, "!1002");
}

static void an_announced_length_allocates_nothing_by_itself(void **state)
{
    struct buf sent = nothing();
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status;
    size_t used;

    (void)state;
    add_frame(&sent, FIN | WS_TEXT, 1000000, "a", 1);
    ws_decoder_init(&decoder, 1000000);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, sent.len, &used, &message, &status), WS_MORE);
    assert_true(decoder.message.size <= 1000);
    ws_decoder_deinit(&decoder);
    buf_deinit(&sent);
}

/* Whoever drips a ping into a message does not go on with the message. */
static void a_part_of_a_control_frame_is_no_part_of_the_message(void **state)
{
    struct buf sent = nothing();
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status;
    size_t used;

    (void)state;
    add_text(&sent, WS_TEXT, "some");
    add_text(&sent, FIN | WS_PING, "ping");
    ws_decoder_init(&decoder, LIMIT);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, sent.len - 1, &used, &message, &status), WS_MORE);
    assert_int_equal(ws_decoder_gathered(&decoder), strlen("some"));
    assert_true(ws_decoder_held(&decoder) >= strlen("some") + strlen("pin"));
    ws_decoder_deinit(&decoder);
    buf_deinit(&sent);
}

static void a_million_fragments_of_no_bytes_need_no_memory(void **state)
{
    struct buf sent = nothing();
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status;
    size_t used;

    (void)state;
    add_text(&sent, WS_TEXT, "");
    for (int i = 0; i < 1000000; i++)
        add_text(&sent, 0, "");
    ws_decoder_init(&decoder, LIMIT);
    assert_int_equal(ws_decoder_feed(&decoder, sent.data, sent.len, &used, &message, &status), WS_MORE);
    assert_int_equal(used, sent.len);
    assert_null(decoder.message.data);
    ws_decoder_deinit(&decoder);
    buf_deinit(&sent);
}

/* ---- encoder ---- */

static void headers_have_the_shortest_form(void **state)
{
    uint8_t head[WS_HEADER_MAX];

    (void)state;
    assert_int_equal(ws_frame_header(WS_TEXT, 0, head), 2);
    assert_memory_equal(head, "\x81\x00", 2);
    assert_int_equal(ws_frame_header(WS_TEXT, 125, head), 2);
    assert_memory_equal(head, "\x81\x7d", 2);
    assert_int_equal(ws_frame_header(WS_BINARY, 126, head), 4);
    assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(ws_frame_header(WS_TEXT, 65535, head), 4);
    assert_memory_equal(head, "\x81\x7e\xff\xff", 4);
    assert_int_equal(ws_frame_header(WS_TEXT, 65536, head), 10);
    assert_memory_equal(head, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void a_frame_that_does_not_fit_changes_nothing(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 6);
    assert_int_equal(ws_frame_append(&out, WS_TEXT, "12345", 5), -1);
    assert_int_equal(out.len, 0);
    assert_int_equal(ws_frame_append(&out, WS_TEXT, "1234", 4), 0);
    assert_int_equal(ws_frame_append(&out, WS_PING, NULL, 0), -1);
    assert_int_equal(out.len, 6);
    buf_deinit(&out);
}

static void a_close_frame_has_its_code_or_nothing(void **state)
{
    struct buf out = nothing();

    (void)state;
    assert_int_equal(ws_close_append(&out, WS_STATUS_NONE), 0);
    assert_int_equal(ws_close_append(&out, WS_STATUS_TOO_BIG), 0);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "\x88\x00\x88\x02\x03\xf1", 6);
    buf_deinit(&out);
}

static void finished_frames_are_stepped_through(void **state)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 70000};

    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    static char data[70000];
    struct buf out = nothing();
    enum ws_opcode opcode;
    const char *payload;
    size_t at = 0, len;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        memset(data, (int)i, sizeof data);
        assert_int_equal(ws_frame_append(&out, i % 2 ? WS_TEXT : WS_BINARY, data, lengths[i]), 0);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(ws_frames_next(out.data, out.len, &at, &opcode, &payload, &len));
        assert_int_equal(opcode, i % 2 ? WS_TEXT : WS_BINARY);
        assert_int_equal(len, lengths[i]);
        memset(data, (int)i, sizeof data);
        assert_memory_equal(payload, data, len);
    }
    assert_false(ws_frames_next(out.data, out.len, &at, &opcode, &payload, &len));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_of_16_bytes_and_a_known_version_are_valid),
        cmocka_unit_test(any_other_key_or_version_is_not),
        cmocka_unit_test(the_answer_is_the_one_of_the_rfc),
        cmocka_unit_test(the_first_protocol_offered_is_echoed_if_it_is_a_token),
        cmocka_unit_test(a_protocol_that_carries_a_token_is_never_echoed),
        cmocka_unit_test(an_answer_that_does_not_fit_changes_nothing),
        cmocka_unit_test(messages_and_control_frames_come_in_order),
        cmocka_unit_test(fragments_are_joined_around_control_frames),
        cmocka_unit_test(a_character_may_be_cut_by_fragments),
        cmocka_unit_test(a_whole_frame_is_lent_out_from_where_it_lies),
        cmocka_unit_test(memory_is_given_back_by_the_call_after_a_message),
        cmocka_unit_test(an_idle_decoder_is_small),
        cmocka_unit_test(a_wrong_frame_is_a_protocol_error),
        cmocka_unit_test(an_unmasked_frame_is_refused_by_its_first_two_bytes),
        cmocka_unit_test(a_control_frame_must_be_short_and_whole),
        cmocka_unit_test(a_part_of_a_control_frame_is_no_part_of_the_message),
        cmocka_unit_test(a_message_must_end_before_another_begins),
        cmocka_unit_test(close_codes_are_checked),
        cmocka_unit_test(a_close_payload_is_nothing_or_a_code_and_utf8),
        cmocka_unit_test(text_must_be_utf8_and_binary_need_not),
        cmocka_unit_test(a_message_of_the_limit_passes_in_one_frame_and_in_many),
        cmocka_unit_test(a_frame_past_the_limit_is_refused_by_its_header),
        cmocka_unit_test(a_64_bit_length_with_the_top_bit_is_a_protocol_error),
        cmocka_unit_test(an_announced_length_allocates_nothing_by_itself),
        cmocka_unit_test(a_million_fragments_of_no_bytes_need_no_memory),
        cmocka_unit_test(headers_have_the_shortest_form),
        cmocka_unit_test(a_frame_that_does_not_fit_changes_nothing),
        cmocka_unit_test(a_close_frame_has_its_code_or_nothing),
        cmocka_unit_test(finished_frames_are_stepped_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
