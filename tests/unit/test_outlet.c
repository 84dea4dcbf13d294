/*
 * Packets that are shared: their place among the others, the fragments they go in, and what of them counts as
 * waiting. (test_ride.c has the rest of what an outlet does.) The carrier takes a few bytes at a time.
 */
#include "gateway/rides/outlet.h"

#include "common/blob.h"
#include "gateway/net/parcel.h"
#include "tests/unit/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BACKLOG = 20000, LARGE = 30000, MEDIUM = 17000, SMALL = 100 };

struct world {
    struct outlets outlets;
    struct outlet outlet;
    struct buf head;
    size_t room;   /* of a write */
    size_t writes; /* that may come before the carrier is blocked */
    unsigned overflows;
    struct buf message; /* of which fragments have come */
    struct buf journal;
};

static struct world *world_of(struct outlet *outlet)
{
    return (struct world *)((char *)outlet - offsetof(struct world, outlet));
}

static size_t carrier_room(struct outlet *outlet)
{
    const struct world *w = world_of(outlet);

    return w->writes ? w->room : 0;
}

/* A text as its first letters and its length. */
static void note_text(struct world *w, const char *text, size_t len)
{
    journal_note(&w->journal, "%.*s %zu", (int)(len < 4 ? len : 4), text, len);
}

/* The frames of one write: whole ones, or one fragment. */
static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct world *w = world_of(outlet);
    enum ws_opcode opcode;
    const char *payload;
    size_t len;

    assert_true(w->writes > 0);
    w->writes--;
    for (size_t at = 0, from = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len); from = at) {
        bool last = frames[from] & 0x80;
        bool whole = last && !w->message.len && opcode == WS_TEXT;

        if (!whole) {
            assert_int_equal(opcode, w->message.len ? 0 : WS_TEXT);
            assert_int_equal(n, at - from); /* alone */
            assert_int_equal(buf_append(&w->message, payload, len), 0);
        }
        if (whole)
            note_text(w, payload, len);
        if (whole || !last)
            continue;
        note_text(w, w->message.data, w->message.len);
        buf_clear(&w->message);
    }
}

static void carrier_overflow(struct outlet *outlet)
{
    world_of(outlet)->overflows++;
}

static void carrier_summary(struct outlet *outlet)
{
    outlet_packet(outlet, WS_TEXT, "summary", NULL, 0);
}

static void carrier_hand_over(struct outlet *outlet, struct parcel *packet)
{
    struct world *w = world_of(outlet);

    w->writes--;
    journal_note(&w->journal, "handed over %zu", parcel_len(packet));
    parcel_free(packet);
}

static int setup(void **state)
{
    static const struct outlet_carrier carrier = {.room = carrier_room,
                                                  .write = carrier_write,
                                                  .overflow = carrier_overflow,
                                                  .summary = carrier_summary,
                                                  .hand_over = carrier_hand_over};
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    w->outlets.backlog_bytes = BACKLOG;
    w->room = 1000;
    outlet_init(&w->outlet, &w->outlets, &carrier);
    buf_init(&w->head, 16);
    assert_int_equal(buf_append_str(&w->head, "head"), 0);
    buf_init(&w->message, 1 << 20);
    journal_init(&w->journal);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    outlet_deinit(&w->outlet);
    buf_deinit(&w->head);
    buf_deinit(&w->message);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

static struct blob *blob_of(size_t len)
{
    char *bytes = malloc(len);

    memset(bytes, 'x', len);
    struct blob *blob = blob_new(bytes, len);

    free(bytes);
    return blob;
}

/* Sends it; how many hold it then, but for the test. */
static unsigned ship(struct world *w, size_t len)
{
    struct blob *blob = blob_of(len);

    outlet_shared(&w->outlet, &w->head, blob, "]");
    unsigned refs = blob->refs;

    blob_unref(blob);
    return refs - 1;
}

static void say(struct world *w, const char *text)
{
    outlet_packet(&w->outlet, WS_TEXT, text, NULL, 0);
}

static void flush(struct world *w, size_t writes)
{
    w->writes = writes;
    outlet_flush(&w->outlet);
}

static void it_keeps_its_place(void **state)
{
    struct world *w = *state;

    say(w, "one");
    ship(w, MEDIUM);
    say(w, "two");
    say(w, "three");
    flush(w, 100);
    journal_check(&w->journal, "one 3\n"
                               "head 17005\n"
                               "two 3\n"
                               "thre 5\n");
    assert_false(outlet_pending(&w->outlet));
}

static void it_is_not_copied_but_where_it_is_small(void **state)
{
    struct world *w = *state;

    assert_int_equal(ship(w, SMALL), 0);
    assert_int_equal(ship(w, MEDIUM), 1);
    flush(w, 100);
    journal_check(&w->journal, "head 105\n"
                               "head 17005\n");
}

static void it_goes_on_where_the_client_was_blocked(void **state)
{
    struct world *w = *state;

    ship(w, LARGE);
    for (int i = 0; i < 30; i++)
        flush(w, 1);
    journal_check(&w->journal, "");
    assert_true(outlet_pending(&w->outlet));
    say(w, "behind");
    flush(w, 1); /* its last fragment */
    flush(w, 1);
    journal_check(&w->journal, "head 30005\n"
                               "behi 6\n");
    assert_false(outlet_pending(&w->outlet));
}

static void one_on_its_way_does_not_count_as_waiting(void **state)
{
    struct world *w = *state;

    ship(w, LARGE);
    flush(w, 1);
    ship(w, LARGE); /* alone in waiting */
    assert_int_equal(w->overflows, 0);
    ship(w, LARGE);
    assert_int_equal(w->overflows, 1);
}

static void what_waits_counts_shared_or_not(void **state)
{
    struct world *w = *state;

    ship(w, MEDIUM);
    ship(w, MEDIUM);
    assert_int_equal(w->overflows, 1);
}

static void one_write_of_any_size_takes_a_whole_one(void **state)
{
    struct world *w = *state;

    w->room = SIZE_MAX;
    say(w, "before");
    ship(w, MEDIUM);
    say(w, "behind");
    for (int i = 0; i < 3; i++) {
        flush(w, 1);
        assert_int_equal(outlet_pending(&w->outlet), i < 2);
    }
    journal_check(&w->journal, "befo 6\n"
                               "handed over 17005\n"
                               "behi 6\n");
}

static void a_summary_waits_for_the_one_on_its_way(void **state)
{
    struct world *w = *state;

    w->outlet.skips = true;
    ship(w, MEDIUM);
    flush(w, 1);
    outlet_lag(&w->outlet);
    flush(w, 1);
    flush(w, 100);
    journal_check(&w->journal, "head 17005\n"
                               "summ 7\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_keeps_its_place),
        TEST(it_is_not_copied_but_where_it_is_small),
        TEST(it_goes_on_where_the_client_was_blocked),
        TEST(one_on_its_way_does_not_count_as_waiting),
        TEST(what_waits_counts_shared_or_not),
        TEST(one_write_of_any_size_takes_a_whole_one),
        TEST(a_summary_waits_for_the_one_on_its_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
