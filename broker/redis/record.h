/*
 * What ridecast keeps in Redis and says on its channels, checked on the way in: nothing that fails here goes
 * further. Redis is shared, and anybody who can reach it can write there.
 *
 * An event on a ride's channel is `epoch offset chain before kind socketId user`, separated by single spaces;
 * `before` is the chain of the event before it, the user is JSON and the rest of the message. Several may
 * come in one. Pure; any thread.
 */
#ifndef RIDECAST_BROKER_REDIS_RECORD_H
#define RIDECAST_BROKER_REDIS_RECORD_H

#include "broker/broker.h"
#include "common/json_text.h"

enum {
    RECORD_USER_MAX = 65536, /* bytes; what the gateway takes from clients is bounded well below */
    RECORD_NODE_MAX = 80,    /* bytes */
};

struct record_event {
    struct broker_position position;
    char before[CHAIN_LEN + 1]; /* of those on the channel */
    enum broker_event_kind kind;
    char socket_id[SOCKET_ID_LEN + 1];
    struct json_slice user; /* within the text that was parsed */
};

/* 0, or -1 for anything that is not exactly an event. */
int record_parse_event(const char *text, size_t len, struct record_event *event);

/* Takes the first event off the front of a message, which may have several, for record_parse_event(): a
 * separator stands between them that no record has in it (RFC 7464). False: the message is empty. */
bool record_next_event(struct json_slice *message, struct json_slice *event);

/* What a node's operation answers (scripts/operation.lua). */
enum record_verdict {
    RECORD_OK,
    RECORD_DONE, /* before; else as ok */
    RECORD_REFUSED,
    RECORD_CROWDED,
    RECORD_EARLY,
    RECORD_MOVED,
    RECORD_NO_ANSWER, /* anything else */
};

struct record_answer {
    struct broker_position position; /* ok, done, moved */
    uint64_t tenure;                 /* ok, done */
    struct json_slice detail;        /* ok, done; within the text */
};

enum record_verdict record_parse_answer(const char *text, size_t len, struct record_answer *answer);

/* Also on a ride's channel, said by the node that has gone through it: `tally epoch offset chain aboard
 * marks`, marks in decimal digits (broker.h). */
struct record_tally {
    struct broker_position position;
    uint64_t aboard;
    uint32_t marks;
};

/* 0, or -1 for anything that is not exactly that. */
int record_parse_tally(const char *text, size_t len, struct record_tally *tally);

/* On a node's channel: `taken ride tenure socketId` (another node has taken the socket over), or
 * `held ride socketId…` (Redis says that the node holds these). */
struct record_word {
    bool taken;
    char ride[RIDE_NAME_MAX + 1];
    uint64_t tenure;           /* taken */
    struct json_slice sockets; /* within the text; one of them where it is taken */
};

/* 0, or -1 for anything that does not begin like that. */
int record_parse_word(const char *text, size_t len, struct record_word *word);

/* Takes the next socket off the front. False: there is none, or something else. */
bool record_next_socket(struct json_slice *sockets, char socket_id[SOCKET_ID_LEN + 1]);

/* The pieces, for records that come apart already. Each is 0 with the result filled, or -1. */
int record_parse_epoch(struct json_slice text, char epoch[EPOCH_LEN + 1]);
int record_parse_offset(struct json_slice text, uint64_t *offset);
int record_parse_chain(struct json_slice text, char chain[CHAIN_LEN + 1]);
int record_parse_kind(struct json_slice text, enum broker_event_kind *kind);
int record_parse_socket_id(struct json_slice text, char socket_id[SOCKET_ID_LEN + 1]);

/* When a node obtained a socket, in microseconds by Redis' clock. */
int record_parse_tenure(struct json_slice text, uint64_t *tenure);

/* Names that stand in the keys shared by all rides: NUL-terminated copies. */
int record_parse_ride(struct json_slice text, char ride[RIDE_NAME_MAX + 1]);
int record_parse_node(struct json_slice text, char node[RECORD_NODE_MAX + 1]);

/* Whether it is one JSON object, not too large, with nothing around it. It need not be I-JSON (user.h), which
 * older gateways did not ask for. */
bool record_user_valid(struct json_slice user);

#endif
