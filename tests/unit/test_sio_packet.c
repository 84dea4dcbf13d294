/*
 * Socket.IO packets: what is read from clients, what is refused, and the heads the server writes.
 */
#include "gateway/protocol/sio_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a copy that ends where the text ends, so that reading past it is an error under AddressSanitizer. */
static int parse_exactly(const char *text, size_t len)
{
    struct sio_packet packet;
    char *copy = malloc(len ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    rc = sio_packet_parse(copy, len, &packet);
    free(copy);
    return rc;
}

static void assert_refused(const char *text)
{
    if (parse_exactly(text, strlen(text)) != -1)
        fail_msg("accepted: %s", text);
}

static void assert_accepted(const char *text)
{
    if (parse_exactly(text, strlen(text)) != 0)
        fail_msg("refused: %s", text);
}

static struct sio_packet parse(const char *text)
{
    struct sio_packet packet;

    assert_int_equal(sio_packet_parse(text, strlen(text), &packet), 0);
    return packet;
}

static void assert_slice(struct json_slice slice, const char *text)
{
    assert_non_null(slice.at);
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.at, text, slice.len);
}

static void a_connect_may_have_no_payload(void **state)
{
    struct sio_packet packet = parse("0");

    (void)state;
    assert_int_equal(packet.type, SIO_CONNECT);
    assert_slice(packet.nsp, "/");
    assert_null(packet.payload.at);
    assert_false(packet.has_id);
}

static void the_comma_after_a_namespace_may_be_missing_at_the_end(void **state)
{
    struct sio_packet with = parse("0/custom,");
    struct sio_packet without = parse("0/custom");

    (void)state;
    assert_slice(with.nsp, "/custom");
    assert_slice(without.nsp, "/custom");
    assert_null(with.payload.at);
    assert_null(without.payload.at);
}

static void a_query_belongs_to_the_namespace(void **state)
{
    (void)state;
    assert_slice(parse("0/a?token=1,{}").nsp, "/a?token=1");
}

static void every_part_of_a_binary_event_is_found(void **state)
{
    struct sio_packet packet = parse("52-/line-7,789[\"m\",{\"_placeholder\":true,\"num\":0},"
                                     "{\"_placeholder\":true,\"num\":1}]");

    (void)state;
    assert_int_equal(packet.type, SIO_BINARY_EVENT);
    assert_int_equal(packet.attachments, 2);
    assert_slice(packet.nsp, "/line-7");
    assert_true(packet.has_id);
    assert_int_equal(packet.id, 789);
    assert_slice(packet.payload,
                 "[\"m\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
}

static void an_id_of_zero_is_an_id(void **state)
{
    struct sio_packet packet = parse("20[\"m\"]");

    (void)state;
    assert_true(packet.has_id);
    assert_int_equal(packet.id, 0);
}

static void ids_have_at_most_fifteen_digits(void **state)
{
    (void)state;
    assert_true(parse("2999999999999999[\"m\"]").id == UINT64_C(999999999999999));
    assert_refused("21000000000000000[\"m\"]");
    assert_refused("2-1[\"m\"]");
}

static void white_space_behind_the_payload_is_left_out(void **state)
{
    (void)state;
    assert_slice(parse("2[\"m\", 1] \r\n\t").payload, "[\"m\", 1]");
}

static void unknown_types_are_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("7");
    assert_refused("9[\"m\"]");
    assert_refused("abc");
    assert_refused("/");
    assert_refused(" 0");
}

static void a_client_may_not_send_connect_error(void **state)
{
    (void)state;
    assert_refused("4");
    assert_refused("4[]");
    assert_refused("4{\"message\":\"no\"}");
}

static void a_connect_payload_is_an_object(void **state)
{
    (void)state;
    assert_accepted("0{}");
    assert_accepted("0/a,{\"token\":\"x\"}");
    assert_refused("0[]");
    assert_refused("0null");
    assert_refused("0\"x\"");
    assert_refused("0{");
    assert_refused("0{}{}");
}

static void a_disconnect_has_no_payload(void **state)
{
    (void)state;
    assert_accepted("1");
    assert_accepted("1/a,");
    assert_refused("1{}");
    assert_refused("1/a,[]");
}

static void an_event_is_an_array_that_begins_with_a_name(void **state)
{
    (void)state;
    assert_accepted("2[\"m\"]");
    assert_accepted("2[1]");
    assert_accepted("2[-1.5]");
    assert_accepted("2[\"\"]");
    assert_refused("2");
    assert_refused("2/a");
    assert_refused("2 ");
    assert_refused("2[]");
    assert_refused("2[ ]");
    assert_refused("2{}");
    assert_refused("2{\"0\":\"m\"}");
    assert_refused("2\"m\"");
    assert_refused("2[null]");
    assert_refused("2[true]");
    assert_refused("2[[\"m\"]]");
    assert_refused("2[{}]");
}

