/* Finished frames: see wire.h. */
#include "gateway/rides/wire.h"

#include "gateway/net/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wire_offset(const struct broker_position *position, char out[WIRE_OFFSET_SIZE])
{
    snprintf(out, WIRE_OFFSET_SIZE, "%" PRIu64 "%s%s-%s", position->offset, position->chain[0] ? "." : "",
             position->chain, position->epoch);
}

bool wire_read_offset(const char *text, struct broker_position *position)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 15 || text[digits] != '.')
        return false;
    const char *chain = text + digits + 1;
    if (strspn(chain, "0123456789abcdef") != CHAIN_LEN || chain[CHAIN_LEN] != '-')
        return false;
    const char *epoch = chain + CHAIN_LEN + 1;
    if (strlen(epoch) != EPOCH_LEN)
        return false;
    *position = (struct broker_position){.offset = strtoull(text, NULL, 10)};
    memcpy(position->chain, chain, CHAIN_LEN);
    memcpy(position->epoch, epoch, EPOCH_LEN);
    return true;
}

const char *wire_event_name(enum broker_event_kind kind)
{
    switch (kind) {
    case BROKER_EXITED:
        return "userExited";
    case BROKER_DISCONNECTED:
        return "userDisconnected";
    case BROKER_BOARDED:
    case BROKER_RESTORED:
    case BROKER_ENDED:
        break;
    }
    return "userBoarded";
}

int wire_event(struct buf *out, enum wire_form form, const char *ride, enum broker_event_kind kind,
               const struct blob *user, const struct broker_position *position)
{
    const char *event = wire_event_name(kind);
    char offset[WIRE_OFFSET_SIZE];

    wire_offset(position, offset);

    char before[RIDE_NAME_MAX + 64];
    char after[WIRE_OFFSET_SIZE + 32];
    int before_len;
    int after_len;
    if (form == WIRE_PLAIN) {
        before_len = snprintf(before, sizeof before, "{\"event\":\"%s\",\"data\":", event);
        after_len = snprintf(after, sizeof after, ",\"offset\":\"%s\"}", offset);
    } else {
        bool root = !strcmp(ride, "/");

        before_len =
            snprintf(before, sizeof before, "42%s%s[\"%s\",", root ? "" : ride, root ? "" : ",", event);
        after_len = form == WIRE_SOCKETIO ? snprintf(after, sizeof after, ",\"%s\"]", offset)
                                          : snprintf(after, sizeof after, "]");
    }

    size_t payload = (size_t)before_len + user->len + (size_t)after_len;
    uint8_t header[WS_HEADER_MAX];
    size_t header_len = ws_frame_header(WS_TEXT, payload, header);
    char *at = buf_reserve(out, header_len + payload);
    if (!at)
        return -1;
    at = mempcpy(at, header, header_len);
    at = mempcpy(at, before, (size_t)before_len);
    at = mempcpy(at, user->data, user->len);
    memcpy(at, after, (size_t)after_len);
    buf_added(out, header_len + payload);
    return 0;
}
