/*
 * The scripts by themselves on a real Redis: what they answer and what they leave behind. Nodes are n and m,
 * sockets have one letter twenty times, and a person's record is its name unless a test says otherwise.
 */
#include "tests/cluster/redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[], script_check[], script_audit[];

#define KEYS     "p:{/x}:users p:{/x}:connections p:{/x}:away p:{/x}:meta p:{/x}:log"
#define EPOCH    "epochXXX" /* of a ride that has none */
#define NO_CHAIN "00000000"
#define LATER    "9000000000000000" /* than any tenure that a test makes */

enum { ARGS_MAX = 40, TEXT_SIZE = 4096 };

static int last_sequence;

static int setup(void **state)
{
    last_sequence = 0;
    *state = redis_server_start(REDIS_SERVER, NOTHING_KEPT);
    return 0;
}

static int teardown(void **state)
{
    redis_server_free(*state);
    return 0;
}

/* --- calling --- */

/* Where a ride is, as a script answers and is told. */
struct place {
    char epoch[9], offset[24], chain[9];
};

struct call {
    const char *script, *window, *epoch; /* by default none, 60000, and EPOCH for a ride that has none */
    const struct place *known;           /* NULL: nothing is */
    const char *left;
    const char *args[12];
};

static const char * or (const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

static redisReply *run(struct redis_server *server, struct call call)
{
    static const struct place nowhere = {.offset = "0"};
    const struct place *known = call.known ? call.known : &nowhere;
    const char *args[ARGS_MAX] = {"EVAL",
                                  call.script,
                                  "5",
                                  "p:{/x}:users",
                                  "p:{/x}:connections",
                                  "p:{/x}:away",
                                  "p:{/x}:meta",
                                  "p:{/x}:log",
                                  "channel",
                                  or (call.window, "60000"),
                                  "100",
                                  or (call.epoch, EPOCH),
                                  known->epoch,
                                  known->offset,
                                  known->chain,
                                  or (call.left, "")};
    int count = 16;

    for (int i = 0; call.args[i]; i++)
        args[count++] = call.args[i];
    redisReply *reply = redisCommandArgv(server->control, count, args, NULL);
    assert_non_null(reply);
    return reply;
}

static const char *socket_of(char letter)
{
    static char id[21];

    memset(id, letter, 20);
    return id;
}

/* What a node calls for one of its connections; by default node n for socket a, with the next sequence. */
struct operation {
    const char *script, *kind;
    char socket;
    const char *node, *id, *user, *tenure;
    int sequence, before;
    const char *limit, *window, *epoch;
    const struct place *known;
    const char *left;
};

static redisReply *operate(struct redis_server *server, struct operation operation)
{
    char sequence[16], before[16];

    snprintf(sequence, sizeof sequence, "%d", operation.sequence ? operation.sequence : ++last_sequence);
    snprintf(before, sizeof before, "%d", operation.before);
    const struct call call = {
        .script = operation.script,
        .window = operation.window,
        .epoch = operation.epoch,
        .known = operation.known,
        .left = operation.left,
        .args = { or (operation.kind, ""), socket_of(operation.socket ? operation.socket : 'a'),
                  or (operation.node, "n"), or (operation.id, ""), or (operation.user, or (operation.id, "")),
                  or (operation.tenure, "0"), or (operation.node, "n"), sequence, before,
                  or (operation.limit, strcmp(operation.script, script_suspend) == 0 ? "0" : "16")}};
    return run(server, call);
}

#define operation_of(...)                                                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define board(server, ...)                                                                                   \
    operate(server, (struct operation)operation_of(.script = script_transition, .kind = "board", __VA_ARGS__))
#define leave(server, ...)                                                                                   \
    operate(server, (struct operation)operation_of(.script = script_transition, .kind = "exit", __VA_ARGS__))
#define disconnect(server, ...)                                                                              \
    operate(server,                                                                                          \
            (struct operation)operation_of(.script = script_transition, .kind = "disconnect", __VA_ARGS__))
#define suspend(server, ...)                                                                                 \
    operate(server, (struct operation)operation_of(.script = script_suspend, __VA_ARGS__))
#define resume(server, ...)                                                                                  \
    operate(server, (struct operation)operation_of(.script = script_resume, __VA_ARGS__))
#define restore(server, ...)                                                                                 \
    operate(server, (struct operation)operation_of(.script = script_restore, __VA_ARGS__))

/* --- answers --- */

static void expect_array(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
}

/* An answer whose first element is this word. */
static void expect_word(redisReply *reply, const char *word)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, word);
    freeReplyObject(reply);
}

static void expect_place(const redisReply *reply, const char *epoch, const char *offset)
{
    assert_string_equal(reply->element[1]->str, epoch);
    assert_string_equal(reply->element[2]->str, offset);
    assert_int_equal(strspn(reply->element[3]->str, "0123456789abcdef"), 8);
    assert_int_equal(reply->element[3]->len, 8);
}

/* A good answer of an operation at this offset; `detail` NULL: whatever it says. */
static void expect_ok(redisReply *reply, const char *offset, const char *detail)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_int_equal(reply->elements, 6);
    expect_place(reply, EPOCH, offset);
    if (detail)
        assert_string_equal(reply->element[5]->str, detail);
    freeReplyObject(reply);
}

static void expect_moved(redisReply *reply, const char *epoch, const char *offset)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, "moved");
    assert_int_equal(reply->elements, 4);
    expect_place(reply, epoch, offset);
    freeReplyObject(reply);
}

static void expect_error(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

/* The tenure of a good answer. */
static uint64_t tenure_in(redisReply *reply)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, "ok");
    uint64_t tenure = strtoull(reply->element[4]->str, NULL, 10);
    freeReplyObject(reply);
    return tenure;
}

/* --- what is in Redis --- */

#define count(server, ...) redis_integer(redis_ask(server, __VA_ARGS__))

/* `log` is as "boarded a ann, exited a ann"; `users` as "ann=ann"; `connections` as "@ann=a b, a=n ann, b=-
 * ann" without tenures; `away` as "a b". */
static const char LOOK[] =
    "local what, key = ARGV[1], 'p:{/x}:' .. ARGV[1] "
    "local function short(text) return (string.gsub(text, '(%w)(%w*)', function(first, rest) "
    "  return #rest == 19 and rest == string.rep(first, 19) and first or first .. rest end)) end "
    "local found = {} "
    "if what == 'log' then "
    "  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do local f = entry[2] "
    "    found[#found + 1] = f[6] .. ' ' .. short(f[8]) .. ' ' .. f[10] end "
    "  return table.concat(found, ', ') end "
    "if what == 'away' then found = redis.call('ZRANGE', key, 0, -1) "
    "  for i, socket in ipairs(found) do found[i] = short(socket) end "
    "  table.sort(found) return table.concat(found, ' ') end "
    "local all = redis.call('HGETALL', key) "
    "for i = 1, #all, 2 do "
    "  local value = what == 'connections' and string.gsub(short(all[i + 1]), '^(%S+) %d+ ', '%1 ') or all[i "
    "+ 1] "
    "  found[#found + 1] = short(all[i]) .. '=' .. value end "
    "table.sort(found) return table.concat(found, ', ')";

static void expect_seen(struct redis_server *server, const char *what, const char *wanted)
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s", LOOK, what);

    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("%s: %s", what, reply->str);
    if (strcmp(reply->str, wanted) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", what, reply->str, wanted);
    freeReplyObject(reply);
}

#define expect_log(server, wanted)         expect_seen(server, "log", wanted)
#define expect_users(server, wanted)       expect_seen(server, "users", wanted)
#define expect_connections(server, wanted) expect_seen(server, "connections", wanted)
#define expect_away(server, wanted)        expect_seen(server, "away", wanted)

static struct place place_of(struct redis_server *server)
{
    redisReply *reply = redis_ask(server, "HMGET p:{/x}:meta epoch offset chain");
    struct place place;

    for (int i = 0; i < 3; i++)
        assert_int_equal(reply->element[i]->type, REDIS_REPLY_STRING);
    snprintf(place.epoch, sizeof place.epoch, "%s", reply->element[0]->str);
    snprintf(place.offset, sizeof place.offset, "%s", reply->element[1]->str);
    snprintf(place.chain, sizeof place.chain, "%s", reply->element[2]->str);
    freeReplyObject(reply);
    return place;
}

static void clear(struct redis_server *server)
{
    redis_run(server, "DEL " KEYS);
    last_sequence = 0;
}

static void put_connection(struct redis_server *server, char socket, const char *text)
{
    redis_run(server, "HSET p:{/x}:connections %s %s", socket_of(socket), text);
}

/* --- what nodes do for others --- */

/* Goes through all pages. How many were taken. */
static long long reap(struct redis_server *server, const char *node, const char *window, unsigned *pages)
{
    char cursor[24] = "0";
    long long taken = 0;

    *pages = 0;
    do {
        redisReply *reply =
            run(server, (struct call){.script = script_reap, .window = window, .args = {node, cursor, "10"}});
        expect_array(reply);
        assert_string_equal(reply->element[0]->str, "ok");
        assert_int_equal(reply->elements, 6);
        taken += reply->element[4]->integer;
        snprintf(cursor, sizeof cursor, "%s", reply->element[5]->str);
        freeReplyObject(reply);
        ++*pages;
    } while (strcmp(cursor, "0") != 0);
    return taken;
}

static void expect_swept(redisReply *reply, long long taken, long long left)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_int_equal(reply->elements, 6);
    assert_int_equal(reply->element[4]->integer, taken);
    assert_int_equal(reply->element[5]->integer, left);
    freeReplyObject(reply);
}

/* --- each once, and in order --- */

static void a_repeated_operation_answers_the_same_place_and_does_nothing(void **state)
{
    struct redis_server *server = *state;
    struct operation boarding = {.script = script_transition, .kind = "board", .id = "ann", .sequence = 1};

    redisReply *first = operate(server, boarding);
    expect_ok(leave(server, .id = "ann", .sequence = 2, .before = 1), "2", "");
    redisReply *again = operate(server, boarding);
    assert_string_equal(first->element[2]->str, again->element[2]->str);
    assert_string_equal(first->element[3]->str, again->element[3]->str);
    freeReplyObject(first);
    freeReplyObject(again);
    expect_ok(leave(server, .id = "ann", .sequence = 2), "2", "");
    expect_log(server, "boarded a ann, exited a ann");
    expect_users(server, "");
}

static void an_operation_ahead_of_its_predecessor_is_sent_back(void **state)
{
    struct redis_server *server = *state;

    expect_word(leave(server, .id = "ann", .sequence = 2, .before = 1), "early");
    assert_int_equal(count(server, "EXISTS p:{/x}:log"), 0);
    expect_ok(board(server, .id = "ann", .sequence = 1), "1", "");
    expect_ok(leave(server, .id = "ann", .sequence = 2, .before = 1), "2", "");
}

