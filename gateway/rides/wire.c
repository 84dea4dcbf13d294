/* Finished frames: see wire.h. */
#include "gateway/rides/wire.h"

#include "common/decimal.h"
#include "gateway/net/ws.h"

#include <stdlib.h>
#include <string.h>

void wire_offset(const struct broker_position *position, char out[WIRE_OFFSET_SIZE])
{
    char *at = out + decimal_write(out, position->offset);

    if (position->chain[0])
        at = stpcpy(stpcpy(at, "."), position->chain);
    stpcpy(stpcpy(at, "-"), position->epoch);
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
    char before[RIDE_NAME_MAX + 64], *before_end;
    char after[WIRE_OFFSET_SIZE + 32], *after_end = after;

    wire_offset(position, offset);
    if (form == WIRE_PLAIN) {
        before_end = stpcpy(stpcpy(stpcpy(before, "{\"event\":\""), event), "\",\"data\":");
        after_end = stpcpy(stpcpy(stpcpy(after, ",\"offset\":\""), offset), "\"}");
    } else {
        before_end = stpcpy(before, "42");
        if (strcmp(ride, "/") != 0)
            before_end = stpcpy(stpcpy(before_end, ride), ",");
        before_end = stpcpy(stpcpy(stpcpy(before_end, "[\""), event), "\",");
        if (form == WIRE_SOCKETIO)
            after_end = stpcpy(stpcpy(stpcpy(after, ",\""), offset), "\"");
        after_end = stpcpy(after_end, "]");
    }

    size_t before_len = (size_t)(before_end - before), after_len = (size_t)(after_end - after);
    size_t payload = before_len + user->len + after_len;
    uint8_t header[WS_HEADER_MAX];
    size_t header_len = ws_frame_header(WS_TEXT, payload, header);
    char *at = buf_reserve(out, header_len + payload);
    if (!at)
        return -1;
    at = mempcpy(at, header, header_len);
    at = mempcpy(at, before, before_len);
    at = mempcpy(at, user->data, user->len);
    memcpy(at, after, after_len);
    buf_added(out, header_len + payload);
    return 0;
}
