/*
 * Carriers that record what they are given.
 */
#include "tests/unit/ride_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct client *client_of(struct outlet *outlet)
{
    return (struct client *)outlet;
}

static size_t carrier_room(struct outlet *outlet)
{
    const struct client *client = client_of(outlet);

    return client->blocked ? 0 : client->room ? client->room : SIZE_MAX;
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct client *client = client_of(outlet);
    enum ws_opcode opcode;
    const char *payload;
    size_t payload_len;
    size_t at = 0;

    assert_false(client->blocked);
    assert_int_equal(client->overflows, 0);
    assert_int_not_equal(n, 0);
    client->writes++;
    client->written = frames;
    client->heard_bytes += n;
    client->blocked = client->blocks;
    if (client->while_writing) {
        const char *packet = client->while_writing;

        client->while_writing = NULL;
        outlet_packet(outlet, WS_TEXT, packet, NULL, 0);
    }
    while (ws_frames_next(frames, n, &at, &opcode, &payload, &payload_len))
        if (payload_len < 100)
            assert_int_equal(buf_appendf(&client->heard, "%.*s\n", (int)payload_len, payload), 0);
}

static void carrier_overflow(struct outlet *outlet)
{
    client_of(outlet)->overflows++;
}

static void carrier_summary(struct outlet *outlet)
{
    assert_false(client_of(outlet)->blocked);
    outlet_packet(outlet, WS_TEXT, "summary", NULL, 0);
}

int setup(void **state)
{
    static const struct outlet_carrier carrier = {.room = carrier_room,
                                                  .write = carrier_write,
                                                  .overflow = carrier_overflow,
                                                  .summary = carrier_summary};
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    rides_init(&w->rides, BACKLOG, NULL);
    w->outlets.backlog_bytes = BACKLOG;
    w->ride = ride_new(&w->rides, "/");
    memcpy(w->ride->position.epoch, "e", 2);
    for (int i = 0; i < RIDERS; i++) {
        outlet_init(&w->client[i].outlet, &w->outlets, &carrier);
        buf_init(&w->client[i].heard, 1 << 20);
    }
    *state = w;
    return 0;
}

void join(struct world *w, int i)
{
    member_join(&w->member[i], w->ride, &w->client[i].outlet, WIRE_SOCKETIO);
}

void leave(struct world *w, int i)
{
    member_leave(&w->member[i]);
}

int teardown(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < RIDERS; i++) {
        if (w->member[i].ride)
            leave(w, i);
        outlet_deinit(&w->client[i].outlet);
        buf_deinit(&w->client[i].heard);
    }
    rides_deinit(&w->rides);
    assert_null(w->outlets.dirty);
    assert_null(w->rides.dirty);
    free(w);
    return 0;
}

void tell_sized(struct ride *ride, size_t size)
{
    char *user = malloc(size);

    assert_non_null(user);
    memset(user, '1', size);
    struct blob *blob = blob_new(user, size);
    assert_non_null(blob);
    free(user);
    ride->position.offset++;
    ride_event(ride, BROKER_BOARDED, blob, &ride->position);
    blob_unref(blob);
}

void tell(struct ride *ride)
{
    tell_sized(ride, 1);
}

void turn(struct world *w)
{
    rides_flush(&w->rides);
    outlets_flush(&w->outlets);
}

void unblock(struct client *client)
{
    client->blocked = client->blocks = false;
    outlet_touch(&client->outlet);
}

void assert_heard(struct client *client, unsigned writes, const char *payloads)
{
    assert_int_equal(buf_append(&client->heard, "", 1), 0);
    assert_string_equal(client->heard.data, payloads);
    assert_int_equal(client->writes, writes);
    buf_clear(&client->heard);
    client->writes = 0;
}

void packet(struct client *client, const char *text)
{
    outlet_packet(&client->outlet, WS_TEXT, text, NULL, 0);
}

size_t kept(const struct ride *ride, enum wire_form form)
{
    return ride->log[form].bytes.len;
}
