/* Engine.IO packets and payloads: see eio_packet.h. */
#include "gateway/protocol/eio_packet.h"

#include "common/base64.h"
#include "gateway/net/ws.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

enum { SEPARATOR = 0x1e, BINARY_PREFIX = 'b' };

int eio_packet_parse(char *text, size_t len, struct eio_packet *packet)
{
    if (len == 0)
        return -1;
    packet->data = text + 1;
    packet->len = len - 1;
    packet->binary = text[0] == BINARY_PREFIX;
    if (packet->binary) {
        packet->type = EIO_MESSAGE;
        return base64_decode(BASE64, text + 1, len - 1, text + 1, &packet->len);
    }
    if (text[0] < '0' || text[0] > '6')
        return -1;
    packet->type = (enum eio_type)(text[0] - '0');
    return 0;
}

int eio_payload_next(char *payload, size_t len, size_t *at, struct eio_packet *packet)
{
    /* Each packet moves `*at` past the separator that follows it, or, without one, past the end by as much.
     */
    if (*at > len)
        return 0;
    if (*at == len)
        return -1;
    char *start = payload + *at;
    char *end = memchr(start, SEPARATOR, len - *at);
    size_t n = end ? (size_t)(end - start) : len - *at;

    *at += n + 1;
    return eio_packet_parse(start, n, packet) ? -1 : 1;
}

static int append_base64(struct buf *out, const char *data, size_t len)
{
    if (len > INT_MAX / 2)
        return -1;
    /* The prefix, and the NUL that EVP_EncodeBlock() ends with. */
    char *to = buf_reserve(out, (len + 2) / 3 * 4 + 2);

    if (!to)
        return -1;
    to[0] = BINARY_PREFIX;
    int n = EVP_EncodeBlock((unsigned char *)to + 1, (const unsigned char *)data, (int)len);

    buf_added(out, (size_t)n + 1);
    return 0;
}

int eio_payload_from_frames(struct buf *out, const char *frames, size_t len)
{
    size_t before = out->len;
    size_t at = 0;
    enum ws_opcode opcode;
    const char *data;
    size_t n;

    while (ws_frames_next(frames, len, &at, &opcode, &data, &n)) {
        if ((out->len && buf_append(out, &(char){SEPARATOR}, 1)) ||
            (opcode == WS_BINARY ? append_base64(out, data, n) : buf_append(out, data, n))) {
            out->len = before;
            return -1;
        }
    }
    return 0;
}