static void reserved_event_names_are_refused_however_they_are_written(void **state)
{
    (void)state;
    assert_refused("2[\"connect\"]");
    assert_refused("2[\"connect_error\"]");
    assert_refused("2[\"disconnect\"]");
    assert_refused("2[\"disconnecting\"]");
    assert_refused("2[\"newListener\"]");
    assert_refused("2[\"removeListener\"]");
    assert_refused("2[ \"\\u0063onnect\" ]");
    assert_refused("51-[\"disconnect\",{\"_placeholder\":true,\"num\":0}]");
    assert_accepted("2[\"Connect\"]");
    assert_accepted("2[\"connected\"]");
    assert_accepted("2[\"message\",\"connect\"]");
}

static void an_ack_is_an_array_of_anything(void **state)
{
    (void)state;
    assert_accepted("31[]");
    assert_accepted("31[null]");
    assert_accepted("31[\"connect\"]");
    assert_refused("31");
    assert_refused("31{}");
    assert_refused("31[");
}

static void garbage_around_the_payload_is_refused(void **state)
{
    (void)state;
    assert_refused("2abc[\"m\"]");
    assert_refused("2 [\"m\"]");
    assert_refused("212 [\"m\"]");
    assert_refused("2[\"m\"]x");
    assert_refused("2[\"m\"");
    assert_refused("2[\"m\",NaN]");
    assert_refused("2[\"m\",\"\xff\"]");
}

static void nesting_is_limited(void **state)
{
    char text[2 + 4 + 2 * SIO_DEPTH_MAX + 8];

    (void)state;
    for (int depth = SIO_DEPTH_MAX; depth <= SIO_DEPTH_MAX + 1; depth++) {
        size_t len = 0;

        text[len++] = '3';
        for (int i = 0; i < depth; i++)
            text[len++] = '[';
        for (int i = 0; i < depth; i++)
            text[len++] = ']';
        assert_int_equal(parse_exactly(text, len), depth == SIO_DEPTH_MAX ? 0 : -1);
    }
}

static void the_deepest_binary_payload_is_looked_through(void **state)
{
    char text[256] = "61-";

    (void)state;
    for (int i = 0; i < SIO_DEPTH_MAX - 1; i++)
        strcat(text, "[");
    strcat(text, "{\"_placeholder\":true,\"num\":1}");
    for (int i = 0; i < SIO_DEPTH_MAX - 1; i++)
        strcat(text, "]");
    assert_refused(text);
    *strchr(text + 3, '1') = '0';
    assert_accepted(text);
}

static void namespaces_are_limited_in_length(void **state)
{
    char text[1 + SIO_NSP_MAX + 3] = "0/";

    (void)state;
    memset(text + 2, 'a', SIO_NSP_MAX - 1);
    assert_accepted(text);
    assert_int_equal(parse(text).nsp.len, SIO_NSP_MAX);
    strcat(text, ",");
    assert_accepted(text);
    text[1 + SIO_NSP_MAX] = 'a';
    assert_refused(text);
}

static void namespaces_hold_no_control_characters(void **state)
{
    (void)state;
    assert_int_equal(parse_exactly("0/a\0b", 5), -1);
    assert_refused("0/a\x1e"
                   "b");
    assert_refused("0/a\n,");
}

static void one_to_ten_attachments_are_announced(void **state)
{
    (void)state;
    assert_accepted("51-[\"m\"]");
    assert_accepted("510-[\"m\"]");
    assert_accepted("610-1[]");
    assert_refused("50-[\"m\"]");
    assert_refused("511-[\"m\"]");
    assert_refused("5999999999999999999999-[\"m\"]");
    assert_refused("545999999-[\"m\"]");
    assert_refused("5-[\"m\"]");
    assert_refused("5--1-[\"m\"]");
    assert_refused("51[\"m\"]");
    assert_refused("51");
    assert_refused("5");
    assert_refused("51-");
    assert_refused("6[]");
    assert_refused("21-[\"m\"]");
}

static void placeholders_name_an_announced_attachment(void **state)
{
    (void)state;
    assert_accepted("510-[\"m\",{\"_placeholder\":true,\"num\":9}]");
    assert_accepted("52-[\"m\", { \"num\" : 1 , \"_placeholder\" : true } ]");
    assert_accepted("52-[\"m\",{\"_placeholder\":true,\"num\":1 }]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":2}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":-1}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":\"0\"}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":0.5}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":1e9}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":100}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":99999999999999999999}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true,\"num\":null}]");
    assert_refused("52-[\"m\",{\"_placeholder\":true}]");
    assert_refused("62-[{\"_placeholder\":true,\"num\":2}]");
}

