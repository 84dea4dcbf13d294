/*
 * What a gateway says of itself: the figures of its parts, once a second.
 */
#include "gateway/pages/about.h"

#include "common/json_text.h"
#include "tests/unit/figures_world.h"

#include <json-c/json_object.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

struct speaker {
    struct world *world;
    struct about about;
    struct json_object *options;
};

static int start(void **state)
{
    struct speaker *s = calloc(1, sizeof *s);

    assert_non_null(s);
    world_start((void **)&s->world);
    s->options = json_object_new_object();
    assert_non_null(s->options);
    *state = s;
    return 0;
}

static int stop(void **state)
{
    struct speaker *s = *state;

    world_stop((void **)&s->world);
    json_object_put(s->options);
    free(s);
    return 0;
}

static void speak_as(struct speaker *s, const char *node)
{
    const struct about_options options = {
        .node = node,
        .options = s->options,
        .gauges = &s->world->gauges,
        .broker = &s->world->broker,
        .timers = s->world->timers,
    };

    about_start(&s->about, &options);
}

/* The latest that was said has the member with that value. */
static void expect(const struct speaker *s, const char *name, const char *value)
{
    const struct blob *said = s->world->broker.about;

    assert_true(json_text_valid(said->data, said->len, 3));
    struct json_slice found = json_text_member((struct json_slice){said->data, said->len}, name);
    if (found.len != strlen(value) || memcmp(found.at, value, found.len) != 0)
        fail_msg("%s is %.*s instead of %s", name, (int)found.len, found.at, value);
}

static void it_speaks_at_once_and_then_once_a_second(void **state)
{
    struct speaker *s = *state;

    speak_as(s, "a");
    assert_int_equal(s->world->broker.said, 1);
    expect(s, "uptime", "0");
    for (unsigned i = 1; i <= 3; i++) {
        pass(s->world, SECOND_US - 1000);
        assert_int_equal(s->world->broker.said, i);
        pass(s->world, 1000);
        assert_int_equal(s->world->broker.said, i + 1);
    }
    expect(s, "uptime", "3");
}

static void it_tells_what_its_parts_count(void **state)
{
    struct speaker *s = *state;
    struct world *w = s->world;

    w->server.net.connections = 20;
    w->eio = (struct eio){.sessions = 11, .websockets = 8};
    w->plain_count = 5;
    w->broker.held = 7;
    w->presence.rides.events = 100;
    w->presence.rides.deliveries = 123456789012;
    speak_as(s, "a");
    expect(s, "node", "\"a\"");
    expect(s, "version", "\"" RIDECAST_VERSION "\"");
    expect(s, "connections", "20");
    expect(s, "clients", "16");
    expect(s, "polling", "3");
    expect(s, "websocket", "8");
    expect(s, "plain", "5");
    expect(s, "rides", "0");
    expect(s, "riders", "7");
    expect(s, "events", "100");
    expect(s, "deliveries", "123456789012");
}

static void it_tells_its_options(void **state)
{
    struct speaker *s = *state;

    json_object_object_add(s->options, "node-lease", json_object_new_uint64(3000));
    for (int i = 0; i < 2; i++) {
        speak_as(s, "a");
        expect(s, "options", "{\"node-lease\":3000}");
    }
}

static void it_tells_its_state(void **state)
{
    struct speaker *s = *state;

    speak_as(s, "a");
    expect(s, "state", "\"broker down\"");
    s->world->presence.ready = true;
    pass(s->world, SECOND_US);
    expect(s, "state", "\"ready\"");
    s->world->server.draining = true;
    pass(s->world, SECOND_US);
    expect(s, "state", "\"draining\"");
}

static void delivery_is_that_of_the_last_ten_seconds_in_milliseconds(void **state)
{
    struct speaker *s = *state;

    speak_as(s, "a");
    expect(s, "deliveryP50", "null");
    expect(s, "deliveryP99", "null");
    for (int i = 0; i < 90; i++)
        metric_observe(s->world->gauges.delays, 200);
    for (int i = 0; i < 10; i++)
        metric_observe(s->world->gauges.delays, 4000);
    for (int i = 0; i < ABOUT_SPANS; i++) {
        pass(s->world, SECOND_US);
        expect(s, "deliveryP50", "0.25");
        expect(s, "deliveryP99", "5");
    }
    pass(s->world, SECOND_US);
    expect(s, "deliveryP50", "null");
    expect(s, "deliveryP99", "null");
}

static void lag_is_that_of_the_loop(void **state)
{
    struct speaker *s = *state;

    speak_as(s, "a");
    pass(s->world, 0);
    expect(s, "lagP99", "null");
    pass(s->world, SECOND_US); /* the loop's own timer was due after a quarter */
    pass(s->world, SECOND_US);
    expect(s, "lagP99", "1000");
}

/* Each byte of a node id may need six in JSON. */
static void the_longest_node_id_and_numbers_fit(void **state)
{
    struct speaker *s = *state;
    char node[65];

    memset(node, '"', sizeof node - 1);
    node[sizeof node - 1] = '\0';
    s->world->server.net.connections = s->world->eio.sessions = SIZE_MAX;
    s->world->presence.rides.events = s->world->presence.rides.deliveries = UINT64_MAX;
    speak_as(s, node);
    assert_int_equal(s->world->broker.said, 1);
    expect(s, "events", "18446744073709551615");
}

#define by_speaker(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        by_speaker(it_speaks_at_once_and_then_once_a_second),
        by_speaker(it_tells_what_its_parts_count),
        by_speaker(it_tells_its_options),
        by_speaker(it_tells_its_state),
        by_speaker(delivery_is_that_of_the_last_ten_seconds_in_milliseconds),
        by_speaker(lag_is_that_of_the_loop),
        by_speaker(the_longest_node_id_and_numbers_fit),
    };

    return cmocka_run_group_tests_name("about", tests, NULL, NULL);
}
