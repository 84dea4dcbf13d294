/*
 * Frames as they are written.
 */
#include "bench/frame.h"

enum { FRAME_HEADER_MAX = 14 };

/* Writes a header of `opcode` for `len` bytes: its size. `masked`: as a client, with the key 0. */
static size_t frame_header(unsigned char header[FRAME_HEADER_MAX], unsigned opcode, size_t len, bool masked)
{
    size_t size = 2;

    header[0] = (unsigned char)(0x80 | opcode);
    header[1] = masked ? FRAME_MASKED : 0;
    if (len < 126) {
        header[1] |= (unsigned char)len;
    } else if (len <= UINT16_MAX) {
        uint16_t wide = htobe16((uint16_t)len);

        header[1] |= 126;
        memcpy(header + 2, &wide, sizeof wide);
        size += sizeof wide;
    } else {
        uint64_t wide = htobe64(len);

        header[1] |= 127;
        memcpy(header + 2, &wide, sizeof wide);
        size += sizeof wide;
    }
    if (masked) {
        memset(header + size, 0, 4);
        size += 4;
    }
    return size;
}

int frame_append(struct buf *out, unsigned opcode, const char *data, size_t len, bool masked)
{
    unsigned char header[FRAME_HEADER_MAX];
    size_t size = frame_header(header, opcode, len, masked);
    char *at = buf_reserve(out, size + len);

    if (!at)
        return -1;
    memcpy(at, header, size);
    if (len > 0)
        memcpy(at + size, data, len);
    buf_added(out, size + len);
    return 0;
}
