/*
 * WebSocket: see ws.h.
 *
 * The decoder reads a frame's header byte by byte, checks it, then takes the payload as it comes: unmasks it
 * where it lies, and lends it out from there if it is a whole message, else gathers it.
 */
#include "gateway/net/ws.h"

#include "common/base64.h"
#include "common/json_text.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
    FIN = 0x80,
    RSV = 0x70,
    OPCODE = 0x0f,
    CONTROL = 0x08, /* the bit that control opcodes have */
    CONTINUATION = 0,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126, /* the length is in the next 2 bytes */
    LENGTH_64 = 127, /* ... 8 bytes */
    MASK_SIZE = 4,
    KEY_BYTES = 16,
    KEY_LETTERS = 24, /* the same in base64, padded */
    PROTOCOL_MAX = 64,
};

/* ---- handshake ---- */

bool ws_handshake_valid(const char *key, const char *version)
{
    char bytes[BASE64_BYTES(KEY_LETTERS)];
    size_t n;

    return key && version && strlen(key) == KEY_LETTERS &&
           base64_decode(BASE64, key, KEY_LETTERS, bytes, &n) == 0 && n == KEY_BYTES &&
           (strcmp(version, "13") == 0 || strcmp(version, "8") == 0);
}

/* RFC 6455 section 1.3: base64 of the SHA-1 of key and GUID. */
static int accept_value(const char *key, char out[29])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[KEY_LETTERS + 36 + 1];

    if (snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key) >= (int)sizeof text)
        return -1;
    if (!EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL))
        return -1;
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
    return 0;
}

/* Moves behind the protocols that carry a secret. */
static const char *behind_bearers(const char *protocols)
{
    static const char blanks[] = " \t";

    protocols += strspn(protocols, blanks);
    while (strncmp(protocols, WS_PROTOCOL_BEARER, strlen(WS_PROTOCOL_BEARER)) == 0) {
        protocols += strcspn(protocols, ",");
        protocols += *protocols == ',';
        protocols += strspn(protocols, blanks);
    }
    return protocols;
}

/* The length of the first protocol offered, which `*start` is moved to; 0 when it is no token (RFC 9110) or
 * too long. */
static size_t first_protocol(const char **start)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    *start += strspn(*start, " \t");
    size_t len = strspn(*start, token);
    const char *end = *start + len + strspn(*start + len, " \t");

    return len <= PROTOCOL_MAX && (*end == ',' || *end == '\0') ? len : 0;
}

int ws_handshake_respond(struct buf *out, const char *key, const char *protocols, const char *headers)
{
    char accept[29];
    const char *protocol = behind_bearers(protocols ? protocols : "");
    size_t protocol_len = first_protocol(&protocol);

    if (accept_value(key, accept))
        return -1;
    return buf_appendf(out,
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n"
                       "%s%.*s%s%s\r\n",
                       accept, protocol_len ? "Sec-WebSocket-Protocol: " : "", (int)protocol_len, protocol,
                       protocol_len ? "\r\n" : "", headers ? headers : "");
}

/* ---- decoder ---- */

void ws_decoder_init(struct ws_decoder *decoder, size_t max_message)
{
    *decoder = (struct ws_decoder){.head_need = 2};
    buf_init(&decoder->message, max_message + WS_CONTROL_MAX);
}

void ws_decoder_deinit(struct ws_decoder *decoder)
{
    buf_deinit(&decoder->message);
}

bool ws_decoder_waits(const struct ws_decoder *decoder)
{
    return decoder->head_len > 0 || decoder->in_payload || decoder->message_opcode;
}

bool ws_decoder_gathers(const struct ws_decoder *decoder)
{
    return decoder->message_opcode != 0;
}

size_t ws_decoder_gathered(const struct ws_decoder *decoder)
{
    return decoder->message.len - decoder->control_len;
}

size_t ws_decoder_held(const struct ws_decoder *decoder)
{
    return decoder->message.size;
}

static bool is_control(const struct ws_decoder *decoder)
{
    return decoder->head[0] & CONTROL;
}

/* What was lent out by the last call and is not being gathered for the next. */
static void give_back(struct ws_decoder *decoder)
{
    if (!decoder->in_payload || !is_control(decoder)) {
        decoder->message.len -= decoder->control_len;
        decoder->control_len = 0;
    }
    if (!decoder->message_opcode && !decoder->control_len)
        buf_deinit(&decoder->message);
}

/* The first two bytes: which frame, whether it may come here, how long the header is. */
static enum ws_status begin_frame(struct ws_decoder *decoder)
{
    uint8_t opcode = decoder->head[0] & OPCODE;
    uint8_t length = decoder->head[1] & LENGTH;

