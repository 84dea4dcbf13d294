/*
 * The strict reader of events and their parts.
 */
#include "broker/redis/record.h"

#include "common/user.h"

#include <string.h>

/* What the scripts' floating-point numbers hold exactly: all of 15 digits, and the microseconds of a few
 * centuries. */
enum { OFFSET_DIGITS_MAX = 15, TENURE_DIGITS_MAX = 16 };

enum { EVENT_SEPARATOR = '\x1e' };

static bool is_id_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int parse_letters(struct json_slice text, char *out, size_t letters)
{
    if (text.len != letters)
        return -1;
    for (size_t i = 0; i < letters; i++)
        if (!is_id_letter(text.at[i]))
            return -1;
    memcpy(out, text.at, letters);
    out[letters] = '\0';
    return 0;
}

int record_parse_epoch(struct json_slice text, char epoch[EPOCH_LEN + 1])
{
    return parse_letters(text, epoch, EPOCH_LEN);
}

int record_parse_chain(struct json_slice text, char chain[CHAIN_LEN + 1])
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.at[i]))
            return -1;
    return parse_letters(text, chain, CHAIN_LEN);
}

int record_parse_socket_id(struct json_slice text, char socket_id[SOCKET_ID_LEN + 1])
{
    return parse_letters(text, socket_id, SOCKET_ID_LEN);
}

static int parse_digits(struct json_slice text, size_t digits_max, uint64_t *number)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > digits_max)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    *number = value;
    return 0;
}

int record_parse_offset(struct json_slice text, uint64_t *offset)
{
    return parse_digits(text, OFFSET_DIGITS_MAX, offset);
}

int record_parse_tenure(struct json_slice text, uint64_t *tenure)
{
    return parse_digits(text, TENURE_DIGITS_MAX, tenure);
}

/* Copies what has no space, control character or brace in it: a brace would move a key to another slot. */
static int parse_name(struct json_slice text, char *out, size_t len_max)
{
    if (text.len == 0 || text.len > len_max)
        return -1;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= ' ' || strchr("{}\x7f", text.at[i]))
            return -1;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return 0;
}

int record_parse_ride(struct json_slice text, char ride[RIDE_NAME_MAX + 1])
{
    return text.len > 0 && text.at[0] == '/' ? parse_name(text, ride, RIDE_NAME_MAX) : -1;
}

int record_parse_node(struct json_slice text, char node[RECORD_NODE_MAX + 1])
{
    if (text.len == 1 && text.at[0] == '-')
        return -1; /* who holds what is suspended: that is not to be suspended once more */
    return parse_name(text, node, RECORD_NODE_MAX);
}

int record_parse_kind(struct json_slice text, enum broker_event_kind *kind)
{
    static const struct {
        const char *name;
        enum broker_event_kind kind;
    } kinds[] = {
        {"boarded", BROKER_BOARDED},   {"exited", BROKER_EXITED}, {"disconnected", BROKER_DISCONNECTED},
        {"restored", BROKER_RESTORED}, {"ended", BROKER_ENDED},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (text.len == strlen(kinds[i].name) && memcmp(text.at, kinds[i].name, text.len) == 0) {
            *kind = kinds[i].kind;
            return 0;
        }
    }
    return -1;
}

bool record_user_valid(struct json_slice user)
{
    return user.len >= 2 && user.len <= RECORD_USER_MAX && user.at[0] == '{' &&
           user.at[user.len - 1] == '}' && json_text_valid(user.at, user.len, USER_DEPTH_MAX);
}