static void placeholders_are_found_wherever_they_hide(void **state)
{
    (void)state;
    assert_refused("51-[\"m\",{\"a\":[1,{\"b\":{\"_placeholder\":true,\"num\":1}}]}]");
    assert_refused("51-[\"m\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    assert_refused("51-[\"m\",{\"_placeholder\":true,\"x\":{\"num\":0},\"num\":1}]");
    assert_refused("51-[\"m\",{\"num\":1,\"x\":{},\"_placeholder\":true}]");
    assert_refused("51-[\"m\",{\"\\u005fplaceholder\":true,\"\\u006eum\":1}]");
    assert_refused("51-[\"m\\\\\",{\"_placeholder\":true,\"num\":1}]");
    assert_refused("51-[\"m\\\"\",{\"_placeholder\":true,\"num\":1}]");
}

static void the_last_of_two_equal_members_counts(void **state)
{
    (void)state;
    assert_refused("51-[\"m\",{\"_placeholder\":true,\"num\":0,\"num\":1}]");
    assert_accepted("51-[\"m\",{\"_placeholder\":true,\"num\":1,\"num\":0}]");
    assert_refused("51-[\"m\",{\"_placeholder\":false,\"num\":1,\"_placeholder\":true}]");
    assert_accepted("51-[\"m\",{\"_placeholder\":true,\"num\":1,\"_placeholder\":false}]");
}

static void what_only_looks_like_a_placeholder_is_data(void **state)
{
    (void)state;
    assert_accepted("51-[\"m\",{\"_placeholder\":1,\"num\":5}]");
    assert_accepted("51-[\"m\",{\"_placeholder\":\"true\",\"num\":5}]");
    assert_accepted("51-[\"m\",{\"num\":5}]");
    assert_accepted("51-[\"m\",\"{\\\"_placeholder\\\":true,\\\"num\\\":5}\"]");
    assert_accepted("51-[\"m\",[\"_placeholder\",true,\"num\",5]]");
    assert_accepted("2[\"m\",{\"_placeholder\":true,\"num\":5}]");
}

static void assert_head(enum sio_type type, unsigned attachments, const char *nsp, bool has_id, uint64_t id,
                        const char *expected)
{
    struct buf out;

    buf_init(&out, 100);
    assert_int_equal(sio_packet_head(&out, type, attachments, nsp, has_id, id), 0);
    assert_slice((struct json_slice){out.data, out.len}, expected);
    buf_deinit(&out);
}

static void heads_leave_out_what_is_default(void **state)
{
    (void)state;
    assert_head(SIO_CONNECT, 0, "/", false, 0, "0");
    assert_head(SIO_DISCONNECT, 0, "/custom", false, 0, "1/custom,");
    assert_head(SIO_EVENT, 0, "/", false, 7, "2");
    assert_head(SIO_ACK, 0, "/", true, 0, "30");
    assert_head(SIO_ACK, 0, "/a", true, 999999999999999, "3/a,999999999999999");
    assert_head(SIO_BINARY_ACK, 2, "/a", true, 789, "62-/a,789");
    assert_head(SIO_BINARY_EVENT, 10, "/", false, 0, "510-");
}

static void a_head_that_does_not_fit_changes_nothing(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    assert_int_equal(buf_append_str(&out, "x"), 0);
    assert_int_equal(sio_packet_head(&out, SIO_ACK, 0, "/ride", true, 1), -1);
    assert_slice((struct json_slice){out.data, out.len}, "x");
    assert_int_equal(sio_packet_head(&out, SIO_ACK, 0, "/ride", false, 0), 0);
    assert_slice((struct json_slice){out.data, out.len}, "x3/ride,");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connect_may_have_no_payload),
        cmocka_unit_test(the_comma_after_a_namespace_may_be_missing_at_the_end),
        cmocka_unit_test(a_query_belongs_to_the_namespace),
        cmocka_unit_test(every_part_of_a_binary_event_is_found),
        cmocka_unit_test(an_id_of_zero_is_an_id),
        cmocka_unit_test(ids_have_at_most_fifteen_digits),
        cmocka_unit_test(white_space_behind_the_payload_is_left_out),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(a_client_may_not_send_connect_error),
        cmocka_unit_test(a_connect_payload_is_an_object),
        cmocka_unit_test(a_disconnect_has_no_payload),
        cmocka_unit_test(an_event_is_an_array_that_begins_with_a_name),
        cmocka_unit_test(reserved_event_names_are_refused_however_they_are_written),
        cmocka_unit_test(an_ack_is_an_array_of_anything),
        cmocka_unit_test(garbage_around_the_payload_is_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(the_deepest_binary_payload_is_looked_through),
        cmocka_unit_test(namespaces_are_limited_in_length),
        cmocka_unit_test(namespaces_hold_no_control_characters),
        cmocka_unit_test(one_to_ten_attachments_are_announced),
        cmocka_unit_test(placeholders_name_an_announced_attachment),
        cmocka_unit_test(placeholders_are_found_wherever_they_hide),
        cmocka_unit_test(the_last_of_two_equal_members_counts),
        cmocka_unit_test(what_only_looks_like_a_placeholder_is_data),
        cmocka_unit_test(heads_leave_out_what_is_default),
        cmocka_unit_test(a_head_that_does_not_fit_changes_nothing),
    };

    return cmocka_run_group_tests_name("sio_packet", tests, NULL, NULL);
}
