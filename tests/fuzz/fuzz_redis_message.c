/*
 * Messages on the channel of a ride and of a node, from anybody who can reach Redis. The input is lines, each
 * a message. What is taken is read as the same when it is written again, and however events come, those that
 * are passed on have offsets that rise by one, and each follows on the chain of the one before it.
 */
#include "tests/fuzz/fuzz.h"

#include "broker/chain.h"
#include "broker/message.h"
#include "broker/redis/record.h"
#include "broker/redis/stream.h"

#include <inttypes.h>

static const char *const kinds[] = {
    [BROKER_BOARDED] = "boarded",   [BROKER_EXITED] = "exited", [BROKER_DISCONNECTED] = "disconnected",
    [BROKER_RESTORED] = "restored", [BROKER_ENDED] = "ended",
};

/* A ride's events, and what has been passed on of them. */
struct watched {
    struct stream stream;
    struct broker_position told;
};

static void write_again(const struct record_event *event)
{
    struct record_event again;
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    CHECK(!buf_appendf(&text, "%s %" PRIu64 " %s %s %s %s ", event->position.epoch, event->position.offset,
                       event->position.chain, event->before, kinds[event->kind], event->socket_id));
    CHECK(!buf_append(&text, event->user.at, event->user.len));
    CHECK(!record_parse_event(text.data, text.len, &again));
    CHECK(again.position.offset == event->position.offset && again.kind == event->kind);
    CHECK(broker_position_equal(&again.position, &event->position) && again.position.chain[0]);
    CHECK(!strcmp(again.before, event->before));
    CHECK(!strcmp(again.socket_id, event->socket_id) && again.user.len == event->user.len);
    buf_deinit(&text);
}

static void settle(struct watched *watched, const struct broker_position *at);

/* Takes the event. */
static void offer(struct watched *watched, struct broker_message *event)
{
    switch (stream_offer(&watched->stream, event)) {
    case STREAM_HOLD:
        stream_hold(&watched->stream, event);
        CHECK(watched->stream.held_bytes <= STREAM_HELD_MAX);
        return;
    case STREAM_NEXT:
        CHECK(event->position.offset == watched->told.offset + 1);
        CHECK(!strcmp(event->position.epoch, watched->told.epoch));
        CHECK(!strcmp(event->before, watched->told.chain));
        watched->told = event->position;
        break;
    case STREAM_OLD:
        CHECK(event->position.offset <= watched->told.offset);
        break;
    case STREAM_GAP:
        CHECK(event->position.offset > watched->told.offset + 1);
        stream_unsettle(&watched->stream); /* the roster is read, up to this event */
        settle(watched, &event->position);
        break;
    case STREAM_FOREIGN:
        CHECK(strcmp(event->position.epoch, watched->told.epoch) != 0 ||
              event->position.offset <= watched->told.offset + 1);
        stream_unsettle(&watched->stream); /* and settled by the next malformed message */
        watched->told = event->position;
        break;
    }
    broker_message_free(event);
}

static void settle(struct watched *watched, const struct broker_position *at)
{
    struct broker_message *event;

    watched->told = *at;
    stream_settle(&watched->stream, at);
    CHECK(stream_includes(&watched->stream, at));
    while (watched->stream.live && (event = stream_take_held(&watched->stream)))
        offer(watched, event);
}

static void hear(struct watched *watched, const struct record_event *record)
{
    struct blob *user = blob_new(record->user.at, record->user.len);

    CHECK(user);
    struct broker_message *event =
        message_event("/", &record->position, record->kind, record->socket_id, user);
    strcpy(event->before, record->before);
    offer(watched, event);
    blob_unref(user);
}

/* What is said to this node. */
static void read_word(const char *text, size_t len)
{
    char socket_id[SOCKET_ID_LEN + 1];
    struct record_word word;
    size_t sockets = 0;

    if (record_parse_word(text, len, &word) != 0)
        return;
    CHECK(word.ride[0] == '/' && word.sockets.len < len);
    while (record_next_socket(&word.sockets, socket_id)) {
        CHECK(strlen(socket_id) == SOCKET_ID_LEN);
        sockets++;
    }
    CHECK(sockets * SOCKET_ID_LEN < len);
}

static void read_message(struct watched *watched, const char *text, size_t len)
{
    struct record_event event;

    if (!record_parse_event(text, len, &event)) {
        write_again(&event);
        hear(watched, &event);
    } else if (!watched->stream.live) {
        settle(watched, &watched->told);
    }
}

/* Several in one message: none reaches out of it. */
static void read_events(struct watched *watched, struct json_slice message)
{
    struct json_slice event, rest = message;

    while (record_next_event(&rest, &event)) {
        CHECK(event.at >= message.at && event.at + event.len <= rest.at);
        CHECK(rest.at + rest.len == message.at + message.len);
        char *text = fuzz_copy(event.at, event.len);
        read_message(watched, text, event.len);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watched watched = {.told = {.epoch = "epoch_-1", .chain = CHAIN_START}};
    struct fuzz_input input = fuzz_input(data, size);
    size_t len;

    stream_init(&watched.stream);
    for (char *line; (line = fuzz_line(&input, &len)); free(line)) {
        char *message = fuzz_copy(line, len);
        read_events(&watched, (struct json_slice){message, len});
        read_word(message, len);
        free(message);
    }
    stream_deinit(&watched.stream);
    return 0;
}