static bool word_is(struct json_slice word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

/* Cuts off the front up to the next space. False: there is none. */
static bool next_word(struct json_slice *rest, struct json_slice *word)
{
    const char *space = rest->len > 0 ? memchr(rest->at, ' ', rest->len) : NULL;

    if (!space)
        return false;
    word->at = rest->at;
    word->len = (size_t)(space - rest->at);
    rest->at = space + 1;
    rest->len -= word->len + 1;
    return true;
}

static int parse_position(struct json_slice epoch, struct json_slice offset, struct json_slice chain,
                          struct broker_position *position)
{
    if (record_parse_epoch(epoch, position->epoch) != 0 ||
        record_parse_offset(offset, &position->offset) != 0)
        return -1;
    return record_parse_chain(chain, position->chain);
}

int record_parse_event(const char *text, size_t len, struct record_event *event)
{
    struct json_slice rest = {text, len};
    struct json_slice epoch, offset, chain, before, kind, socket_id;

    if (!next_word(&rest, &epoch) || !next_word(&rest, &offset) || !next_word(&rest, &chain) ||
        !next_word(&rest, &before) || !next_word(&rest, &kind) || !next_word(&rest, &socket_id))
        return -1;
    if (parse_position(epoch, offset, chain, &event->position) != 0 || event->position.offset == 0 ||
        record_parse_chain(before, event->before) != 0 || record_parse_kind(kind, &event->kind) != 0 ||
        record_parse_socket_id(socket_id, event->socket_id) != 0 || !record_user_valid(rest))
        return -1;
    event->user = rest;
    return 0;
}

bool record_next_event(struct json_slice *message, struct json_slice *event)
{
    const char *end = message->len > 0 ? memchr(message->at, EVENT_SEPARATOR, message->len) : NULL;
    size_t len = end ? (size_t)(end - message->at) : message->len;

    if (message->len == 0)
        return false;
    *event = (struct json_slice){message->at, len};
    *message = (struct json_slice){message->at + len + !!end, message->len - len - !!end};
    return true;
}

enum record_verdict record_parse_answer(const char *text, size_t len, struct record_answer *answer)
{
    struct json_slice rest = {text, len};
    struct json_slice word, epoch, offset, chain, tenure;

    if (word_is(rest, "early"))
        return RECORD_EARLY;
    if (word_is(rest, "refused"))
        return RECORD_REFUSED;
    if (word_is(rest, "crowded"))
        return RECORD_CROWDED;
    if (!next_word(&rest, &word) || !next_word(&rest, &epoch) || !next_word(&rest, &offset))
        return RECORD_NO_ANSWER;
    if (word_is(word, "moved"))
        return parse_position(epoch, offset, rest, &answer->position) == 0 ? RECORD_MOVED : RECORD_NO_ANSWER;
    bool done = word_is(word, "done");
    if ((!done && !word_is(word, "ok")) || !next_word(&rest, &chain) || !next_word(&rest, &tenure) ||
        parse_position(epoch, offset, chain, &answer->position) != 0 ||
        record_parse_tenure(tenure, &answer->tenure) != 0)
        return RECORD_NO_ANSWER;
    answer->detail = rest;
    return done ? RECORD_DONE : RECORD_OK;
}

int record_parse_tally(const char *text, size_t len, struct record_tally *tally)
{
    struct json_slice rest = {text, len};
    struct json_slice verb, epoch, offset, chain, aboard;
    uint64_t marks;

    if (!next_word(&rest, &verb) || !word_is(verb, "tally") || !next_word(&rest, &epoch) ||
        !next_word(&rest, &offset) || !next_word(&rest, &chain) || !next_word(&rest, &aboard) ||
        parse_position(epoch, offset, chain, &tally->position) != 0 ||
        record_parse_offset(aboard, &tally->aboard) != 0 || record_parse_offset(rest, &marks) != 0)
        return -1;
    tally->marks = (uint32_t)marks;
    return 0;
}

int record_parse_word(const char *text, size_t len, struct record_word *word)
{
    struct json_slice rest = {text, len};
    struct json_slice verb, ride, tenure;

    if (!next_word(&rest, &verb) || !next_word(&rest, &ride) || record_parse_ride(ride, word->ride) != 0)
        return -1;
    word->taken = word_is(verb, "taken");
    if (!word->taken && !word_is(verb, "held"))
        return -1;
    if (word->taken && (!next_word(&rest, &tenure) || record_parse_tenure(tenure, &word->tenure) != 0))
        return -1;
    word->sockets = rest;
    return 0;
}

bool record_next_socket(struct json_slice *sockets, char socket_id[SOCKET_ID_LEN + 1])
{
    struct json_slice rest = *sockets;
    struct json_slice word;

    if (!next_word(sockets, &word)) {
        word = rest;
        *sockets = (struct json_slice){"", 0};
    }
    return record_parse_socket_id(word, socket_id) == 0;
}
