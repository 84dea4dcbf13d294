/*
 * Riders that come back over Socket.IO: what a client has to show, and what it gets.
 */
#include "common/log.h"
#include "tests/unit/sio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_site, teardown_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
