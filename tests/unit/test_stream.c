/*
 * The order of a ride's events: next, old, gap, foreign; and what is held meanwhile.
 */
#include "broker/redis/stream.h"

#include "broker/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The position at an offset, in the one history that these epochs have unless a test says otherwise. */
static struct broker_position place(const char *epoch, uint64_t offset)
{
    struct broker_position position = {.offset = offset};

    memcpy(position.epoch, epoch, EPOCH_LEN);
    snprintf(position.chain, sizeof position.chain, "%08x", (unsigned)offset);
    return position;
}

static const char old_epoch[] = "epochAAA", new_epoch[] = "epochBBB";

static void settle(struct stream *stream, const char *epoch, uint64_t offset)
{
    const struct broker_position at = place(epoch, offset);

    stream_settle(stream, &at);
}

static enum stream_verdict offer_chained(struct stream *stream, const struct broker_position *at,
                                         const char *before)
{
    struct broker_message event = {.kind = BROKER_EVENT, .position = *at};

    memcpy(event.before, before, sizeof event.before);
    return stream_offer(stream, &event);
}

static enum stream_verdict offer(struct stream *stream, const char *epoch, uint64_t offset)
{
    const struct broker_position at = place(epoch, offset), before = place(epoch, offset - 1);

    return offer_chained(stream, &at, before.chain);
}

static struct broker_message *event_of_size(uint64_t offset, size_t user_len)
{
    const struct broker_position at = place(old_epoch, offset);
    struct blob *user = blob_new(NULL, 0);

    if (user_len > 0) {
        static char bytes[STREAM_HELD_MAX];

        blob_unref(user);
        user = blob_new(bytes, user_len);
    }
    struct broker_message *event = message_event("/r", &at, BROKER_BOARDED, "aaaaaaaaaaaaaaaaaaaa", user);
    blob_unref(user);
    return event;
}

static void events_are_held_until_the_stream_is_settled(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    assert_int_equal(offer(&stream, old_epoch, 1), STREAM_HOLD);
    settle(&stream, old_epoch, 0);
    assert_int_equal(offer(&stream, old_epoch, 1), STREAM_NEXT);
    stream_unsettle(&stream);
    assert_int_equal(offer(&stream, old_epoch, 2), STREAM_HOLD);
    stream_deinit(&stream);
}

static void each_next_event_moves_the_position_by_one(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    settle(&stream, old_epoch, 10);
    assert_int_equal(offer(&stream, old_epoch, 11), STREAM_NEXT);
    assert_int_equal(offer(&stream, old_epoch, 12), STREAM_NEXT);
    assert_int_equal(stream.at.offset, 12);
    stream_deinit(&stream);
}

static void old_missing_and_foreign_events_leave_the_position_alone(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    settle(&stream, old_epoch, 10);
    assert_int_equal(offer(&stream, old_epoch, 10), STREAM_OLD);
    assert_int_equal(offer(&stream, old_epoch, 1), STREAM_OLD);
    assert_int_equal(offer(&stream, old_epoch, 12), STREAM_GAP);
    assert_int_equal(offer(&stream, old_epoch, UINT64_MAX), STREAM_GAP);
    assert_int_equal(offer(&stream, new_epoch, 11), STREAM_FOREIGN);
    assert_int_equal(stream.at.offset, 10);
    assert_int_equal(offer(&stream, old_epoch, 11), STREAM_NEXT);
    stream_deinit(&stream);
}

static void another_chain_at_the_same_offset_is_another_history(void **state)
{
    struct broker_position ten = place(old_epoch, 10), eleven = place(old_epoch, 11);
    struct stream stream;

    (void)state;
    stream_init(&stream);
    settle(&stream, old_epoch, 10);
    memcpy(ten.chain, "deadbeef", sizeof ten.chain);
    assert_int_equal(offer_chained(&stream, &ten, "00000009"), STREAM_FOREIGN);
    assert_int_equal(offer_chained(&stream, &eleven, "deadbeef"), STREAM_FOREIGN);
    assert_int_equal(stream.at.offset, 10);
    assert_string_equal(stream.at.chain, "0000000a");
    assert_int_equal(offer_chained(&stream, &eleven, "0000000a"), STREAM_NEXT);
    assert_string_equal(stream.at.chain, "0000000b");
    stream_deinit(&stream);
}

static void held_events_come_out_in_order_and_once(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    for (uint64_t offset = 1; offset <= 3; offset++)
        stream_hold(&stream, event_of_size(offset, 10));
    settle(&stream, old_epoch, 0);
    for (uint64_t offset = 1; offset <= 3; offset++) {
        struct broker_message *event = stream_take_held(&stream);

        assert_int_equal(event->position.offset, offset);
        broker_message_free(event);
    }
    assert_null(stream_take_held(&stream));
    assert_int_equal(stream.held_bytes, 0);
    stream_hold(&stream, event_of_size(4, 0));
    assert_ptr_equal(stream.held_first, stream.held_last);
    stream_deinit(&stream);
}

static void events_past_the_bound_throw_all_held_ones_away_and_say_so(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    stream_hold(&stream, event_of_size(1, STREAM_HELD_MAX / 2));
    assert_false(stream.overflowed);
    stream_hold(&stream, event_of_size(2, STREAM_HELD_MAX / 2));
    assert_true(stream.overflowed);
    assert_null(stream_take_held(&stream));
    assert_int_equal(stream.held_bytes, 0);
    stream_unsettle(&stream);
    assert_false(stream.overflowed);
    stream_deinit(&stream);
}

static void unsettling_forgets_held_events_but_not_the_position(void **state)
{
    struct stream stream;

    (void)state;
    stream_init(&stream);
    settle(&stream, old_epoch, 5);
    stream_unsettle(&stream);
    stream_hold(&stream, event_of_size(6, 10));
    stream_unsettle(&stream);
    assert_null(stream_take_held(&stream));
    assert_true(stream.known);
    assert_int_equal(stream.at.offset, 5);
    stream_deinit(&stream);
    assert_false(stream.known);
}

static void a_position_is_included_up_to_the_last_event_of_its_own_epoch(void **state)
{
    const struct broker_position five = place(old_epoch, 5), six = place(old_epoch, 6),
                                 other = place(new_epoch, 1);
    struct stream stream;

    (void)state;
    stream_init(&stream);
    assert_false(stream_includes(&stream, &five));
    assert_false(stream_same_epoch(&stream, &five));
    settle(&stream, old_epoch, 5);
    assert_true(stream_includes(&stream, &five));
    assert_false(stream_includes(&stream, &six));
    assert_false(stream_includes(&stream, &other));
    assert_false(stream_same_epoch(&stream, &other));
    stream_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_held_until_the_stream_is_settled),
        cmocka_unit_test(each_next_event_moves_the_position_by_one),
        cmocka_unit_test(old_missing_and_foreign_events_leave_the_position_alone),
        cmocka_unit_test(another_chain_at_the_same_offset_is_another_history),
        cmocka_unit_test(held_events_come_out_in_order_and_once),
        cmocka_unit_test(events_past_the_bound_throw_all_held_ones_away_and_say_so),
        cmocka_unit_test(unsettling_forgets_held_events_but_not_the_position),
        cmocka_unit_test(a_position_is_included_up_to_the_last_event_of_its_own_epoch),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