static void operations_without_effect_keep_their_place_in_the_order_too(void **state)
{
    struct redis_server *server = *state;

    expect_ok(disconnect(server, .sequence = 1), "0", "");
    expect_ok(suspend(server, .sequence = 2, .before = 1), "0", "");
    expect_ok(resume(server, .sequence = 3, .before = 2), "0", "");
    expect_ok(board(server, .id = "ann", .sequence = 4, .before = 3), "1", "");
    expect_ok(disconnect(server, .sequence = 1), "1", ""); /* came late: it is from before the boarding */
    expect_users(server, "ann=ann");
}

static void a_repeated_suspension_does_not_undo_the_resumption_after_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server, .sequence = 2), "1", "");
    expect_ok(resume(server, .sequence = 3), "1", "ann");
    expect_ok(suspend(server, .sequence = 2), "1", "");
    expect_ok(resume(server, .sequence = 3), "1", "ann");
    expect_away(server, "");
    expect_connections(server, "@ann=a, a=n ann");
}

static void a_refused_operation_is_not_done(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .node = "m"), "1", "");
    expect_word(board(server, .id = "ann", .sequence = 5), "refused");
    expect_word(leave(server, .id = "ann", .socket = 'b', .sequence = 6, .before = 5), "early");
    expect_ok(disconnect(server, .node = "m"), "2", "");
    expect_ok(board(server, .id = "ann", .sequence = 5), "3", ""); /* it is judged anew */
}

static void a_repeated_boarding_of_who_was_suspended_since_answers_its_tenure(void **state)
{
    struct redis_server *server = *state;
    uint64_t tenure = tenure_in(board(server, .id = "ann", .sequence = 1));

    freeReplyObject(run(server, (struct call){.script = script_reap, .args = {"n", "0", "100"}}));
    assert_int_equal(tenure_in(board(server, .id = "ann", .sequence = 1)), tenure);
}

static void a_boarding_repeated_after_its_event_is_forgotten_answers_the_record_that_counts(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "old", .sequence = 7), "1", "");
    expect_ok(board(server, .id = "ann", .user = "new", .socket = 'b', .sequence = 8), "2", "");
    expect_ok(board(server, .id = "ann", .user = "old", .sequence = 7), "1", "");
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_ok(board(server, .id = "ann", .user = "old", .sequence = 7), "2", "new");
    expect_ok(leave(server, .id = "ann", .user = "new", .socket = 'b', .sequence = 9), "3", "");
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_ok(board(server, .id = "ann", .user = "old", .sequence = 7), "3", "");
}

static void what_no_sender_can_have_done_is_not_done(void **state)
{
    const char *const spoiled[] = {"9007199254740992", "inf", "nan", "x"};
    struct redis_server *server = *state;
    char offset[8];

    for (int i = 0; i < 4; i++) {
        redis_run(server, "HSET p:{/x}:meta done:n %s", spoiled[i]);
        snprintf(offset, sizeof offset, "%d", i + 1);
        expect_ok(board(server, .id = "ann"), offset, "");
    }
}

static void senders_do_not_wait_for_each_other(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .sequence = 900), "1", "");
    expect_ok(board(server, .id = "bob", .socket = 'b', .node = "m", .sequence = 1), "2", "");
    expect_word(leave(server, .id = "bob", .socket = 'b', .node = "m", .sequence = 900, .before = 899),
                "early");
    expect_users(server, "ann=ann, bob=bob");
}

static void a_boarding_that_was_refused_is_refused_again(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_word(board(server, .id = "ann", .socket = 'b', .limit = "1", .sequence = 5), "crowded");
    expect_word(board(server, .id = "ann", .socket = 'b', .limit = "1", .sequence = 5), "crowded");
    expect_log(server, "boarded a ann");
}

/* --- whose socket it is --- */

static void suspended_riders_stay_aboard_and_are_held_by_nobody(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
}

/* Of whoever is due first. */
static long long deadline_in_ms(struct redis_server *server)
{
    return count(server, "EVAL %s 0",
                 "local t = redis.call('TIME') "
                 "return redis.call('ZRANGE', 'p:{/x}:away', 0, 0, 'WITHSCORES')[2] "
                 "- math.floor(t[1] * 1000 + t[2] / 1000)");
}

static void a_suspension_lasts_for_a_window_or_as_long_as_it_says(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    assert_in_range(deadline_in_ms(server), 30001, 60000);
    expect_ok(resume(server), "1", "ann");
    expect_ok(suspend(server, .limit = "900000"), "1", "");
    assert_in_range(deadline_in_ms(server), 60001, 900000);
}

static void a_resumption_takes_the_socket_whether_it_is_suspended_or_not(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "record"), "1", "");
    expect_ok(resume(server, .node = "m"), "1", "record");
    expect_connections(server, "@ann=a, a=m ann");
    expect_ok(suspend(server, .node = "m"), "1", "");
    expect_ok(resume(server), "1", "record");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
    expect_log(server, "boarded a record");
}

static void a_node_that_has_lost_the_socket_can_do_nothing_to_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(resume(server, .node = "m"), "1", "ann");
    expect_ok(suspend(server), "1", "");
    expect_ok(disconnect(server), "1", "");
    expect_word(board(server, .id = "ann"), "refused");
    expect_word(leave(server, .id = "ann", .sequence = 90), "refused");
    expect_word(leave(server, .id = "ann", .sequence = 90), "refused"); /* said again */
    expect_word(restore(server, .id = "ann", .tenure = "1", .sequence = 91), "refused");
    expect_connections(server, "@ann=a, a=m ann");
    expect_away(server, "");
    expect_log(server, "boarded a ann");
}

static void the_later_tenure_wins(void **state)
{
    struct redis_server *server = *state;

    expect_ok(restore(server, .id = "ann", .tenure = "100"), "1", "missing");
    expect_ok(restore(server, .id = "ann", .node = "m", .tenure = "200"), "1", "");
    expect_connections(server, "@ann=a, a=m ann");
    expect_word(restore(server, .id = "ann", .tenure = "100"), "refused");
    expect_ok(board(server, .id = "ann", .tenure = "300"), "2", "");
    expect_connections(server, "@ann=a, a=n ann");
}

/* Whoever suspended it, or took it from a dead node, has obtained nothing. */
static void at_the_same_tenure_a_suspended_socket_is_taken_back_and_a_held_one_is_not(void **state)
{
    struct redis_server *server = *state;

    expect_ok(restore(server, .id = "ann", .tenure = "100"), "1", "missing");
    expect_word(restore(server, .id = "ann", .node = "m", .tenure = "100"), "refused");
    expect_ok(suspend(server), "1", "");
    expect_ok(restore(server, .id = "ann", .node = "m", .tenure = "100"), "1", "");
    expect_connections(server, "@ann=a, a=m ann");
    expect_away(server, "");
}

static void only_a_missing_rider_is_told_as_restored(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "1", "");
    expect_away(server, "");
    redis_run(server, "DEL p:{/x}:users p:{/x}:connections");
    expect_ok(restore(server, .id = "ann", .tenure = "9", .sequence = 40), "2", "missing");
    expect_ok(restore(server, .id = "ann", .tenure = "9", .sequence = 40), "2", "");
    expect_log(server, "boarded a ann, restored a ann");
    expect_connections(server, "@ann=a, a=n ann");
}

#define ANN_OLD   "{\"id\":\"ann\",\"n\":1}"
#define ANN_NEW   "{\"id\":\"ann\",\"n\":2}"
#define ANN_LATER "{\"id\":\"ann\",\"n\":3}"
#define BOB       "{\"id\":\"bob\"}"

static void an_older_record_is_replaced_by_whoever_has_heard_everything_of_its_person(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = ANN_OLD), "1", "");
    expect_ok(board(server, .id = "ann", .user = ANN_OLD, .socket = 'c'), "2", "");
    expect_ok(restore(server, .id = "ann", .user = ANN_NEW, .tenure = LATER), "2", ANN_OLD);
    expect_users(server, "ann=" ANN_OLD);
    expect_ok(restore(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = LATER), "3", "missing");
    expect_users(server, "ann=" ANN_NEW);

    /* What others did since is in nobody's way; */
    expect_ok(board(server, .id = "bob", .user = BOB, .socket = 'b'), "4", "");
    redis_run(server, "HSET p:{/x}:users ann %s", ANN_OLD);
    expect_ok(restore(server, .kind = "3", .id = "ann", .user = ANN_NEW, .tenure = LATER), "5", "missing");

    /* but what the person did, or a log that does not tell. */
    expect_ok(board(server, .id = "ann", .user = ANN_LATER, .socket = 'c'), "6", "");
    expect_ok(restore(server, .kind = "5", .id = "ann", .user = ANN_NEW, .tenure = LATER), "6", ANN_LATER);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_ok(restore(server, .kind = "5", .id = "ann", .user = ANN_NEW, .tenure = LATER), "6", ANN_LATER);
    expect_users(server, "ann=" ANN_LATER ", bob=" BOB);
}

static void who_exited_meanwhile_is_not_restored_though_redis_had_lost_the_connection(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann", .user = ANN_NEW, .socket = 'b'), "1", "");
    expect_ok(restore(server, .kind = "0", .id = "ann", .user = ANN_OLD, .tenure = "9"), "1", "off");
    expect_ok(restore(server, .kind = "0", .id = "bob", .user = BOB, .socket = 'c', .tenure = "9"), "2",
              "missing");
    expect_users(server, "bob=" BOB);
    expect_connections(server, "@bob=c, c=n bob");
}

static void who_exited_is_not_restored_though_the_person_has_boarded_anew_since(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = ANN_OLD), "1", "");
    redis_run(server, "DEL p:{/x}:connections");
    expect_ok(leave(server, .id = "ann", .user = ANN_OLD, .socket = 'b'), "2", "");
    expect_ok(board(server, .id = "ann", .user = ANN_NEW, .socket = 'c'), "3", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_OLD, .tenure = "9"), "3", "off");
    expect_connections(server, "@ann=c, c=n ann");
    expect_users(server, "ann=" ANN_NEW);

    /* Nor where it has left again; but the connection may have boarded anew itself. */
    expect_ok(disconnect(server, .socket = 'c'), "4", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_OLD, .tenure = "9"), "4", "off");
    expect_ok(board(server, .id = "ann", .user = ANN_NEW), "5", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_NEW, .tenure = LATER), "5", "");
    expect_connections(server, "@ann=a, a=n ann");
}

