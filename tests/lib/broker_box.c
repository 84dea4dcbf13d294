/*
 * A broker and everything it has said.
 */
#include "tests/lib/broker_box.h"

#include "broker/chain.h"
#include "common/buf.h"
#include "tests/lib/deadline.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void box_wake(void *arg)
{
    sem_post(arg);
}

struct box *box_make(const struct broker_options *given)
{
    struct box *box = calloc(1, sizeof *box);
    struct broker_options options = *given;
    char error[256] = "";

    assert_non_null(box);
    sem_init(&box->woken, 0, 0);
    box->metrics = metrics_new();
    options.prefix = "ridecast:";
    options.metrics = box->metrics;
    options.wake = box_wake;
    options.wake_arg = &box->woken;
    box->broker = broker_new(&options, error, sizeof error);
    if (!box->broker)
        fail_msg("%s", error);
    return box;
}

struct box *box_new(const char *url, const char *node_id, size_t queue_bytes)
{
    const struct broker_options options = {.url = url,
                                           .node_id = node_id,
                                           .queue_bytes = queue_bytes,
                                           .connections_per_user = 16,
                                           .node_lease_ms = 3000,
                                           .recovery_window_ms = 15000};

    return box_make(&options);
}

struct box *box_started(struct box *box)
{
    char error[256] = "";

    if (broker_start(box->broker, error, sizeof error) != 0)
        fail_msg("%s", error);
    return box;
}

struct box *box_start(const char *url, const char *node_id)
{
    return box_started(box_new(url, node_id, (size_t)64 << 20));
}

struct box *box_start_with(const char *url, const char *node_id, uint64_t node_lease_ms,
                           uint64_t recovery_window_ms)
{
    const struct broker_options options = {.url = url,
                                           .node_id = node_id,
                                           .queue_bytes = (size_t)64 << 20,
                                           .connections_per_user = 16,
                                           .node_lease_ms = node_lease_ms,
                                           .recovery_window_ms = recovery_window_ms};

    return box_started(box_make(&options));
}

void box_drain(struct box *box)
{
    struct broker_message *after;

    for (struct broker_message *message = broker_take(box->broker); message; message = after) {
        after = broker_message_next(message);
        if (box->count == box->room) {
            box->room = box->room * 2 + 64;
            box->said = realloc(box->said, box->room * sizeof(struct broker_message *));
            assert_non_null(box->said);
        }
        box->said[box->count++] = message;
    }
}

void box_free(struct box *box)
{
    if (!box)
        return;
    broker_stop(box->broker);
    broker_free(box->broker);
    for (size_t i = 0; i < box->count; i++)
        broker_message_free(box->said[i]);
    free(box->said);
    metrics_free(box->metrics);
    sem_destroy(&box->woken);
    free(box);
}

struct broker_message *box_next(struct box *box, enum broker_message_kind kind)
{
    const struct timespec deadline = deadline_from_now();

    for (;;) {
        box_drain(box);
        while (box->next[kind] < box->count) {
            struct broker_message *message = box->said[box->next[kind]++];

            if (message->kind == kind)
                return message;
        }
        if (sem_timedwait(&box->woken, &deadline) != 0 && errno == ETIMEDOUT)
            fail_msg("the broker said nothing of kind %d in time", (int)kind);
    }
}

size_t box_count(struct box *box, enum broker_message_kind kind)
{
    size_t count = 0;

    box_drain(box);
    for (size_t i = 0; i < box->count; i++)
        count += box->said[i]->kind == kind;
    return count;
}

void box_wait_up(struct box *box)
{
    while (!box_next(box, BROKER_STATE)->up)
        ;
}

void box_wait_down(struct box *box)
{
    while (box_next(box, BROKER_STATE)->up)
        ;
}

const char *box_socket(unsigned number)
{
    static char id[SOCKET_ID_LEN + 1];

    snprintf(id, sizeof id, "%020u", number);
    return id;
}

unsigned long box_number(const struct blob *user)
{
    static const char before[] = "{\"id\":\"u";

    assert_int_equal(strncmp(user->data, before, sizeof before - 1), 0);
    return strtoul(user->data + sizeof before - 1, NULL, 10);
}

void box_submit(struct box *box, enum broker_transition_kind kind, const char *ride, unsigned number)
{
    char json[96];
    int len = snprintf(json, sizeof json, "{\"id\":\"u%u\",\"name\":\"Rider %u\",\"status\":\"boarding\"}",
                       number, number);
    bool has_user = kind == BROKER_BOARD || kind == BROKER_EXIT;
    struct blob *user = has_user ? blob_new(json, (size_t)len) : NULL;
    const struct broker_transition transition = {
        .kind = kind, .ride = ride, .socket_id = box_socket(number), .user = user, .ticket = number};

    broker_submit(box->broker, &transition);
    blob_unref(user);
}

struct broker_position box_place(struct box *box, const char *epoch, uint64_t offset)
{
    struct broker_position place = {.offset = offset, .chain = CHAIN_START};

    memcpy(place.epoch, epoch, EPOCH_LEN);
    box_drain(box);
    for (size_t i = 0; i < box->count; i++) {
        const struct broker_position *said = &box->said[i]->position;

        if (said->offset == offset && strcmp(said->epoch, epoch) == 0)
            place = *said;
    }
    return place;
}

const struct broker_message *box_replay(struct box *box, const char *epoch, uint64_t offset)
{
    const struct broker_position from = box_place(box, epoch, offset);

    broker_replay(box->broker, "/r", &from, NULL, 77);
    const struct broker_message *history = box_next(box, BROKER_HISTORY);

    assert_int_equal(history->ticket, 77);
    assert_string_equal(history->ride, "/r");
    return history;
}

long box_metric(struct box *box, const char *series)
{
    struct buf page;
    char line[160];
    long value = -1;

    buf_init(&page, 1 << 20);
    assert_int_equal(metrics_render(box->metrics, &page), 0);
    assert_int_equal(buf_append(&page, "", 1), 0);
    snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr(page.data, line);
    if (at)
        value = strtol(at + strlen(line), NULL, 10);
    buf_deinit(&page);
    return value;
}

void box_wait_metric(struct box *box, const char *series, long wanted)
{
    const struct timespec deadline = deadline_from_now();

    while (box_metric(box, series) != wanted) {
        if (deadline_passed(&deadline))
            fail_msg("%s is %ld instead of %ld", series, box_metric(box, series), wanted);
        nap();
    }
}

void box_check_promises(struct box *box, const char *ride)
{
    struct broker_position at = {.epoch = ""};

    box_drain(box);
    for (size_t i = 0; i < box->count; i++) {
        const struct broker_message *message = box->said[i];

        if (strcmp(message->ride, ride) != 0)
            continue;
        if (message->kind == BROKER_EVENT) {
            assert_string_equal(message->position.epoch, at.epoch);
            assert_int_equal(message->position.offset, at.offset + 1);
            assert_non_null(message->user);
        }
        if (message->kind == BROKER_RESULT && message->ok && strcmp(message->position.epoch, at.epoch) == 0)
            assert_true(message->position.offset <= at.offset);
        if (message->kind == BROKER_ROSTER)
            assert_int_equal(message->renumbered,
                             at.epoch[0] && strcmp(message->position.epoch, at.epoch) != 0);
        if (message->kind == BROKER_EVENT || message->kind == BROKER_ROSTER)
            at = message->position;
    }
}
