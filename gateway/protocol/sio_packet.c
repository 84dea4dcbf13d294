/*
 * Reading a packet is slices all the way: nothing is copied or allocated.
 */
#include "gateway/protocol/sio_packet.h"

#include "common/decimal.h"

#include <assert.h>
#include <string.h>

enum { ID_DIGITS_MAX = 15, ATTACHMENT_DIGITS_MAX = 2 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Takes the digits `rest` begins with. Their count, or -1 when there are more than `digits_max`. */
static int take_number(struct json_slice *rest, int digits_max, uint64_t *number)
{
    int digits = 0;

    *number = 0;
    while (rest->len > 0 && is_digit(*rest->at)) {
        if (++digits > digits_max)
            return -1;
        *number = *number * 10 + (uint64_t)(*rest->at - '0');
        rest->at++;
        rest->len--;
    }
    return digits;
}

/* Takes "2-". */
static int take_attachments(struct json_slice *rest, unsigned *attachments)
{
    uint64_t number;

    if (take_number(rest, ATTACHMENT_DIGITS_MAX, &number) <= 0 || number < 1 || number > SIO_ATTACHMENTS_MAX)
        return -1;
    if (rest->len == 0 || *rest->at != '-')
        return -1;
    rest->at++;
    rest->len--;
    *attachments = (unsigned)number;
    return 0;
}

/* Takes "/name,", of which the comma may be missing at the end of the text. */
static int take_nsp(struct json_slice *rest, struct json_slice *nsp)
{
    const char *comma;

    if (rest->len == 0 || *rest->at != '/') {
        *nsp = (struct json_slice){"/", 1};
        return 0;
    }
    comma = memchr(rest->at, ',', rest->len);
    *nsp = (struct json_slice){rest->at, comma ? (size_t)(comma - rest->at) : rest->len};
    if (nsp->len > SIO_NSP_MAX)
        return -1;
    /* The name is used as a C string and sent back raw: neither a NUL nor polling's separator may hide in it.
     */
    for (size_t i = 0; i < nsp->len; i++)
        if ((unsigned char)nsp->at[i] < ' ')
            return -1;
    rest->at += nsp->len + (comma ? 1 : 0);
    rest->len -= nsp->len + (comma ? 1 : 0);
    return 0;
}

static bool event_name_allowed(struct json_slice args)
{
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    struct json_slice name;
    size_t cursor = 0;
    char type;

    if (!json_text_next(args, &cursor, &name))
        return false;
    type = json_text_type(name);
    if (type == '-' || is_digit(type))
        return true;
    if (type != '"')
        return false;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (json_text_equals(name, reserved[i]))
            return false;
    return true;
}

/* The end of the string that begins at `at`, in valid JSON. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* Whether the text begins with an integer below `limit`, written plainly. */
static bool number_below(struct json_slice rest, unsigned limit)
{
    uint64_t number;

    if (take_number(&rest, ATTACHMENT_DIGITS_MAX, &number) <= 0 || number >= limit)
        return false;
    return is_space(*rest.at) || *rest.at == ',' || *rest.at == '}';
}

/* What is known so far of an array or object whose end has not been seen. */
struct container {
    bool placeholder; /* has the member "_placeholder": true */
    bool in_range;    /* has a "num" that an attachment answers to */
};

static void note_member(struct container *object, struct json_slice name, struct json_slice rest,
                        unsigned attachments)
{
    if (json_text_equals(name, "_placeholder"))
        object->placeholder = *rest.at == 't';
    else if (json_text_equals(name, "num"))
        object->in_range = number_below(rest, attachments);
}

/*
 * Whether every placeholder object, at any depth, names an attachment there is. One pass over valid JSON,
 * where a string before a colon is a member's name; of members with the same name the last one counts, as in
 * JavaScript.
 */
static bool placeholders_in_range(struct json_slice payload, unsigned attachments)
{
    struct container open[SIO_DEPTH_MAX + 1] = {{false, false}};
    const char *end = payload.at + payload.len;
    const char *at = payload.at;
    struct json_slice name;
    unsigned depth = 0;

    while (at < end) {
        switch (*at) {
        case '{':
        case '[':
            assert(depth < SIO_DEPTH_MAX);
            open[++depth] = (struct container){false, false};
            at++;
            break;
        case '}':
        case ']':
            if (open[depth].placeholder && !open[depth].in_range)
                return false;
            depth--;
            at++;
            break;
        case '"':
            name.at = at;
            at = string_end(at, end);
            name.len = (size_t)(at - name.at);
            at = skip_space(at, end);
            if (*at == ':') {
                at = skip_space(at + 1, end);
                note_member(&open[depth], name, (struct json_slice){at, (size_t)(end - at)}, attachments);
            }
            break;
        default:
            at++;
        }
    }
    return true;
}

/* Whether the payload, or its absence, suits the type. */
static bool payload_fits(const struct sio_packet *packet)
{
    struct json_slice payload = packet->payload;
    char wanted = packet->type == SIO_CONNECT ? '{' : '[';

    if (!payload.at)
        return packet->type == SIO_CONNECT || packet->type == SIO_DISCONNECT;
    if (packet->type == SIO_DISCONNECT || *payload.at != wanted)
        return false;
    if (!json_text_valid(payload.at, payload.len, SIO_DEPTH_MAX))
        return false;
    if (packet->type == SIO_EVENT || packet->type == SIO_BINARY_EVENT)
        return event_name_allowed(payload);
    return true;
}

int sio_packet_parse(const char *text, size_t len, struct sio_packet *packet)
{
    struct json_slice rest = {text, len};
    int digits;

    *packet = (struct sio_packet){.type = SIO_CONNECT};
    if (len == 0 || *text < '0' || *text > '0' + SIO_BINARY_ACK || *text == '0' + SIO_CONNECT_ERROR)
        return -1;
    packet->type = (enum sio_type)(*text - '0');
    rest.at++;
    rest.len--;

    if (packet->type == SIO_BINARY_EVENT || packet->type == SIO_BINARY_ACK)
        if (take_attachments(&rest, &packet->attachments) != 0)
            return -1;
    if (take_nsp(&rest, &packet->nsp) != 0)
        return -1;
    digits = take_number(&rest, ID_DIGITS_MAX, &packet->id);
    if (digits < 0)
        return -1;
    packet->has_id = digits > 0;
    while (rest.len > 0 && is_space(rest.at[rest.len - 1]))
        rest.len--;
    if (rest.len > 0)
        packet->payload = rest;

    if (!payload_fits(packet))
        return -1;
    return packet->attachments == 0 || placeholders_in_range(packet->payload, packet->attachments) ? 0 : -1;
}

int sio_packet_head(struct buf *out, enum sio_type type, unsigned attachments, const char *nsp, bool has_id,
                    uint64_t id)
{
    char count[1 + DECIMAL_MAX + 1] = {(char)('0' + type)}, number[DECIMAL_MAX];
    size_t count_len = 1, number_len = has_id ? decimal_write(number, id) : 0;
    size_t nsp_len = strcmp(nsp, "/") != 0 ? strlen(nsp) : 0, comma = nsp_len > 0;

    if (attachments > 0) {
        count_len += decimal_write(count + 1, attachments);
        count[count_len++] = '-';
    }
    size_t size = count_len + nsp_len + comma + number_len;
    char *at = buf_reserve(out, size);
    if (!at)
        return -1;
    at = mempcpy(at, count, count_len);
    at = mempcpy(at, nsp, nsp_len);
    at = mempcpy(at, ",", comma);
    memcpy(at, number, number_len);
    buf_added(out, size);
    return 0;
}
