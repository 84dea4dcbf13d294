/*
 * JSON as text: a recursive-descent checker, and a walker over text that has passed it.
 */
#include "common/json_text.h"

#include <stdint.h>
#include <string.h>

/* What is left to read. Every function below stops at `end`. */
struct reader {
    const char *at, *end;
};

static bool read_value(struct reader *r, unsigned depth);

static unsigned char byte_at(const struct reader *r, size_t i)
{
    return (size_t)(r->end - r->at) > i ? (unsigned char)r->at[i] : 0;
}

static bool accept(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && is_space(*r->at))
        r->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number in four hexadecimal digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t code = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value((unsigned char)at[i]);

        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* The well-formed sequences of the Unicode standard, table 3-7. */
size_t json_text_utf8(const char *text, size_t len)
{
    const struct reader r = {text, text + len};
    unsigned char c = byte_at(&r, 0);
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;  /* below: overlong */
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf; /* above: a surrogate, past U+10FFFF */

    if (c < 0x80)
        return len > 0;
    if (c < 0xc2 || c > 0xf4 || len < n)
        return 0;
    if (byte_at(&r, 1) < low || byte_at(&r, 1) > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((byte_at(&r, i) & 0xc0) != 0x80)
            return 0;
    return n;
}

/* What follows a backslash. */
static bool read_escape(struct reader *r)
{
    if (r->at == r->end)
        return false;
    switch (*r->at++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    case 'u':
        if (hex4(r->at, r->end) < 0)
            return false;
        r->at += 4;
        return true;
    default:
        return false;
    }
}

static bool read_string(struct reader *r)
{
    if (!accept(r, '"'))
        return false;
    while (r->at < r->end) {
        unsigned char c = (unsigned char)*r->at;

        if (c == '"') {
            r->at++;
            return true;
        }
        if (c == '\\') {
            r->at++;
            if (!read_escape(r))
                return false;
        } else if (c < 0x20) {
            return false;
        } else if (c < 0x80) {
            r->at++;
        } else {
            size_t n = json_text_utf8(r->at, (size_t)(r->end - r->at));

            if (n == 0)
                return false;
            r->at += n;
        }
    }
    return false;
}

static bool read_digits(struct reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && is_digit(*r->at))
        r->at++;
    return r->at > start;
}

static bool read_number(struct reader *r)
{
    accept(r, '-');
    if (!accept(r, '0') && !read_digits(r))
        return false;
    if (accept(r, '.') && !read_digits(r))
        return false;
    if (accept(r, 'e') || accept(r, 'E')) {
        if (!accept(r, '+'))
            accept(r, '-');
        return read_digits(r);
    }
    return true;
}

static bool read_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

static bool read_array(struct reader *r, unsigned depth)
{
    r->at++;
    skip_space(r);
    if (accept(r, ']'))
        return true;
    do {
        skip_space(r);
        if (!read_value(r, depth))
            return false;
        skip_space(r);
    } while (accept(r, ','));
    return accept(r, ']');
}

static bool read_object(struct reader *r, unsigned depth)
{
    r->at++;
    skip_space(r);
    if (accept(r, '}'))
        return true;
    do {
        skip_space(r);
        if (!read_string(r))
            return false;
        skip_space(r);
        if (!accept(r, ':'))
            return false;
        skip_space(r);
        if (!read_value(r, depth))
            return false;
        skip_space(r);
    } while (accept(r, ','));
    return accept(r, '}');
}

static bool read_value(struct reader *r, unsigned depth)
{
    switch (byte_at(r, 0)) {
    case '{':
        return depth > 0 && read_object(r, depth - 1);
    case '[':
        return depth > 0 && read_array(r, depth - 1);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        return read_word(r, "null");
    default:
        return read_number(r);
    }
}

bool json_text_valid(const char *text, size_t len, unsigned depth)
{
    struct reader r = {text, text + len};

    skip_space(&r);
    if (!read_value(&r, depth))
        return false;
    skip_space(&r);
    return r.at == r.end;
}