static void what_redis_has_lost_is_put_back_when_its_connection_drops(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "bob", .user = BOB, .socket = 'b'), "1", "");
    expect_ok(suspend(server, .kind = "1", .id = "ann", .user = ANN_NEW, .tenure = "9"), "2", "");
    expect_users(server, "ann=" ANN_NEW);
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
    expect_ok(resume(server, .node = "m"), "2", ANN_NEW);

    /* The person's list may be there still. */
    redis_run(server, "HDEL p:{/x}:connections %s", socket_of('a'));
    redis_run(server, "ZREM p:{/x}:away %s", socket_of('a'));
    expect_ok(suspend(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = "9"), "2", "");
    expect_connections(server, "@ann=a, a=- ann");
    expect_ok(resume(server, .node = "m"), "2", ANN_NEW);

    /* Where an event tells why it is gone, or may, it is not lost. */
    expect_ok(disconnect(server, .node = "m"), "3", "");
    expect_ok(suspend(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = "9"), "3", "");
    expect_ok(suspend(server, .id = "ann", .user = ANN_NEW, .tenure = "9"), "3", "");
    expect_users(server, "");
    expect_connections(server, "");
}

static void a_list_that_is_missing_is_made_anew_by_a_restoration(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    redis_run(server, "HDEL p:{/x}:connections @ann");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "1", "");
    expect_connections(server, "@ann=a, a=n ann");
}

/* --- a rider is a person --- */

static void a_person_is_aboard_once_by_all_its_connections(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "one"), "1", "");
    expect_ok(board(server, .id = "ann", .user = "two", .socket = 'b', .node = "m"), "2", "");
    expect_users(server, "ann=two");
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");
    expect_log(server, "boarded a one, boarded b two");
    expect_ok(board(server, .id = "ann", .user = "three"), "3", "");
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");
}

static void only_the_last_connection_that_is_lost_is_told_as_a_disconnection(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "one"), "1", "");
    expect_ok(board(server, .id = "ann", .user = "two", .socket = 'b', .node = "m"), "2", "");
    expect_ok(disconnect(server), "3", "");
    expect_users(server, "ann=two");
    expect_connections(server, "@ann=b, b=m ann");
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "4", "");
    expect_users(server, "");
    expect_connections(server, "");
    expect_log(server, "boarded a one, boarded b two, ended a two, disconnected b two");
}

static void an_exit_is_everybodys_of_that_person_and_the_others_stay_connected(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "ann", .socket = 'b', .node = "m"), "2", "");
    expect_ok(board(server, .id = "ann", .socket = 'c', .node = "m"), "3", "");
    expect_ok(board(server, .id = "bob", .socket = 'd', .node = "m"), "4", "");
    expect_ok(suspend(server, .socket = 'c', .node = "m"), "4", "");
    expect_ok(leave(server, .id = "ann", .user = "gone"), "5", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=d, b=m , c=- , d=m bob");
    expect_away(server, "c");
    expect_log(server, "boarded a ann, boarded b ann, boarded c ann, boarded d bob, exited a gone");
}

static void who_exits_without_being_aboard_is_told_all_the_same(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann"), "1", "");
    expect_log(server, "exited a ann");
    expect_connections(server, "");
    assert_true(count(server, "TTL p:{/x}:meta") > 0);
}

/* Boards a as ann at n and b as ann at m, exits through a: b is put off. Its tenure before that. */
static uint64_t put_off(struct redis_server *server)
{
    expect_ok(board(server, .id = "ann"), "1", "");
    uint64_t tenure = tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m"));
    expect_ok(leave(server, .id = "ann"), "3", "");
    expect_connections(server, "b=m ");
    return tenure;
}

static void a_restoration_does_not_bring_back_who_has_exited_elsewhere(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off(server));
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
    expect_users(server, "");
    expect_connections(server, "b=m ");
    expect_log(server, "boarded a ann, boarded b ann, exited a ann");
}

static void who_was_put_off_may_board_again_and_then_be_restored(void **state)
{
    struct redis_server *server = *state;
    uint64_t before = put_off(server);
    char old[24], new[24];

    snprintf(old, sizeof old, "%llu", (unsigned long long)before);
    uint64_t after = tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m", .tenure = old));
    assert_true(after > before);
    snprintf(new, sizeof new, "%llu", (unsigned long long)after);
    expect_connections(server, "@ann=b, b=m ann");
    expect_users(server, "ann=ann");

    /* An older copy, from before the boarding: the exit is over, whatever it says. */
    redis_run(server, "DEL p:{/x}:users p:{/x}:connections");
    redis_run(server, "HSET p:{/x}:connections %s %s", socket_of('b'), "m 5 ");
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = new), "5", "missing");
    expect_connections(server, "@ann=b, b=m ann");
}

static void a_connection_that_is_put_off_ends_without_a_word(void **state)
{
    struct redis_server *server = *state;

    put_off(server);
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "3", "");
    expect_connections(server, "");
    clear(server);
    put_off(server);
    expect_ok(suspend(server, .socket = 'b', .node = "m"), "3", "");
    expect_connections(server, "");
    expect_away(server, "");
}

/* The same, and m is taken for dead: b is nobody's. */
static uint64_t put_off_and_reap(struct redis_server *server, const char *window)
{
    uint64_t tenure = put_off(server);
    unsigned pages;

    assert_int_equal(reap(server, "m", window, &pages), 1);
    expect_connections(server, "b=- ");
    expect_away(server, "b");
    return tenure;
}

static void who_was_put_off_stays_so_where_its_node_is_taken_for_dead(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    for (int i = 0; i < 2; i++) {
        clear(server);
        snprintf(tenure, sizeof tenure, "%llu",
                 (unsigned long long)put_off_and_reap(server, i == 0 ? "60000" : "0"));
        assert_in_range(deadline_in_ms(server), i == 0 ? 30001 : 1, i == 0 ? 60000 : 2000);
        expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
        expect_ok(resume(server, .socket = 'b'), "3", "");
        expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
        expect_users(server, "");
        redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('b'));
        expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 1, 0);
        expect_connections(server, "");
        expect_log(server, "boarded a ann, boarded b ann, exited a ann");
    }
}

static void who_was_put_off_and_is_nobodys_may_board_and_exit_anywhere(void **state)
{
    struct redis_server *server = *state;

    put_off_and_reap(server, "60000");
    expect_ok(board(server, .id = "ann", .socket = 'b'), "4", "");
    expect_connections(server, "@ann=b, b=n ann");
    expect_away(server, "");
    expect_users(server, "ann=ann");

    clear(server);
    put_off_and_reap(server, "60000");
    expect_ok(leave(server, .id = "ann", .socket = 'b'), "4", "");
    expect_connections(server, "");
    expect_away(server, "");
}

static void who_was_put_off_may_come_back_at_another_node_and_board_there(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off(server));
    expect_ok(resume(server, .socket = 'b', .node = "m"), "3", ""); /* where it was: nothing changes */
    expect_connections(server, "b=m ");
    expect_ok(resume(server, .socket = 'b'), "3", "");
    expect_connections(server, "b=- ");
    expect_away(server, "b");
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "3", ""); /* m has noticed the drop */
    expect_ok(board(server, .id = "ann", .socket = 'b'), "4", "");
    expect_connections(server, "@ann=b, b=n ann");
    expect_away(server, "");
    expect_word(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "refused");
}

/* Reaped, for instance, while its node was silent. */
static void a_suspended_connection_whose_person_exits_elsewhere_is_put_off_too(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;
    char tenure[24];

    expect_ok(board(server, .id = "ann"), "1", "");
    snprintf(tenure, sizeof tenure, "%llu",
             (unsigned long long)tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m")));
    assert_int_equal(reap(server, "m", "60000", &pages), 1);
    expect_ok(leave(server, .id = "ann"), "3", "");
    expect_connections(server, "b=- ");
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
    expect_users(server, "");
}

static void who_was_put_off_may_exit_too(void **state)
{
    struct redis_server *server = *state;

    put_off(server);
    expect_ok(leave(server, .id = "ann", .socket = 'b', .node = "m"), "4", "");
    expect_connections(server, "");
    expect_log(server, "boarded a ann, boarded b ann, exited a ann, exited b ann");
}

static void who_boards_as_another_leaves_as_the_one_before_in_the_same_step(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob"), "3", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=a, a=n bob");
    expect_log(server, "boarded a ann, disconnected a ann, boarded a bob");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "4", "");
    expect_ok(board(server, .id = "cem", .socket = 'b'), "6", "");
    expect_users(server, "bob=bob, cem=cem");
    expect_connections(server, "@bob=a, @cem=b, a=n bob, b=n cem");
    expect_log(server, "boarded a ann, disconnected a ann, boarded a bob, boarded b bob, ended b bob, "
                       "boarded b cem");
}

static void who_exits_as_another_leaves_as_the_one_before_in_the_same_step(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "2", "");
    expect_ok(leave(server, .id = "bob"), "4", "");
    expect_users(server, "");
    expect_connections(server, "b=n ");
    expect_log(server, "boarded a ann, boarded b bob, disconnected a ann, exited a bob");
}

static void a_repeated_change_of_person_answers_the_place_of_its_last_event(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob", .sequence = 20), "3", "");
    expect_ok(board(server, .id = "cem", .socket = 'b', .sequence = 21), "4", "");
    expect_ok(board(server, .id = "bob", .sequence = 20), "3", "");
    expect_users(server, "bob=bob, cem=cem");
}

static void who_boards_anew_while_an_old_connection_is_suspended_stays(void **state)
{
    struct redis_server *server = *state;
    redisReply *reply;

    expect_ok(board(server, .id = "ann", .user = "old"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(board(server, .id = "ann", .user = "new", .socket = 'b'), "2", "");
    expect_users(server, "ann=new");
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    reply = run(server, (struct call){.script = script_sweep, .args = {"100"}});
    expect_word(reply, "ok");
    expect_users(server, "ann=new");
    expect_connections(server, "@ann=b, b=n ann");
    expect_log(server, "boarded a old, boarded b new, ended a new");
}

static void a_suspended_connection_may_board_exit_or_be_somebody_else(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(board(server, .id = "ann", .tenure = LATER), "2", "");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
    expect_ok(suspend(server), "2", "");
    expect_ok(board(server, .id = "bob", .tenure = LATER), "4", "");
    expect_connections(server, "@bob=a, a=n bob");
    expect_away(server, "");
    expect_ok(suspend(server), "4", "");
    expect_ok(leave(server, .id = "bob", .tenure = LATER), "5", "");
    expect_connections(server, "");
    expect_away(server, "");
    expect_users(server, "");
}

static void a_person_has_no_more_connections_than_it_may(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .limit = "2"), "1", "");
    expect_ok(board(server, .id = "ann", .socket = 'b', .limit = "2"), "2", "");
    expect_word(board(server, .id = "ann", .socket = 'c', .limit = "2"), "crowded");
    expect_ok(board(server, .id = "ann", .socket = 'b', .limit = "2"), "3", ""); /* is one of them */
    expect_ok(board(server, .id = "bob", .socket = 'c', .limit = "2"), "4", "");
    expect_word(board(server, .id = "ann", .socket = 'c', .limit = "2"), "crowded"); /* and stays bob */
    expect_connections(server, "@ann=a b, @bob=c, a=n ann, b=n ann, c=n bob");
    expect_users(server, "ann=ann, bob=bob");
}

