/*
 * The lines of CLUSTER NODES, one for each node:
 *
 *     id host:port@bus[,hostname[,name=value…]] flags primary pinged answered epoch link slots…
 *
 * where slots are `first-last`, a single one, or `[slot->-id]` of one on its way, which is still its owner's.
 */
#include "broker/redis/cluster_view.h"

#include "common/alloc.h"
#include "common/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535 };

/* What is between two separators, of which the second may be the end. False: nothing is left, and `part` is
 * none. */
static bool next_part(struct json_slice *rest, char separator, struct json_slice *part)
{
    *part = (struct json_slice){NULL, 0};
    if (!rest->at)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    *part = (struct json_slice){rest->at, end ? (size_t)(end - rest->at) : rest->len};
    if (end)
        *rest = (struct json_slice){end + 1, rest->len - part->len - 1};
    else
        *rest = (struct json_slice){NULL, 0};
    return true;
}

static bool is_text(struct json_slice part, const char *text)
{
    return part.len == strlen(text) && memcmp(part.at, text, part.len) == 0;
}

static int read_number(struct json_slice text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)text.at[i] - '0';

        if (text.at[i] < '0' || text.at[i] > '9' || value > (max - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    *number = value;
    return 0;
}

static int read_id(struct json_slice text, char id[CLUSTER_ID_LEN + 1])
{
    if (text.len != CLUSTER_ID_LEN)
        return -1;
    for (size_t i = 0; i < text.len; i++)
        if (!memchr("0123456789abcdef", text.at[i], 16))
            return -1;
    memcpy(id, text.at, text.len);
    id[text.len] = '\0';
    return 0;
}

/* --- a node's address --- */

/* Redis writes IPv6 addresses without brackets: the last colon is the port's. */
static int split_place(struct json_slice place, struct json_slice *host, uint64_t *port)
{
    const char *colon = place.len > 0 ? memrchr(place.at, ':', place.len) : NULL;

    if (!colon)
        return -1;
    *host = (struct json_slice){place.at, (size_t)(colon - place.at)};
    const struct json_slice digits = {colon + 1, place.len - host->len - 1};
    if (host->len > 2 && host->at[0] == '[' && host->at[host->len - 1] == ']')
        *host = (struct json_slice){host->at + 1, host->len - 2};
    return read_number(digits, PORT_MAX, port);
}

/* A node that is known by no host, or does not listen to clients as we are, has no address. */
static int read_address(struct json_slice text, bool by_name, struct redis_address *address)
{
    struct json_slice listens, place, host, name;
    uint64_t port;

    next_part(&text, ',', &listens);
    next_part(&text, ',', &name);
    next_part(&listens, '@', &place);
    if (split_place(place, &host, &port) != 0)
        return -1;
    if (by_name && name.len > 0)
        host = name;
    if (host.len == 0 || port == 0)
        return 0;
    return redis_address_set(address, host.at, host.len, (long)port);
}

/* --- a node --- */

enum { MYSELF = 1, PRIMARY = 2, FAILED = 4, UNKNOWN = 8 };

static unsigned read_flags(struct json_slice text)
{
    static const struct {
        const char *name;
        unsigned flag;
    } names[] = {{"myself", MYSELF}, {"master", PRIMARY}, {"fail", FAILED}, {"handshake", UNKNOWN}};
    struct json_slice word;
    unsigned flags = 0;

    while (next_part(&text, ',', &word))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (is_text(word, names[i].name))
                flags |= names[i].flag;
    return flags;
}

static int take_slots(struct cluster_view *view, uint64_t first, uint64_t last, int16_t owner)
{
    if (first > last)
        return -1;
    for (uint64_t slot = first; slot <= last; slot++) {
        if (view->owners[slot] != CLUSTER_NOBODY)
            return -1;
        view->owners[slot] = owner;
    }
    view->owned += (size_t)(last - first + 1);
    return 0;
}

static int read_slots(struct cluster_view *view, struct json_slice text, int16_t owner)
{
    struct json_slice word, end;

    while (next_part(&text, ' ', &word)) {
        uint64_t first, last;

        if (word.len > 0 && word.at[0] == '[')
            continue;
        next_part(&word, '-', &end);
        if (read_number(end, SLOTS - 1, &first) != 0)
            return -1;
        last = first;
        if (word.at && read_number(word, SLOTS - 1, &last) != 0)
            return -1;
        if (take_slots(view, first, last, owner) != 0)
            return -1;
    }
    return 0;
}

/* What is being read. */
struct reading {
    struct cluster_view *view;
    const struct redis_address *from;
    bool by_name;
    bool has_self;
};

static int take_self(struct reading *reading, struct cluster_member *self)
{
    if (reading->has_self)
        return -1;
    reading->has_self = true;
    reading->view->self = (size_t)(self - reading->view->members);
    if (self->address.port == 0)
        self->address = *reading->from;
    return 0;
}

static int read_line(struct reading *reading, struct json_slice line)
{
    enum { ID, ADDRESS, FLAGS, REPLICA_OF, PINGED, ANSWERED, EPOCH, LINK, FIELDS };
    struct cluster_view *view = reading->view;
    struct json_slice fields[FIELDS];
    struct cluster_member *member = &view->members[view->count];

    for (size_t i = 0; i < FIELDS; i++)
        if (!next_part(&line, ' ', &fields[i]))
            return -1;
    unsigned flags = read_flags(fields[FLAGS]);
    if (flags & UNKNOWN)
        return 0;
    memset(member, 0, sizeof *member);
    if (read_id(fields[ID], member->id) != 0 ||
        read_address(fields[ADDRESS], reading->by_name, &member->address) != 0 ||
        read_number(fields[EPOCH], UINT64_MAX, &member->epoch) != 0)
        return -1;
    member->failed = flags & FAILED;
    member->certain = member->address.port > 0 && is_text(fields[LINK], "connected");
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->members[i].id, member->id) == 0)
            return -1;
    if ((flags & MYSELF) && take_self(reading, member) != 0)
        return -1;
    if (member->address.port == 0)
        return 0;
    view->count++;
    return flags & PRIMARY ? read_slots(view, line, (int16_t)(view->count - 1)) : 0;
}

/* --- all of them --- */

static size_t count_lines(struct json_slice text)
{
    struct json_slice line;
    size_t lines = 0;

    while (next_part(&text, '\n', &line))
        lines += line.len > 0;
    return lines;
}

static int read_lines(struct reading *reading, struct json_slice text)
{
    struct json_slice line;

    while (next_part(&text, '\n', &line))
        if (line.len > 0 && read_line(reading, line) != 0)
            return -1;
    return reading->has_self ? 0 : -1;
}

struct cluster_view *cluster_view_read(const char *text, size_t len, const struct redis_address *from,
                                       bool by_name)
{
    const struct json_slice all = {text, len};
    size_t lines = count_lines(all);

    if (lines > CLUSTER_NODES_MAX)
        return NULL;
    struct cluster_view *view = alloc_zeroed(sizeof *view);
    struct reading reading = {.view = view, .from = from, .by_name = by_name};
    view->members = alloc_zeroed((lines + 1) * sizeof *view->members);
    for (size_t slot = 0; slot < SLOTS; slot++)
        view->owners[slot] = CLUSTER_NOBODY;
    if (read_lines(&reading, all) == 0)
        return view;
    cluster_view_free(view);
    return NULL;
}

void cluster_view_free(struct cluster_view *view)
{
    if (!view)
        return;
    free(view->members);
    free(view);
}