struct json_slice json_text_trim(const char *text, size_t len)
{
    struct reader r = {text, text + len};

    skip_space(&r);
    while (r.end > r.at && is_space(r.end[-1]))
        r.end--;
    return (struct json_slice){r.at, (size_t)(r.end - r.at)};
}

/* From here on the text has been checked, so it is enough to find where things end. */

char json_text_type(struct json_slice value)
{
    return value.len > 0 ? *value.at : '\0';
}

static void skip_string(struct reader *r)
{
    for (r->at++; r->at < r->end && *r->at != '"'; r->at++)
        if (*r->at == '\\' && r->end - r->at > 1)
            r->at++;
    accept(r, '"');
}

/* Numbers and words end where the punctuation after a value begins. */
static void skip_scalar(struct reader *r)
{
    while (r->at < r->end && !is_space(*r->at) && *r->at != ',' && *r->at != ']' && *r->at != '}')
        r->at++;
}

static void skip_nested(struct reader *r)
{
    size_t depth = 0;

    do {
        char c = *r->at;

        if (c == '"') {
            skip_string(r);
            continue;
        }
        if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
        r->at++;
    } while (r->at < r->end && depth > 0);
}

/* The value at the front, which is stepped over. */
static struct json_slice take_value(struct reader *r)
{
    const char *start = r->at;
    char first = (char)byte_at(r, 0);

    if (first == '"')
        skip_string(r);
    else if (first == '[' || first == '{')
        skip_nested(r);
    else
        skip_scalar(r);
    return (struct json_slice){start, (size_t)(r->at - start)};
}

/*
 * Places the reader at the next element or member. False: there is none, or `container` is not of that
 * type.
 */
static bool enter(struct json_slice container, char open, size_t cursor, struct reader *r)
{
    if (json_text_type(container) != open || cursor >= container.len)
        return false;
    *r = (struct reader){container.at + cursor, container.at + container.len};
    if (cursor == 0)
        r->at++;
    skip_space(r);
    return r->at < r->end && *r->at != ']' && *r->at != '}';
}

/* The cursor for the next call: behind the comma, or at the closing bracket. */
static size_t leave(struct json_slice container, struct reader *r)
{
    skip_space(r);
    accept(r, ',');
    return (size_t)(r->at - container.at);
}

bool json_text_next(struct json_slice array, size_t *cursor, struct json_slice *element)
{
    struct reader r;

    if (!enter(array, '[', *cursor, &r))
        return false;
    *element = take_value(&r);
    *cursor = leave(array, &r);
    return true;
}

bool json_text_next_member(struct json_slice object, size_t *cursor, struct json_slice *name,
                           struct json_slice *value)
{
    struct reader r;

    if (!enter(object, '{', *cursor, &r))
        return false;
    *name = take_value(&r);
    skip_space(&r);
    accept(&r, ':');
    skip_space(&r);
    *value = take_value(&r);
    *cursor = leave(object, &r);
    return true;
}

struct json_slice json_text_member(struct json_slice object, const char *name)
{
    struct json_slice found = {NULL, 0}, key, value;
    size_t cursor = 0;

    while (json_text_next_member(object, &cursor, &key, &value))
        if (json_text_equals(key, name))
            found = value;
    return found;
}

/* A stretch of a string after unescaping. */
struct piece {
    const char *at;
    size_t len;
    bool lone; /* a surrogate without its other half; `at` is its escape */
    char bytes[4];
};

static size_t encode_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static char unescaped_letter(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* one of " \ / */
        return c;
    }
}