static void the_connection_that_was_suspended_first_gives_way(void **state)
{
    struct redis_server *server = *state;

    for (const char *socket = "abc"; *socket; socket++)
        freeReplyObject(board(server, .id = "ann", .socket = *socket, .limit = "3"));
    expect_ok(suspend(server, .socket = 'c'), "3", "");
    expect_ok(suspend(server, .socket = 'a'), "3", "");
    redis_run(server, "ZINCRBY p:{/x}:away -1000 %s", socket_of('c'));
    expect_ok(board(server, .id = "ann", .socket = 'd', .limit = "3", .user = "new"), "5", "");
    expect_connections(server, "@ann=a b d, a=- ann, b=n ann, d=n ann");
    expect_away(server, "a");
    expect_log(server, "boarded a ann, boarded b ann, boarded c ann, ended c ann, boarded d new");
    expect_ok(board(server, .id = "ann", .socket = 'e', .limit = "3"), "7", "");
    expect_word(board(server, .id = "ann", .socket = 'f', .limit = "3"), "crowded");
}

/* Where one is all that may be, its person is aboard without a gap. */
static void the_only_connection_gives_way_too(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .limit = "1"), "1", "");
    expect_ok(suspend(server), "1", "");
    freeReplyObject(board(server, .id = "ann", .socket = 'b', .limit = "1"));
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=b, b=n ann");
    expect_away(server, "");
}

static void a_name_may_be_anything(void **state)
{
    static const char *const ids[] = {"two words", "@ann", "a\nb", "n 1 ann", "{x}", "%d", "-"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        clear(server);
        expect_ok(board(server, .id = ids[i]), "1", "");
        expect_ok(board(server, .id = ids[i], .socket = 'b'), "2", "");
        expect_ok(suspend(server, .socket = 'b'), "2", "");
        expect_ok(resume(server, .socket = 'b', .node = "m"), "2", ids[i]);
        expect_ok(disconnect(server), "3", "");
        assert_int_equal(count(server, "HEXISTS p:{/x}:users %s", ids[i]), 1);
        expect_ok(disconnect(server, .socket = 'b', .node = "m"), "4", "");
        assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections"), 0);
    }
}

/* --- positions --- */

/* The fingerprint after an event, by Redis' own SHA-1. */
static void chain_after(struct redis_server *server, const char *before, const char *operation,
                        const char *kind, char socket, char chain[9])
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s %s %s %s",
                                  "return string.sub(redis.sha1hex(table.concat(ARGV, ' ')), 1, 8)", before,
                                  operation, kind, socket_of(socket));

    memcpy(chain, reply->str, 9);
    freeReplyObject(reply);
}

static void a_position_has_a_fingerprint_of_all_events_up_to_it(void **state)
{
    struct redis_server *server = *state;
    char first[9], second[9];

    chain_after(server, NO_CHAIN, "n-1", "boarded", 'a', first);
    chain_after(server, first, "n-2", "exited", 'a', second);
    redisReply *reply = board(server, .id = "ann");
    assert_string_equal(reply->element[3]->str, first);
    freeReplyObject(reply);
    reply = leave(server, .id = "ann");
    assert_string_equal(reply->element[3]->str, second);
    freeReplyObject(reply);
    assert_string_equal(place_of(server).chain, second);
    reply = redis_ask(server, "XRANGE p:{/x}:log - +");
    assert_string_equal(reply->element[0]->element[1]->element[1]->str, first);
    assert_string_equal(reply->element[1]->element[1]->element[1]->str, second);
    freeReplyObject(reply);
}

/* Three events of a ride, told apart from others by whose they are. */
static struct place tell_three(struct redis_server *server, const char *node)
{
    for (int i = 0; i < 3; i++)
        freeReplyObject(leave(server, .id = "ann", .node = node));
    return place_of(server);
}

/* What another history was like is known up to an offset of this one. */
static void expect_another_history(struct redis_server *server, const struct place *known)
{
    expect_moved(board(server, .id = "ann", .known = known, .epoch = "epochYYY"), "epochYYY", "0");
    expect_log(server, "");
    expect_users(server, "");
}

static void another_chain_at_a_known_offset_is_another_history(void **state)
{
    struct redis_server *server = *state;
    struct place other = tell_three(server, "m");

    clear(server);
    struct place here = tell_three(server, "n");
    assert_string_equal(here.epoch, other.epoch);
    assert_string_equal(here.offset, other.offset);
    assert_string_not_equal(here.chain, other.chain);
    expect_ok(leave(server, .id = "ann", .known = &here, .epoch = "epochYYY"), "4", "");

    /* It is compared with an entry of the log; */
    expect_another_history(server, &other);

    /* with where the ride is; */
    clear(server);
    tell_three(server, "n");
    expect_another_history(server, &other);

    /* and with the next entry, where the log does not reach further back. */
    clear(server);
    tell_three(server, "n");
    freeReplyObject(leave(server, .id = "ann"));
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_ok(leave(server, .id = "ann", .known = &here, .epoch = "epochYYY"), "5", "");
    expect_another_history(server, &other);
}

static void what_the_log_does_not_reach_is_believed(void **state)
{
    struct redis_server *server = *state;
    struct place known = tell_three(server, "n");

    freeReplyObject(leave(server, .id = "ann"));
    freeReplyObject(leave(server, .id = "ann"));
    memcpy(known.chain, "deadbeef", sizeof known.chain);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_ok(leave(server, .id = "ann", .known = &known), "6", "");
    redis_run(server, "DEL p:{/x}:log");
    expect_ok(leave(server, .id = "ann", .known = &known), "7", "");
}

static void what_is_no_event_is_of_another_history(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    struct place first = place_of(server);
    redis_run(server, "HSET p:{/x}:meta offset 2");
    redis_run(server, "XADD p:{/x}:log MAXLEN = 1 2-0 what else");
    expect_moved(board(server, .id = "bob", .socket = 'b', .epoch = "epochYYY", .known = &first), "epochYYY",
                 "0");
}

static void every_script_finds_that_this_is_another_history(void **state)
{
    const struct call calls[] = {
        {.script = script_reap, .args = {"n", "0", "100"}},
        {.script = script_roster, .args = {"100", "", "0", ""}},
        {.script = script_audit, .args = {"connections", "0", "100", "1000", "0"}},
        {.script = script_sweep, .args = {"100"}},
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct call call = calls[i];
        struct place known = tell_three(server, "n");

        redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('z'));
        memcpy(known.chain, "deadbeef", sizeof known.chain);
        call.known = &known;
        call.epoch = "epochYYY";
        redisReply *reply = run(server, call);
        expect_array(reply);
        expect_place(reply, "epochYYY", "0");
        freeReplyObject(reply);
        clear(server);
    }
}

static void an_offset_behind_the_one_that_is_known_begins_a_new_epoch(void **state)
{
    struct redis_server *server = *state;
    struct place known = tell_three(server, "n");

    strcpy(known.offset, "4");
    expect_another_history(server, &known);
    strcpy(known.offset, "40"); /* who knows only the old epoch does not begin yet another */
    expect_moved(board(server, .id = "ann", .known = &known, .epoch = "epochZZZ"), "epochYYY", "0");
}

static void an_epoch_that_is_over_begins_a_new_one(void **state)
{
    static const struct place later = {"epochNEW", "7", "deadbeef"};
    struct redis_server *server = *state;

    tell_three(server, "n");
    expect_moved(board(server, .id = "ann", .known = &later, .left = "epochABC epochDEF"), EPOCH, "3");
    expect_moved(board(server, .id = "ann", .known = &later, .left = "epochABC " EPOCH, .epoch = "epochYYY"),
                 "epochYYY", "0");
    expect_log(server, "");
}

static void a_new_epoch_begins_with_how_many_are_aboard(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    assert_int_equal(
        count(server, "EVAL %s 0", "return tonumber(redis.call('HGET', 'p:{/x}:meta', 'began'))"), 0);
    redis_run(server, "DEL p:{/x}:meta");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "1", "");
    assert_int_equal(
        count(server, "EVAL %s 0", "return tonumber(redis.call('HGET', 'p:{/x}:meta', 'began'))"), 1);
}

static void a_damaged_position_begins_a_new_epoch(void **state)
{
    static const char *const damages[][2] = {
        {"offset", "none"},       {"offset", "-1"},
        {"offset", "1.5"},        {"epoch", "short"},
        {"epoch", "spaced x"},    {"chain", "deadbee"},
        {"chain", "DEADBEEF"},    {"chain", "deadbeef0"},
        {"chain", "deadbee\xff"}, {"offset", "9999999999999999"},
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        clear(server);
        redis_run(server, "HSET p:{/x}:meta epoch epochOLD offset 5 chain deadbeef");
        redis_run(server, "HSET p:{/x}:meta %s %s", damages[i][0], damages[i][1]);
        expect_ok(board(server, .id = "ann"), "1", "");
        redis_run(server, "HDEL p:{/x}:meta %s", damages[i][0]);
        expect_ok(board(server, .id = "ann"), "1", "");
    }
}

/* A process that was killed may have sent it before this Redis lost what it had. */
static void what_was_sent_in_another_epoch_is_not_done(void **state)
{
    static const struct place known = {"epochOLD", "3", "deadbeef"};
    struct redis_server *server = *state;
    const char *const scripts[] = {script_transition, script_suspend, script_resume, script_restore};

    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct operation late = {.script = scripts[i], .kind = "board", .id = "ann", .known = &known};

        clear(server);
        expect_moved(operate(server, late), EPOCH, "0");
        assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:away p:{/x}:log"), 0);
        assert_true(count(server, "TTL p:{/x}:meta") > 0);
        expect_ok(board(server, .id = "ann"), "1", "");
        expect_moved(operate(server, late), EPOCH, "1");
        assert_int_equal(count(server, "HLEN p:{/x}:connections"), 2);
    }
}

/* What is left of an empty ride outlives the window. */
static void expect_life(struct redis_server *server, long long min_ms, long long max_ms)
{
    assert_in_range(count(server, "PTTL p:{/x}:meta"), min_ms, max_ms);
    assert_in_range(count(server, "PTTL p:{/x}:log"), min_ms, max_ms);
}