    if ((decoder->head[0] & RSV) || !(decoder->head[1] & MASKED))
        return WS_STATUS_PROTOCOL_ERROR;
    switch (opcode) {
    case CONTINUATION:
        if (!decoder->message_opcode)
            return WS_STATUS_PROTOCOL_ERROR;
        break;
    case WS_TEXT:
    case WS_BINARY:
        if (decoder->message_opcode)
            return WS_STATUS_PROTOCOL_ERROR;
        decoder->message_opcode = opcode;
        break;
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG:
        if (!(decoder->head[0] & FIN) || length > WS_CONTROL_MAX)
            return WS_STATUS_PROTOCOL_ERROR;
        break;
    default:
        return WS_STATUS_PROTOCOL_ERROR;
    }
    decoder->head_need += MASK_SIZE + (length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0);
    return WS_STATUS_NONE;
}

/* The whole header: how long the payload is. */
static enum ws_status begin_payload(struct ws_decoder *decoder)
{
    uint64_t length = decoder->head[1] & LENGTH;

    if (length >= LENGTH_16) {
        length = 0;
        for (size_t i = 2; i < decoder->head_len - (size_t)MASK_SIZE; i++)
            length = length << 8 | decoder->head[i];
    }
    if (length >> 63)
        return WS_STATUS_PROTOCOL_ERROR;
    if (!is_control(decoder) && length > decoder->message.max - WS_CONTROL_MAX - decoder->message.len)
        return WS_STATUS_TOO_BIG;
    decoder->payload_left = length;
    decoder->mask_at = 0;
    decoder->in_payload = true;
    return WS_STATUS_NONE;
}

/* Takes header bytes; in_payload tells afterwards whether the header is complete. */
static enum ws_status read_head(struct ws_decoder *decoder, const char *bytes, size_t n, size_t *used)
{
    while (*used < n && decoder->head_len < decoder->head_need) {
        enum ws_status status = WS_STATUS_NONE;

        decoder->head[decoder->head_len++] = (uint8_t)bytes[(*used)++];
        if (decoder->head_len == 2)
            status = begin_frame(decoder);
        else if (decoder->head_len == decoder->head_need)
            status = begin_payload(decoder);
        if (status)
            return status;
    }
    return WS_STATUS_NONE;
}

/* Eight bytes at a time; the compiler makes vectors of it. */
static void unmask(struct ws_decoder *decoder, char *bytes, size_t n)
{
    const uint8_t *key = decoder->head + decoder->head_len - MASK_SIZE;
    char key8[8];
    uint64_t wide_key;
    size_t i = 0;

    for (size_t k = 0; k < sizeof key8; k++)
        key8[k] = (char)key[(decoder->mask_at + k) % MASK_SIZE];
    memcpy(&wide_key, key8, sizeof wide_key);
    for (; n - i >= sizeof wide_key; i += sizeof wide_key) {
        uint64_t word;

        memcpy(&word, bytes + i, sizeof word);
        word ^= wide_key;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < n; i++)
        bytes[i] ^= key8[i % sizeof key8];
    decoder->mask_at = (decoder->mask_at + n) % MASK_SIZE;
}

static bool utf8_valid(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint64_t word;

        /* Most text is ASCII: eight characters at a time. */
        if (len - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                at += sizeof word;
                continue;
            }
        }
        size_t n = json_text_utf8(text + at, len - at);

        if (!n)
            return false;
        at += n;
    }
    return true;
}

/* The codes that may be sent: RFC 6455 section 7.4 and the IANA registry. */
static enum ws_status check_close(const char *payload, size_t len)
{
    if (len == 0)
        return WS_STATUS_NONE;
    if (len == 1)
        return WS_STATUS_PROTOCOL_ERROR;
    unsigned code = (unsigned)(uint8_t)payload[0] << 8 | (uint8_t)payload[1];

    if (!((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)))
        return WS_STATUS_PROTOCOL_ERROR;
    return utf8_valid(payload + 2, len - 2) ? WS_STATUS_NONE : WS_STATUS_INVALID_UTF8;
}

static enum ws_status check_message(const struct ws_message *message)
{
    if (message->opcode == WS_CLOSE)
        return check_close(message->data, message->len);
    if (message->opcode == WS_TEXT && !utf8_valid(message->data, message->len))
        return WS_STATUS_INVALID_UTF8;
    return WS_STATUS_NONE;
}