/* The escape at the front: \uXXXX, two of them for one character, or a backslash and a letter. */
static void take_escape(struct reader *r, struct piece *piece)
{
    const char *start = r->at;
    int32_t code = byte_at(r, 1) == 'u' ? hex4(start + 2, r->end) : -1;

    piece->at = piece->bytes;
    if (code < 0) {
        piece->bytes[0] = unescaped_letter((char)byte_at(r, 1));
        piece->len = 1;
        r->at += r->end - r->at > 1 ? 2 : 1;
        return;
    }
    r->at += 6;
    if (code >= 0xd800 && code <= 0xdfff) {
        bool escape_follows = byte_at(r, 0) == '\\' && byte_at(r, 1) == 'u';
        int32_t low = code < 0xdc00 && escape_follows ? hex4(r->at + 2, r->end) : -1;

        if (low < 0xdc00 || low > 0xdfff) {
            *piece = (struct piece){.at = start, .len = 6, .lone = true};
            return;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    piece->len = encode_utf8((uint32_t)code, piece->bytes);
}

static bool next_piece(struct reader *r, struct piece *piece)
{
    const char *start = r->at;

    if (start == r->end)
        return false;
    piece->lone = false;
    if (*start == '\\') {
        take_escape(r, piece);
        return true;
    }
    const char *escape = memchr(start, '\\', (size_t)(r->end - start));

    r->at = escape ? escape : r->end;
    piece->at = start;
    piece->len = (size_t)(r->at - start);
    return true;
}

/* What stands between the quotes; nothing when `string` is none. */
static struct reader inside(struct json_slice string)
{
    if (json_text_type(string) != '"' || string.len < 2)
        return (struct reader){NULL, NULL};
    return (struct reader){string.at + 1, string.at + string.len - 1};
}

static bool ends_in_open_escape(const char *text, size_t len)
{
    size_t run = 0;

    while (run < len && text[len - 1 - run] == '\\')
        run++;
    return run % 2 == 1;
}

int json_text_unescape(struct json_slice string, struct buf *out)
{
    struct reader r = inside(string);
    struct piece piece;
    size_t start = out->len;

    while (next_piece(&r, &piece)) {
        bool glued =
            piece.lone && out->len > start && ends_in_open_escape(out->data + start, out->len - start);

        if (glued || buf_append(out, piece.at, piece.len) != 0) {
            out->len = start;
            return -1;
        }
    }
    return 0;
}

int json_text_copy(struct json_slice string, char *out, size_t size)
{
    struct reader r = inside(string);
    struct piece piece;
    size_t len = 0;

    if (json_text_type(string) != '"')
        return -1;
    while (next_piece(&r, &piece)) {
        if (piece.lone || piece.len >= size - len || memchr(piece.at, '\0', piece.len))
            return -1;
        memcpy(out + len, piece.at, piece.len);
        len += piece.len;
    }
    out[len] = '\0';
    return 0;
}

bool json_text_equals(struct json_slice string, const char *text)
{
    struct reader r = inside(string);
    struct piece piece;
    size_t left = strlen(text);

    if (json_text_type(string) != '"')
        return false;
    while (next_piece(&r, &piece)) {
        if (piece.lone || piece.len > left || memcmp(piece.at, text, piece.len) != 0)
            return false;
        text += piece.len;
        left -= piece.len;
    }
    return left == 0;
}

/* Escapes are in strings alone, so for these a value of any type is one stretch of text. */

bool json_text_has_nul(struct json_slice value)
{
    struct reader r = {value.at, value.at + value.len};
    struct piece piece;

    while (next_piece(&r, &piece))
        if (!piece.lone && memchr(piece.at, '\0', piece.len))
            return true;
    return false;
}

bool json_text_has_lone_surrogate(struct json_slice value)
{
    struct reader r = {value.at, value.at + value.len};
    struct piece piece;

    while (next_piece(&r, &piece))
        if (piece.lone)
            return true;
    return false;
}

/*
 * The other way round: what is no string. A number is taken apart into its first digits that are not 0, and
 * the power of ten of the first of them.
 */
struct decimal {
    uint64_t lead; /* LEAD_DIGITS of them, filled up with zeros; 0 stands as 1 */
    long power;    /* without the exponent that is written */
    long exponent; /* that one */
};

enum { LEAD_DIGITS = 17 };

static const uint64_t LEAD_ONE = 10000000000000000;  /* 1.0000000000000000 */
static const uint64_t LEAD_MAX = 17976931348623157;  /* of the largest double, as shortest printed */
static const uint64_t LEAD_MIN = 49000000000000000;  /* of the smallest above 0 */
static const long POWER_MAX = 308, POWER_MIN = -324; /* of the same two */
static const long EXPONENT_BOUND = 1000000;          /* more is as good as that */

static void take_exponent(struct reader *r, struct decimal *number)
{
    bool negative = byte_at(r, 1) == '-';

    for (r->at++; r->at < r->end; r->at++)
        if (is_digit(*r->at) && number->exponent < EXPONENT_BOUND)
            number->exponent = number->exponent * 10 + (*r->at - '0');
    if (negative)
        number->exponent = -number->exponent;
}

static struct decimal take_apart(struct json_slice text)
{
    struct reader r = {text.at, text.at + text.len};
    struct decimal number = {0};
    int digits = 0;
    bool fraction = false;

    for (; r.at < r.end && *r.at != 'e' && *r.at != 'E'; r.at++) {
        fraction = fraction || *r.at == '.';
        if (!is_digit(*r.at))
            continue;
        if (digits > 0)
            number.power += !fraction;
        else if (fraction)
            number.power--;
        if ((digits > 0 || *r.at != '0') && digits < LEAD_DIGITS) {
            number.lead = number.lead * 10 + (uint64_t)(*r.at - '0');
            digits++;
        }
    }
    for (int i = digits; i > 0 && i < LEAD_DIGITS; i++)
        number.lead *= 10;
    if (digits == 0)
        number = (struct decimal){.lead = LEAD_ONE};
    if (r.at < r.end)
        take_exponent(&r, &number);
    return number;
}

static bool double_holds(uint64_t lead, long power)
{
    if (power >= POWER_MAX)
        return power == POWER_MAX && lead <= LEAD_MAX;
    return power > POWER_MIN || (power == POWER_MIN && lead >= LEAD_MIN);
}

bool json_text_has_number_beyond_double(struct json_slice value)
{
    struct reader r = {value.at, value.at + value.len};

    while (r.at < r.end) {
        if (*r.at == '"') {
            skip_string(&r);
        } else if (*r.at == '-' || is_digit(*r.at)) {
            const struct decimal number = take_apart(take_value(&r));

            if (!double_holds(number.lead, number.power) ||
                !double_holds(number.lead, number.power + number.exponent))
                return true;
        } else {
            r.at++;
        }
    }
    return false;
}

size_t json_text_count_members(struct json_slice value)
{
    struct reader r = {value.at, value.at + value.len};
    size_t count = 0;

    while (r.at < r.end) {
        if (*r.at == '"') {
            skip_string(&r);
            continue;
        }
        if (*r.at == ':')
            count++;
        r.at++;
    }
    return count;
}

static int quote_char(unsigned char c, struct buf *out)
{
    static const char letters[] =
        "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, the letter of its escape */

    for (const char *pair = letters; *pair; pair += 2)
        if ((unsigned char)pair[0] == c)
            return buf_append(out, (const char[]){'\\', pair[1]}, 2);
    return buf_appendf(out, "\\u%04x", c);
}

int json_text_quote(const char *text, size_t len, struct buf *out)
{
    size_t start = out->len;
    size_t done = 0;

    if (buf_append_str(out, "\"") != 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        if (buf_append(out, text + done, i - done) != 0 || quote_char(c, out) != 0)
            goto full;
        done = i + 1;
    }
    if (buf_append(out, text + done, len - done) != 0 || buf_append_str(out, "\"") != 0)
        goto full;
    return 0;
full:
    out->len = start;
    return -1;
}