static void nothing_expires_while_somebody_is_aboard_and_all_does_soon_after(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    assert_int_equal(count(server, "PTTL p:{/x}:log"), -1);
    expect_ok(board(server, .id = "ann", .socket = 'b'), "2", "");
    expect_ok(disconnect(server), "3", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    expect_ok(disconnect(server, .socket = 'b', .window = "15000"), "4", "");
    expect_life(server, 15001, 30000);
    expect_ok(board(server, .id = "ann"), "5", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    expect_ok(leave(server, .id = "ann"), "6", "");
    expect_life(server, 60001, 70000);
}

/* --- Redis' clock --- */

/* It was put back since the other node obtained the socket. */
static void who_resumes_obtains_the_socket_later_than_its_holder_did(void **state)
{
    struct redis_server *server = *state;

    redis_run(server, "HSET p:{/x}:users ann ann");
    redis_run(server, "HSET p:{/x}:connections @ann %s", socket_of('a'));
    put_connection(server, 'a', "m 9000000000000000 ann");
    assert_int_equal(tenure_in(resume(server)), 9000000000000001);
    expect_connections(server, "@ann=a, a=n ann");
    put_connection(server, 'a', "n 9000000000000000 ");
    assert_int_equal(tenure_in(board(server, .id = "ann")), 9000000000000001);
}

/* It was put back since the rider was suspended. */
static void a_connection_since_no_moment_that_can_be_told_is_none(void **state)
{
    const char *const moments[] = {"9007199254740993", "99999999999999999999", "00000000000000000001"};
    struct redis_server *server = *state;
    char text[64];

    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        snprintf(text, sizeof text, "n %s ann", moments[i]);
        freeReplyObject(board(server, .id = "ann"));
        put_connection(server, 'a', text);
        assert_int_equal(tenure_in(resume(server, .node = "m")), 0);
        assert_int_equal(tenure_in(restore(server, .id = "ann", .tenure = "9")), 9);
    }
    put_connection(server, 'a', "n 9007199254740992 ann");
    assert_true(tenure_in(resume(server, .node = "m")) > 9);
}

static void who_is_suspended_for_longer_than_a_window_gets_one(void **state)
{
    const struct call sweep = {.script = script_sweep, .args = {"100"}};
    struct redis_server *server = *state;

    redis_run(server, "HSET p:{/x}:users ann ann");
    redis_run(server, "ZADD p:{/x}:away 9000000000000 %s", socket_of('a'));
    redis_run(server, "SET p:{/x}:meta spoiled");
    expect_error(run(server, sweep)); /* nothing is changed */
    assert_int_equal(count(server, "ZCOUNT p:{/x}:away 9000000000000 +inf"), 1);
    redis_run(server, "DEL p:{/x}:meta");
    expect_word(run(server, sweep), "none");
    assert_in_range(deadline_in_ms(server), 30001, 60000);
}

/* --- reaping and sweeping --- */

/* Connections and persons by number, from 0 on. */
static void hold_many(struct redis_server *server, const char *node, int riders)
{
    static const char script[] =
        "for i = 0, ARGV[2] - 1 do local socket = string.format('%020d', i) "
        "redis.call('HSET', 'p:{/x}:users', 'u' .. i, 'u' .. i) "
        "redis.call('HSET', 'p:{/x}:connections', socket, ARGV[1] .. ' 1 u' .. i, '@u' .. i, socket) end";
    char count[16];

    snprintf(count, sizeof count, "%d", riders);
    redis_run(server, "EVAL %s 0 %s %s", script, node, count);
}

static void reaping_suspends_all_of_a_node_page_by_page(void **state)
{
    enum { RIDERS = 700 }; /* Redis hands out a small hash in one piece */
    struct redis_server *server = *state;
    unsigned pages;

    hold_many(server, "n", RIDERS);
    put_connection(server, 'a', "m 1 u0");
    put_connection(server, 'b', "n 1 ");
    redis_run(server, "HSET p:{/x}:connections spoiled spoiled");
    assert_int_equal(reap(server, "n", "60000", &pages), RIDERS + 1);
    assert_true(pages > 10);
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), RIDERS + 1);
    assert_int_equal(count(server, "HLEN p:{/x}:users"), RIDERS);
    redisReply *put_off = redis_ask(server, "HGET p:{/x}:connections %s", socket_of('b'));
    assert_string_equal(put_off->str, "- 1 ");
    freeReplyObject(put_off);
    assert_int_equal(count(server, "HEXISTS p:{/x}:connections %s", socket_of('a')), 1);
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 0);
    assert_int_equal(reap(server, "n", "60000", &pages), 0);
}

static void who_is_reaped_may_be_taken_back_at_the_same_tenure(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)tenure_in(board(server, .id = "ann")));
    assert_int_equal(reap(server, "n", "60000", &pages), 1);
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
    expect_ok(restore(server, .id = "ann", .tenure = tenure), "1", "");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
}

static void reaping_without_a_window_tells_each_once(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "ann", .socket = 'b', .node = "m"));
    freeReplyObject(board(server, .id = "bob", .socket = 'c'));
    assert_int_equal(reap(server, "n", "0", &pages), 2);
    assert_int_equal(reap(server, "n", "0", &pages), 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=b, b=m ann");
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 5);
    assert_int_equal(reap(server, "m", "0", &pages), 1);
    assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:away"), 0);
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 6);
    assert_string_equal(place_of(server).offset, "6");
    assert_true(count(server, "TTL p:{/x}:meta") > 0);
}

static void reaping_leaves_alone_what_another_node_holds(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    hold_many(server, "m", 3);
    assert_int_equal(reap(server, "n", "0", &pages), 0);
    assert_int_equal(count(server, "HLEN p:{/x}:users"), 3);
}

static void sweeping_takes_out_who_is_due_and_tells_each_once(void **state)
{
    const struct call sweep = {.script = script_sweep, .args = {"100"}};
    struct redis_server *server = *state;

    expect_word(run(server, sweep), "none");
    for (const char *socket = "abc"; *socket; socket++) {
        const char id[] = {*socket, '1', '\0'};
        freeReplyObject(board(server, .id = id, .socket = *socket));
        freeReplyObject(suspend(server, .socket = *socket));
    }
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    redis_run(server, "ZADD p:{/x}:away 2 %s", socket_of('b'));
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"1"}}), 1, 2);
    expect_swept(run(server, sweep), 1, 1);
    expect_word(run(server, sweep), "none");
    expect_users(server, "c1=c1");
    expect_connections(server, "@c1=c, c=- c1");
    expect_away(server, "c");
    expect_log(server, "boarded a a1, boarded b b1, boarded c c1, disconnected a a1, disconnected b b1");
}

static void sweeping_leaves_aboard_who_is_held_and_forgets_who_is_unknown(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('z'));
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 2, 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=n ann");
    expect_log(server, "boarded a ann");
}

/* --- the roster --- */

static redisReply *ask_roster(struct redis_server *server, const struct place *known, const char *page)
{
    static const struct place nowhere = {.offset = "0"};
    const struct place *from = known ? known : &nowhere;

    return run(server, (struct call){.script = script_roster,
                                     .known = known,
                                     .epoch = "epochYYY",
                                     .args = {page, from->epoch, from->offset, from->chain}});
}

static void the_roster_is_what_follows_or_who_is_aboard(void **state)
{
    struct redis_server *server = *state;
    struct place first, last;

    freeReplyObject(board(server, .id = "ann"));
    first = place_of(server);
    freeReplyObject(board(server, .id = "bob", .socket = 'b'));
    last = place_of(server);

    redisReply *reply = ask_roster(server, &first, "10");
    assert_string_equal(reply->element[0]->str, "log");
    expect_place(reply, EPOCH, "2");
    assert_int_equal(reply->element[4]->elements, 1);
    freeReplyObject(reply);
    reply = ask_roster(server, &last, "10");
    assert_string_equal(reply->element[0]->str, "log");
    assert_int_equal(reply->element[4]->elements, 0);
    freeReplyObject(reply);
    reply = ask_roster(server, NULL, "10");
    assert_string_equal(reply->element[0]->str, "users");
    assert_string_equal(reply->element[3]->str, last.chain);
    assert_int_equal(reply->element[4]->elements, 4);
    freeReplyObject(reply);
    expect_word(ask_roster(server, NULL, "1"), "large");

    memcpy(first.chain, "deadbeef", sizeof first.chain);
    reply = ask_roster(server, &first, "10");
    assert_string_equal(reply->element[0]->str, "anew");
    expect_place(reply, "epochYYY", "0");
    assert_int_equal(reply->element[4]->integer, 1);
    freeReplyObject(reply);
}

/* A gateway has the answer of a transition before its event. */
static void the_roster_script_knows_more_than_where_it_reads_from(void **state)
{
    struct redis_server *server = *state;
    struct place from, lost;

    freeReplyObject(board(server, .id = "ann"));
    from = place_of(server);
    freeReplyObject(board(server, .id = "bob", .socket = 'b'));
    lost = place_of(server);
    struct call call = {.script = script_roster,
                        .known = &lost,
                        .epoch = "epochYYY",
                        .args = {"10", from.epoch, from.offset, from.chain}};
    expect_word(run(server, call), "log");
    redis_run(server, "HSET p:{/x}:meta offset 1 chain %s", from.chain);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    redisReply *reply = run(server, call);
    expect_place(reply, "epochYYY", "0");
    freeReplyObject(reply);
}

static void an_epoch_that_began_with_nobody_is_told_from_its_beginning(void **state)
{
    static const struct place old = {"epochOLD", "7", "deadbeef"};
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    redisReply *reply = ask_roster(server, &old, "10");
    assert_string_equal(reply->element[0]->str, "anew");
    expect_place(reply, EPOCH, "0");
    assert_string_equal(reply->element[3]->str, NO_CHAIN);
    assert_int_equal(reply->element[4]->integer, 0);
    struct place beginning = {.offset = "0", .chain = NO_CHAIN};
    memcpy(beginning.epoch, EPOCH, sizeof beginning.epoch);
    freeReplyObject(reply);
    reply = ask_roster(server, &beginning, "10");
    assert_string_equal(reply->element[0]->str, "log");
    assert_int_equal(reply->element[4]->elements, 1);
    freeReplyObject(reply);
    redis_run(server, "DEL p:{/x}:log");
    expect_word(ask_roster(server, &old, "10"), "users");
}

/* --- replaying --- */

static redisReply *replay(struct redis_server *server, const struct place *from)
{
    return run(server, (struct call){.script = script_replay, .known = from, .args = {"10", "", "0"}});
}

/* For the client of that socket, which is not aboard. Three events are searched for its end. */
static redisReply *replay_for(struct redis_server *server, const struct place *from, char socket)
{
    return run(server,
               (struct call){.script = script_replay, .known = from, .args = {"10", socket_of(socket), "3"}});
}

static void a_replay_reaches_exactly_as_far_back_as_the_log(void **state)
{
    struct redis_server *server = *state;
    struct place at[5];

    for (int i = 1; i <= 4; i++) {
        freeReplyObject(leave(server, .id = "ann"));
        at[i] = place_of(server);
    }
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 2");
    expect_word(replay(server, &at[4]), "log");
    expect_word(replay(server, &at[3]), "log");
    redisReply *reply = replay(server, &at[2]);
    assert_string_equal(reply->element[0]->str, "log");
    expect_place(reply, EPOCH, "4");
    assert_int_equal(reply->element[4]->elements, 2);
    freeReplyObject(reply);
    expect_word(replay(server, &at[1]), "gone");
}