/* The current frame's payload has all come; true when it completes a message, whose opcode is filled. */
static bool end_frame(struct ws_decoder *decoder, struct ws_message *message)
{
    decoder->in_payload = false;
    decoder->head_len = 0;
    decoder->head_need = 2;
    if (is_control(decoder)) {
        message->opcode = decoder->head[0] & OPCODE;
        return true;
    }
    if (!(decoder->head[0] & FIN))
        return false;
    message->opcode = decoder->message_opcode;
    decoder->message_opcode = 0;
    return true;
}

/* Takes payload bytes. WS_MORE: that was all of `bytes`, or the end of a frame that completes nothing. */
static enum ws_progress read_payload(struct ws_decoder *decoder, char *bytes, size_t n, size_t *used,
                                     struct ws_message *message, enum ws_status *status)
{
    bool control = is_control(decoder);
    char *here = bytes + *used;
    size_t len = n - *used < decoder->payload_left ? n - *used : (size_t)decoder->payload_left;
    size_t had = control ? decoder->control_len : decoder->message.len;
    bool whole = !had && len == decoder->payload_left && (decoder->head[0] & FIN);

    unmask(decoder, here, len);
    *used += len;
    decoder->payload_left -= len;
    if (!whole && buf_append(&decoder->message, here, len)) {
        *status = WS_STATUS_INTERNAL_ERROR;
        return WS_ERROR;
    }
    if (!whole && control)
        decoder->control_len += (uint8_t)len;
    if (decoder->payload_left || !end_frame(decoder, message))
        return WS_MORE;

    message->len = had + len;
    message->data = whole ? here : decoder->message.data + decoder->message.len - message->len;
    *status = check_message(message);
    return *status ? WS_ERROR : WS_MESSAGE;
}

enum ws_progress ws_decoder_feed(struct ws_decoder *decoder, char *bytes, size_t n, size_t *used,
                                 struct ws_message *message, enum ws_status *status)
{
    enum ws_progress progress = WS_MORE;

    *used = 0;
    give_back(decoder);
    while (progress == WS_MORE && *used < n) {
        *status = read_head(decoder, bytes, n, used);
        if (*status)
            return WS_ERROR;
        if (decoder->in_payload)
            progress = read_payload(decoder, bytes, n, used, message, status);
    }
    return progress;
}

/* ---- encoder ---- */

static size_t write_header(uint8_t first, size_t len, uint8_t out[WS_HEADER_MAX])
{
    size_t extra = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

    out[0] = first;
    out[1] = extra == 0 ? (uint8_t)len : extra == 2 ? LENGTH_16 : LENGTH_64;
    for (size_t i = 0; i < extra; i++)
        out[2 + i] = (uint8_t)((uint64_t)len >> 8 * (extra - 1 - i));
    return 2 + extra;
}

size_t ws_frame_header(enum ws_opcode opcode, size_t len, uint8_t out[WS_HEADER_MAX])
{
    return write_header((uint8_t)(FIN | opcode), len, out);
}

size_t ws_fragment_header(bool first, bool last, size_t len, uint8_t out[WS_HEADER_MAX])
{
    return write_header((uint8_t)((last ? FIN : 0) | (first ? WS_TEXT : CONTINUATION)), len, out);
}

int ws_frame_append(struct buf *out, enum ws_opcode opcode, const void *data, size_t len)
{
    uint8_t header[WS_HEADER_MAX];
    size_t header_len = ws_frame_header(opcode, len, header);

    if (len > SIZE_MAX - header_len)
        return -1;
    char *to = buf_reserve(out, header_len + len);

    if (!to)
        return -1;
    memcpy(to, header, header_len);
    if (len)
        memcpy(to + header_len, data, len);
    buf_added(out, header_len + len);
    return 0;
}

int ws_close_append(struct buf *out, enum ws_status status)
{
    const uint8_t code[2] = {(uint8_t)(status >> 8), (uint8_t)status};

    return ws_frame_append(out, WS_CLOSE, code, status == WS_STATUS_NONE ? 0 : sizeof code);
}

bool ws_frames_next(const char *frames, size_t len, size_t *at, enum ws_opcode *opcode, const char **payload,
                    size_t *payload_len)
{
    if (*at == len)
        return false;
    const uint8_t *head = (const uint8_t *)frames + *at;
    size_t extra = head[1] < LENGTH_16 ? 0 : head[1] == LENGTH_16 ? 2 : 8;
    uint64_t length = extra ? 0 : head[1];

    for (size_t i = 0; i < extra; i++)
        length = length << 8 | head[2 + i];
    assert(len - *at >= 2 + extra && len - *at - 2 - extra >= length);
    *opcode = head[0] & OPCODE;
    *payload = frames + *at + 2 + extra;
    *payload_len = (size_t)length;
    *at += 2 + extra + (size_t)length;
    return true;
}