static void who_has_ended_up_to_where_a_replay_begins_has_none(void **state)
{
    struct redis_server *server = *state;
    struct place at[8];

    at[0] = (struct place){EPOCH, "0", NO_CHAIN};
    freeReplyObject(board(server, .id = "ann"));
    at[1] = place_of(server);
    freeReplyObject(leave(server, .id = "ann"));
    at[2] = place_of(server);
    for (int i = 3; i <= 5; i++) {
        freeReplyObject(board(server, .id = "bob", .socket = 'b'));
        at[i] = place_of(server);
    }
    expect_word(replay_for(server, &at[0], 'a'), "log");
    expect_word(replay_for(server, &at[1], 'a'), "log"); /* what comes later the gateway sees */
    expect_word(replay_for(server, &at[2], 'a'), "gone");
    expect_word(replay_for(server, &at[4], 'a'), "gone");
    expect_word(replay_for(server, &at[5], 'a'), "log"); /* no client has heard that much behind its end */
    expect_word(replay(server, &at[2]), "log");
    expect_word(replay_for(server, &at[4], 'c'), "log");

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "cem"));
    at[6] = place_of(server);
    expect_word(replay_for(server, &at[6], 'a'), "log"); /* as one it has ended, and boarded as another */
    freeReplyObject(disconnect(server));
    at[7] = place_of(server);
    expect_word(replay_for(server, &at[7], 'a'), "gone");
}

static void nor_has_who_may_have(void **state)
{
    struct redis_server *server = *state;
    struct place at[5];

    for (int i = 1; i <= 4; i++) {
        freeReplyObject(board(server, .id = "bob", .socket = 'b'));
        at[i] = place_of(server);
    }
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 3");
    expect_word(replay_for(server, &at[4], 'c'), "log");
    expect_word(replay_for(server, &at[3], 'c'), "gone");
    expect_word(replay_for(server, &at[3], 'b'), "log");
    expect_word(replay(server, &at[3]), "log");
}

static void a_replay_of_another_history_is_refused(void **state)
{
    struct redis_server *server = *state;
    struct place at[4];

    for (int i = 1; i <= 3; i++) {
        freeReplyObject(leave(server, .id = "ann"));
        at[i] = place_of(server);
        memcpy(at[i].chain, "deadbeef", 9);
    }
    expect_word(replay(server, &at[3]), "gone"); /* where the ride is */
    expect_word(replay(server, &at[1]), "gone"); /* an entry of the log */
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_word(replay(server, &at[2]), "gone"); /* only the next entry is there */
    expect_log(server, "exited a ann");
}

static void a_replay_from_a_place_that_never_was_changes_nothing(void **state)
{
    struct redis_server *server = *state;
    struct place from = {EPOCH, "1", "deadbeef"};

    expect_word(replay(server, &from), "gone");
    assert_int_equal(count(server, "EXISTS p:{/x}:meta p:{/x}:log"), 0);
    expect_ok(leave(server, .id = "ann"), "1", "");
    struct place there = place_of(server);
    strcpy(from.offset, "2");
    expect_word(replay(server, &from), "gone");
    strcpy(from.offset, "18446744073709551615");
    expect_word(replay(server, &from), "gone");
    memcpy(there.epoch, "epochYYY", 8);
    expect_word(replay(server, &there), "gone");
    expect_ok(leave(server, .id = "ann"), "2", "");
}

/* --- checking --- */

/* Socket and first eight digits of the record's SHA-1, appended. */
static void add_held(struct redis_server *server, char *held, char socket, const char *record)
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s", "return redis.sha1hex(ARGV[1])", record);

    strcat(held, socket_of(socket));
    strncat(held, reply->str, 8);
    freeReplyObject(reply);
}

static void a_check_names_what_is_missing_or_otherwise(void **state)
{
    struct redis_server *server = *state;
    char held[400] = "", wrong[8] = "";

    freeReplyObject(board(server, .id = "ann"));                             /* a: right */
    freeReplyObject(board(server, .id = "bob", .socket = 'b', .node = "m")); /* another node's */
    freeReplyObject(board(server, .id = "cem", .socket = 'c'));              /* its person is missing */
    freeReplyObject(board(server, .id = "dan", .socket = 'd'));              /* with another record */
    freeReplyObject(board(server, .id = "eve", .socket = 'e', .node = "m"));
    freeReplyObject(board(server, .id = "eve", .socket = 'f')); /* and though e may have brought it */
    add_held(server, held, 'a', "ann");
    add_held(server, held, 'b', "bob");
    add_held(server, held, 'c', "cem");
    add_held(server, held, 'd', "older");
    add_held(server, held, 'f', "older");
    add_held(server, held, 'g', "nobody");
    redis_run(server, "HDEL p:{/x}:users cem");
    redisReply *reply = run(server, (struct call){.script = script_check, .args = {"n", held}});
    expect_array(reply);
    for (size_t i = 0; i < reply->elements; i++)
        strncat(wrong, reply->element[i]->str, 1);
    freeReplyObject(reply);
    assert_string_equal(wrong, "bcdfg");
}

/* --- auditing --- */

/* One step of an audit. */
static redisReply *audit_page(struct redis_server *server, const char *what, const char *cursor,
                              const char *pause)
{
    return run(server, (struct call){.script = script_audit,
                                     .epoch = "epochYYY",
                                     .args = {what, cursor, "100", pause, "0"}});
}

/* The first page of one that has another window. */
static redisReply *audit_with(struct redis_server *server, const char *window, const char *pause)
{
    return run(server, (struct call){.script = script_audit,
                                     .window = window,
                                     .epoch = "epochYYY",
                                     .args = {"connections", "0", "100", pause, "0"}});
}

/* Goes through what there is; whether something was wrong that nodes may know better. */
static bool audit(struct redis_server *server)
{
    static const char *const whats[] = {"connections", "users"};
    bool wrong = false;

    for (int i = 0; i < 2; i++) {
        char cursor[24] = "0";

        do {
            redisReply *reply = audit_page(server, whats[i], cursor, "0");
            expect_array(reply);
            assert_string_equal(reply->element[0]->str, "ok");
            assert_int_equal(reply->elements, 10);
            wrong = wrong || reply->element[8]->integer;
            snprintf(cursor, sizeof cursor, "%s", reply->element[6]->str);
            freeReplyObject(reply);
        } while (strcmp(cursor, "0") != 0);
    }
    return wrong;
}

static void an_audit_adds_up_the_records(void **state)
{
    struct redis_server *server = *state;
    long long sum = 0;

    for (int i = 0; i < 3; i++) {
        char id[4] = {'u', (char)('0' + i), '\0'};

        freeReplyObject(board(server, .id = id, .socket = (char)('a' + i)));
        redisReply *reply = redis_ask(server, "EVAL %s 0 %s",
                                      "return tonumber(string.sub(redis.sha1hex(ARGV[1]), 1, 8), 16)", id);
        sum += reply->integer;
        freeReplyObject(reply);
    }
    redisReply *reply = audit_page(server, "users", "0", "0");
    assert_int_equal(reply->element[9]->integer, sum);
    freeReplyObject(reply);
}

/* a and b are ann's, at n and suspended; c is bob's, at m; d was put off at m. */
static void make_ride(struct redis_server *server)
{
    clear(server);
    freeReplyObject(board(server, .id = "cem", .socket = 'd', .node = "m"));
    freeReplyObject(leave(server, .id = "cem", .socket = 'e'));
    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "ann", .socket = 'b'));
    freeReplyObject(board(server, .id = "bob", .socket = 'c', .node = "m"));
    freeReplyObject(suspend(server, .socket = 'b'));
}

#define RIDE_USERS       "ann=ann, bob=bob"
#define RIDE_CONNECTIONS "@ann=a b, @bob=c, a=n ann, b=- ann, c=m bob, d=m "

/* What nodes do that hear what they are said to hold and are asked to check. */
static void nodes_restore(struct redis_server *server)
{
    freeReplyObject(restore(server, .id = "ann", .tenure = LATER));
    freeReplyObject(restore(server, .id = "bob", .socket = 'c', .node = "m", .tenure = LATER));
}

static void an_audit_changes_nothing_where_all_is_right(void **state)
{
    struct redis_server *server = *state;
    struct place before;

    make_ride(server);
    before = place_of(server);
    assert_false(audit(server));
    expect_users(server, RIDE_USERS);
    expect_connections(server, RIDE_CONNECTIONS);
    expect_away(server, "b");
    assert_memory_equal(place_of(server).chain, before.chain, 9);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

static void an_audit_says_how_many_there_are_and_who_holds_them(void **state)
{
    struct redis_server *server = *state;
    char nodes[8] = "";

    make_ride(server);
    redisReply *reply = audit_page(server, "connections", "0", "1000");
    assert_string_equal(reply->element[0]->str, "ok");
    expect_place(reply, EPOCH, "5");
    assert_int_equal(reply->element[4]->integer, 2);
    assert_int_equal(reply->element[5]->integer, 1);
    for (size_t i = 0; i < reply->element[7]->elements; i++)
        strncat(nodes, reply->element[7]->element[i]->str, 1);
    assert_true(strcmp(nodes, "nm") == 0 || strcmp(nodes, "mn") == 0);
    assert_int_equal(reply->element[8]->integer, 0);
    freeReplyObject(reply);
}

static void a_ride_that_was_just_audited_is_left_alone(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    expect_word(audit_page(server, "connections", "0", "60000"), "ok");
    redisReply *reply = audit_page(server, "connections", "0", "60000");
    assert_string_equal(reply->element[0]->str, "recent");
    expect_place(reply, EPOCH, "5");
    assert_int_equal(reply->elements, 6);
    assert_int_equal(reply->element[4]->integer, 2);
    assert_int_equal(reply->element[5]->integer, 1);
    freeReplyObject(reply);
    expect_word(audit_page(server, "users", "0", "60000"), "ok"); /* the run under way goes on */
    redis_run(server, "HSET p:{/x}:meta audited 9000000000000");  /* Redis' clock was put back */
    expect_word(audit_page(server, "connections", "0", "60000"), "ok");
}

static void an_audit_finds_who_is_aboard_where_the_connections_are_gone(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:connections");
    assert_true(audit(server));
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HLEN p:{/x}:connections"), 4); /* a suspended one and a list for each */
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 3);
    nodes_restore(server);
    redis_run(server, "EVAL %s 0",
              "for _, socket in ipairs(redis.call('ZRANGE', 'p:{/x}:away', 0, -1)) do "
              "redis.call('ZADD', 'p:{/x}:away', 1, socket) end");
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 3, 0);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob");
    assert_false(audit(server));
}

static void who_is_aboard_without_a_connection_leaves_in_the_end(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    redis_run(server, "HSET p:{/x}:users ghost ghost");
    assert_true(audit(server));
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 1);
    redis_run(server, "EVAL %s 0",
              "redis.call('ZADD', 'p:{/x}:away', 1, redis.call('ZRANGE', 'p:{/x}:away', 0, 0)[1])");
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 1, 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=n ann");
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 2);
}

static void an_audit_asks_for_who_is_missing(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:users");
    assert_true(audit(server));
    nodes_restore(server);
    audit(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob, d=m "); /* b's record is known to nobody */
    expect_away(server, "");
    assert_false(audit(server));
}

static void an_audit_gives_suspended_ones_a_deadline(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:away");
    audit(server);
    expect_away(server, "b");
    expect_connections(server, RIDE_CONNECTIONS);
    assert_in_range(count(server, "EVAL %s 0 %s",
                          "local t = redis.call('TIME') "
                          "return redis.call('ZSCORE', 'p:{/x}:away', ARGV[1]) - t[1] * 1000",
                          socket_of('b')),
                    1, 61000);
}

static void an_audit_gives_one_that_is_put_off_and_nobodys_a_deadline(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    make_ride(server);
    reap(server, "m", "60000", &pages);
    redis_run(server, "DEL p:{/x}:away");
    assert_false(audit(server));
    expect_away(server, "b c d");
    expect_connections(server, "@ann=a b, @bob=c, a=n ann, b=- ann, c=- bob, d=- ");
}

/* Else the end of the person's last connection would be taken for that of one of several. */
static void a_suspended_one_whose_person_is_missing_is_in_no_list(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "HDEL p:{/x}:users ann");
    assert_true(audit(server));
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob, d=m ");
    expect_away(server, "");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "6", "missing");
    expect_ok(disconnect(server), "7", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=c, c=m bob, d=m ");

    make_ride(server);
    freeReplyObject(suspend(server));
    redis_run(server, "HDEL p:{/x}:users ann");
    audit(server);
    expect_connections(server, "@bob=c, c=m bob, d=m ");
}

static void an_audit_mends_lists(void **state)
{
    struct redis_server *server = *state;
    char text[100];

    make_ride(server);
    redis_run(server, "HDEL p:{/x}:connections @ann @bob");
    audit(server);
    audit(server);
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @ann"), 41);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @bob"), 20);

    /* Of those named in a list, one is unknown, one is another's, and one is put off. */
    make_ride(server);
    snprintf(text, sizeof text, "%.20s ", socket_of('a'));
    strcat(text, socket_of('z'));
    strcat(text, " ");
    strcat(text, socket_of('c'));
    strcat(text, " ");
    strcat(text, socket_of('d'));
    redis_run(server, "HSET p:{/x}:connections @ann %s", text);
    redis_run(server, "HSET p:{/x}:connections @ghost %s", socket_of('c'));
    assert_true(audit(server));
    audit(server);
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HEXISTS p:{/x}:connections @ghost"), 0);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @ann"), 41);
    assert_false(audit(server));
}

static long long calls_of(struct redis_server *server, const char *command)
{
    char name[40];

    snprintf(name, sizeof name, "cmdstat_%s:calls=", command);
    redisReply *reply = redis_ask(server, "INFO commandstats");
    const char *found = strstr(reply->str, name);
    long long calls = found ? strtoll(found + strlen(name), NULL, 10) : 0;
    freeReplyObject(reply);
    return calls;
}

/* Else it would look for each field from the beginning of the list: for seconds, where there are thousands.
 */
static void an_audit_of_hashes_that_are_long_lists_reads_them_whole(void **state)
{
    enum { RIDERS = 1500 };
    struct redis_server *server = *state;

    redis_run(server, "CONFIG SET hash-max-listpack-entries 100000");
    hold_many(server, "n", RIDERS);
    redis_run(server, "HDEL p:{/x}:connections @u17 %020d", 18);
    redis_run(server, "HSET p:{/x}:connections @ghost %020d", 19);
    redis_run(server, "CONFIG RESETSTAT");
    assert_true(audit(server));
    assert_int_equal(calls_of(server, "hmget"), 2); /* for the position, of each page */
    assert_int_equal(count(server, "HLEN p:{/x}:connections"), 2 * RIDERS);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @u17"), 20);
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 1); /* for u18 */
    assert_false(audit(server));
}

static void an_audit_removes_what_is_no_connection(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "HSET p:{/x}:connections short %s", "n 1 ann");
    put_connection(server, 'q', "spoiled");
    put_connection(server, 'r', "n x ann");
    put_connection(server, '/', "n 1 ann");
    audit(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, RIDE_CONNECTIONS);
}

static void an_audit_begins_anew_where_the_log_is_not_the_rides(void **state)
{
    static const char command[] = "local words = {} "
                                  "for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end "
                                  "redis.call(unpack(words)) return 1";
    static const char *const damages[] = {
        "HSET p:{/x}:meta offset 4",
        "HSET p:{/x}:meta chain deadbeef",
        "XDEL p:{/x}:log 5-0",
        "XADD p:{/x}:log 6-0 chain deadbeef op x kind exited socket x user x",
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        make_ride(server);
        redis_run(server, "EVAL %s 0 %s", command, damages[i]);
        audit(server);
        assert_string_equal(place_of(server).epoch, "epochYYY");
        assert_int_equal(count(server, "XLEN p:{/x}:log"), 0);
        expect_users(server, RIDE_USERS);
        expect_connections(server, RIDE_CONNECTIONS);
    }
    make_ride(server); /* without any, it is its own */
    redis_run(server, "DEL p:{/x}:log");
    audit(server);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

static void an_audit_deletes_keys_of_another_type(void **state)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (int j = 0; j < 2; j++) {
            make_ride(server);
            redis_run(server, "DEL p:{/x}:%s", keys[i]);
            redis_run(server, "%s p:{/x}:%s spoiled", j ? "SADD" : "RPUSH", keys[i]);
            audit(server);
            nodes_restore(server);
            audit(server);
            expect_users(server, RIDE_USERS);
            assert_int_equal(count(server, "EXISTS " KEYS), i == 1 || i == 2 ? 5 : 4);
            place_of(server);
        }
    }
}

static void an_audit_of_all_keys_spoiled_at_once_leaves_a_ride_that_works(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL " KEYS);
    redis_run(server, "MSET p:{/x}:users 1 p:{/x}:connections 1 p:{/x}:away 1 p:{/x}:meta 1 p:{/x}:log 1");
    audit(server);
    nodes_restore(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob");
    expect_log(server, "restored a ann, restored c bob");
}

static void an_audit_of_an_empty_ride_lets_it_go(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann"), "1", "");
    redis_run(server, "PERSIST p:{/x}:meta");
    redis_run(server, "PERSIST p:{/x}:log");
    audit(server);
    expect_life(server, 60001, 70000);
    expect_word(audit_with(server, "15000", "0"), "ok");
    expect_life(server, 30001, 45000);
    expect_word(audit_with(server, "60000", "60000"), "recent");
    expect_life(server, 60001, 70000);
    redis_run(server, "DEL p:{/x}:meta");
    audit(server);
    assert_in_range(count(server, "PTTL p:{/x}:meta"), 60001, 70000);
}

static void runs_of_which_nothing_was_heard_for_a_day_are_forgotten(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    for (int i = 0; i < 100; i++)
        redis_run(server, "HSET p:{/x}:meta done:old%d 1700000000000000", i);
    redis_run(server, "EVAL %s 0",
              "redis.call('HSET', 'p:{/x}:meta', 'done:new', redis.call('TIME')[1] - 3600 .. '000000')");
    audit(server);
    assert_int_equal(count(server, "HEXISTS p:{/x}:meta done:old0"), 0);
    assert_int_equal(count(server, "HEXISTS p:{/x}:meta done:new"), 1);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

/* --- what is said to nodes --- */

static redisContext *listen_on(struct redis_server *server, const char *channel)
{
    const struct timeval limit = {.tv_sec = 20};
    redisContext *context = redisConnect("127.0.0.1", server->port);

    assert_non_null(context);
    redisSetTimeout(context, limit);
    freeReplyObject(redisCommand(context, "SUBSCRIBE %s", channel));
    return context;
}

static void expect_heard(redisContext *context, const char *beginning, const char *end)
{
    void *reply;

    assert_int_equal(redisGetReply(context, &reply), REDIS_OK);
    const char *text = ((redisReply *)reply)->element[2]->str;
    size_t len = strlen(text), end_len = strlen(end);
    if (strncmp(text, beginning, strlen(beginning)) != 0 || len < end_len ||
        strcmp(text + len - end_len, end) != 0)
        fail_msg("heard: %s", text);
    freeReplyObject(reply);
}

static void a_node_hears_what_is_taken_from_it_unless_it_gave_it_up(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_n = listen_on(server, "p:node:n");

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(suspend(server));
    freeReplyObject(resume(server, .node = "m"));
    freeReplyObject(resume(server));
    freeReplyObject(resume(server, .node = "m"));
    expect_heard(of_n, "taken /x ", socket_of('a'));
    freeReplyObject(restore(server, .id = "ann", .tenure = LATER));
    freeReplyObject(restore(server, .id = "ann", .node = "m", .tenure = "9000000000000001"));
    expect_heard(of_n, "taken /x 9000000000000001 ", socket_of('a'));
    redisFree(of_n);
}

static void each_node_hears_what_it_is_said_to_hold_and_all_are_asked_to_check(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_m = listen_on(server, "p:node:m"), *of_ride;
    char held[64] = "held /x ";

    make_ride(server);
    of_ride = listen_on(server, "channel");
    redis_run(server, "HDEL p:{/x}:connections %s", socket_of('d'));
    audit(server);
    expect_heard(of_m, strcat(held, socket_of('c')), socket_of('c'));
    redis_run(server, "DEL p:{/x}:users");
    audit(server);
    expect_heard(of_m, held, socket_of('c'));
    expect_heard(of_ride, "check", "check");
    redisFree(of_m);
    redisFree(of_ride);
}

static void an_event_is_told_with_its_place_and_the_fingerprint_before_it(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_ride = listen_on(server, "channel");
    struct place first, second;
    char text[200];

    freeReplyObject(board(server, .id = "ann"));
    first = place_of(server);
    freeReplyObject(leave(server, .id = "ann", .user = "{\"id\": 1}"));
    second = place_of(server);
    snprintf(text, sizeof text, EPOCH " 1 %s " NO_CHAIN " boarded %s ann", first.chain, socket_of('a'));
    expect_heard(of_ride, text, text);
    snprintf(text, sizeof text, EPOCH " 2 %s %s exited %s {\"id\": 1}", second.chain, first.chain,
             socket_of('a'));
    expect_heard(of_ride, text, text);
    redisFree(of_ride);
}

/* --- spoiled keys --- */

/* All that is there, for comparison. */
static redisReply *dump(struct redis_server *server)
{
    return redis_ask(server, "EVAL %s 5 " KEYS,
                     "local all = {} for i, key in ipairs(KEYS) do "
                     "all[i] = redis.sha1hex(redis.call('DUMP', key) or '') end return table.concat(all)");
}

struct spoiling {
    const char *name;
    struct operation operation;
    struct call call;
    const char *needs; /* keys without which it cannot be right */
};

static const struct spoiling spoilings[] = {
    {"board",
     operation_of(.script = script_transition, .kind = "board", .id = "dan", .socket = 'q'),
     {0},
     "users connections meta log"},
    {"board again",
     operation_of(.script = script_transition, .kind = "board", .id = "ann"),
     {0},
     "users connections meta log"},
    {"board as another",
     operation_of(.script = script_transition, .kind = "board", .id = "bob"),
     {0},
     "users connections meta log"},
    {"board a suspended one",
     operation_of(.script = script_transition, .kind = "board", .id = "ann", .socket = 'b', .tenure = LATER),
     {0},
     "users connections away meta log"},
    {"board instead of a suspended one",
     operation_of(.script = script_transition, .kind = "board", .id = "ann", .socket = 'q', .limit = "2"),
     {0},
     "users connections away meta log"},
    {"exit",
     operation_of(.script = script_transition, .kind = "exit", .id = "ann"),
     {0},
     "users connections away meta log"},
    {"exit as another",
     operation_of(.script = script_transition, .kind = "exit", .id = "bob"),
     {0},
     "users connections away meta log"},
    {"disconnect",
     operation_of(.script = script_transition, .kind = "disconnect"),
     {0},
     "users connections meta log"},
    {"suspend", operation_of(.script = script_suspend), {0}, "users connections away meta"},
    {"resume", operation_of(.script = script_resume, .socket = 'b'), {0}, "users connections away meta"},
    {"restore",
     operation_of(.script = script_restore, .id = "dan", .socket = 'q', .tenure = "9"),
     {0},
     "users connections meta log"},
    {"restore a suspended one",
     operation_of(.script = script_restore, .id = "ann", .socket = 'b', .tenure = LATER),
     {0},
     "users connections away meta"},
    {"reap", {0}, {.script = script_reap, .args = {"n", "0", "100"}}, "users connections away meta"},
    {"reap without a window",
     {0},
     {.script = script_reap, .window = "0", .args = {"n", "0", "100"}},
     "users connections away meta log"},
    {"sweep", {0}, {.script = script_sweep, .args = {"100"}}, "users connections away meta log"},
    {"roster", {0}, {.script = script_roster, .args = {"100", "", "0", ""}}, "users meta log"},
    {"check",
     {0},
     {.script = script_check, .args = {"n", "aaaaaaaaaaaaaaaaaaaa01234567"}},
     "users connections"},
};

/* A script that fails has changed nothing, and one that needs the key fails. */
static void a_key_of_the_wrong_type_stops_a_script_with_nothing_changed(void **state)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < 5 * (sizeof spoilings / sizeof *spoilings); i++) {
        const struct spoiling *spoiling = &spoilings[i / 5];
        const char *key = keys[i % 5];

        make_ride(server);
        if (spoiling->call.script == script_sweep)
            redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('b'));
        redis_run(server, "DEL p:{/x}:%s", key);
        redis_run(server, "RPUSH p:{/x}:%s spoiled", key);
        redisReply *before = dump(server);
        redisReply *reply =
            spoiling->call.script ? run(server, spoiling->call) : operate(server, spoiling->operation);
        bool failed = reply->type == REDIS_REPLY_ERROR;
        freeReplyObject(reply);
        redisReply *after = dump(server);
        if (failed != (strstr(spoiling->needs, key) != NULL))
            fail_msg("%s: spoiled %s: %s", spoiling->name, key, failed ? "it failed" : "it did not fail");
        if (failed && strcmp(before->str, after->str) != 0)
            fail_msg("%s: spoiled %s: something has changed", spoiling->name, key);
        freeReplyObject(before);
        freeReplyObject(after);
    }
}

#define on_redis(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_repeated_operation_answers_the_same_place_and_does_nothing),
        on_redis(an_operation_ahead_of_its_predecessor_is_sent_back),
        on_redis(operations_without_effect_keep_their_place_in_the_order_too),
        on_redis(a_repeated_suspension_does_not_undo_the_resumption_after_it),
        on_redis(a_refused_operation_is_not_done),
        on_redis(a_repeated_boarding_of_who_was_suspended_since_answers_its_tenure),
        on_redis(a_boarding_repeated_after_its_event_is_forgotten_answers_the_record_that_counts),
        on_redis(what_no_sender_can_have_done_is_not_done),
        on_redis(senders_do_not_wait_for_each_other),
        on_redis(a_boarding_that_was_refused_is_refused_again),
        on_redis(suspended_riders_stay_aboard_and_are_held_by_nobody),
        on_redis(a_suspension_lasts_for_a_window_or_as_long_as_it_says),
        on_redis(a_resumption_takes_the_socket_whether_it_is_suspended_or_not),
        on_redis(a_node_that_has_lost_the_socket_can_do_nothing_to_it),
        on_redis(the_later_tenure_wins),
        on_redis(at_the_same_tenure_a_suspended_socket_is_taken_back_and_a_held_one_is_not),
        on_redis(only_a_missing_rider_is_told_as_restored),
        on_redis(an_older_record_is_replaced_by_whoever_has_heard_everything_of_its_person),
        on_redis(who_exited_meanwhile_is_not_restored_though_redis_had_lost_the_connection),
        on_redis(who_exited_is_not_restored_though_the_person_has_boarded_anew_since),
        on_redis(what_redis_has_lost_is_put_back_when_its_connection_drops),
        on_redis(a_list_that_is_missing_is_made_anew_by_a_restoration),
        on_redis(a_person_is_aboard_once_by_all_its_connections),
        on_redis(only_the_last_connection_that_is_lost_is_told_as_a_disconnection),
        on_redis(an_exit_is_everybodys_of_that_person_and_the_others_stay_connected),
        on_redis(who_exits_without_being_aboard_is_told_all_the_same),
        on_redis(a_restoration_does_not_bring_back_who_has_exited_elsewhere),
        on_redis(who_was_put_off_may_board_again_and_then_be_restored),
        on_redis(a_connection_that_is_put_off_ends_without_a_word),
        on_redis(who_was_put_off_stays_so_where_its_node_is_taken_for_dead),
        on_redis(who_was_put_off_and_is_nobodys_may_board_and_exit_anywhere),
        on_redis(who_was_put_off_may_come_back_at_another_node_and_board_there),
        on_redis(a_suspended_connection_whose_person_exits_elsewhere_is_put_off_too),
        on_redis(who_was_put_off_may_exit_too),
        on_redis(who_boards_as_another_leaves_as_the_one_before_in_the_same_step),
        on_redis(who_exits_as_another_leaves_as_the_one_before_in_the_same_step),
        on_redis(a_repeated_change_of_person_answers_the_place_of_its_last_event),
        on_redis(who_boards_anew_while_an_old_connection_is_suspended_stays),
        on_redis(a_suspended_connection_may_board_exit_or_be_somebody_else),
        on_redis(a_person_has_no_more_connections_than_it_may),
        on_redis(the_connection_that_was_suspended_first_gives_way),
        on_redis(the_only_connection_gives_way_too),
        on_redis(a_name_may_be_anything),
        on_redis(a_position_has_a_fingerprint_of_all_events_up_to_it),
        on_redis(another_chain_at_a_known_offset_is_another_history),
        on_redis(what_the_log_does_not_reach_is_believed),
        on_redis(what_is_no_event_is_of_another_history),
        on_redis(every_script_finds_that_this_is_another_history),
        on_redis(an_offset_behind_the_one_that_is_known_begins_a_new_epoch),
        on_redis(an_epoch_that_is_over_begins_a_new_one),
        on_redis(a_new_epoch_begins_with_how_many_are_aboard),
        on_redis(a_damaged_position_begins_a_new_epoch),
        on_redis(what_was_sent_in_another_epoch_is_not_done),
        on_redis(nothing_expires_while_somebody_is_aboard_and_all_does_soon_after),
        on_redis(who_resumes_obtains_the_socket_later_than_its_holder_did),
        on_redis(a_connection_since_no_moment_that_can_be_told_is_none),
        on_redis(who_is_suspended_for_longer_than_a_window_gets_one),
        on_redis(reaping_suspends_all_of_a_node_page_by_page),
        on_redis(who_is_reaped_may_be_taken_back_at_the_same_tenure),
        on_redis(reaping_without_a_window_tells_each_once),
        on_redis(reaping_leaves_alone_what_another_node_holds),
        on_redis(sweeping_takes_out_who_is_due_and_tells_each_once),
        on_redis(sweeping_leaves_aboard_who_is_held_and_forgets_who_is_unknown),
        on_redis(the_roster_is_what_follows_or_who_is_aboard),
        on_redis(the_roster_script_knows_more_than_where_it_reads_from),
        on_redis(an_epoch_that_began_with_nobody_is_told_from_its_beginning),
        on_redis(a_replay_reaches_exactly_as_far_back_as_the_log),
        on_redis(who_has_ended_up_to_where_a_replay_begins_has_none),
        on_redis(nor_has_who_may_have),
        on_redis(a_replay_of_another_history_is_refused),
        on_redis(a_replay_from_a_place_that_never_was_changes_nothing),
        on_redis(a_check_names_what_is_missing_or_otherwise),
        on_redis(an_audit_adds_up_the_records),
        on_redis(an_audit_changes_nothing_where_all_is_right),
        on_redis(an_audit_says_how_many_there_are_and_who_holds_them),
        on_redis(a_ride_that_was_just_audited_is_left_alone),
        on_redis(an_audit_finds_who_is_aboard_where_the_connections_are_gone),
        on_redis(who_is_aboard_without_a_connection_leaves_in_the_end),
        on_redis(an_audit_asks_for_who_is_missing),
        on_redis(an_audit_gives_suspended_ones_a_deadline),
        on_redis(an_audit_gives_one_that_is_put_off_and_nobodys_a_deadline),
        on_redis(a_suspended_one_whose_person_is_missing_is_in_no_list),
        on_redis(an_audit_mends_lists),
        on_redis(an_audit_of_hashes_that_are_long_lists_reads_them_whole),
        on_redis(an_audit_removes_what_is_no_connection),
        on_redis(an_audit_begins_anew_where_the_log_is_not_the_rides),
        on_redis(an_audit_deletes_keys_of_another_type),
        on_redis(an_audit_of_all_keys_spoiled_at_once_leaves_a_ride_that_works),
        on_redis(an_audit_of_an_empty_ride_lets_it_go),
        on_redis(runs_of_which_nothing_was_heard_for_a_day_are_forgotten),
        on_redis(a_node_hears_what_is_taken_from_it_unless_it_gave_it_up),
        on_redis(each_node_hears_what_it_is_said_to_hold_and_all_are_asked_to_check),
        on_redis(an_event_is_told_with_its_place_and_the_fingerprint_before_it),
        on_redis(a_key_of_the_wrong_type_stops_a_script_with_nothing_changed),
    };

    return cmocka_run_group_tests_name("redis_scripts", tests, NULL, NULL);
}
