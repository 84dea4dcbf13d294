/*
 * Which errors of Redis are taken to speak of the server, in the words of Redis 6.2 and 7, and which only
 * look like it.
 */
#include "broker/redis/server_error.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Redis 6.2, in front of what is wrong with a command inside a script. */
#define SCRIPT                                                                                               \
    "ERR Error running script (call to f_62e6aac9c7520a78c28f012748b42ed670fff5d3): @user_script:12: "
#define COMMAND "@user_script: 12: "
/* Redis 7, behind it. */
#define BEHIND " script: 62e6aac9c7520a78c28f012748b42ed670fff5d3, on @user_script:12."

static const char *const codes[] = {"READONLY",    "LOADING", "BUSY",    "MASTERDOWN",
                                    "CLUSTERDOWN", "NOAUTH",  "NOPERM",  "OOM",
                                    "NOREPLICAS",  "MISCONF", "TRYAGAIN"};

enum { CODES = sizeof codes / sizeof *codes };

/* Of an error reply with the text given. */
static const char *meant_by(const char *text)
{
    const redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)text, .len = strlen(text)};

    return server_error(&reply);
}

static void expect_each_code(const char *before, const char *behind)
{
    for (size_t i = 0; i < CODES; i++) {
        char text[300];

        snprintf(text, sizeof text, "%s%s for a reason.%s", before, codes[i], behind);
        if (meant_by(text) != text + strlen(before))
            fail_msg("%s", text);
        snprintf(text, sizeof text, "%s%s", before, codes[i]);
        if (meant_by(text) != text + strlen(before))
            fail_msg("%s", text);
    }
}

static void an_error_of_a_command_is_known_by_its_code(void **state)
{
    (void)state;
    expect_each_code("", "");
}

static void one_inside_a_script_is_known_in_the_words_of_redis_7(void **state)
{
    (void)state;
    expect_each_code("", BEHIND);
}

static void and_in_those_of_redis_6(void **state)
{
    (void)state;
    expect_each_code(SCRIPT COMMAND "-", "");
    expect_each_code(SCRIPT, "");
}

static void what_a_user_of_redis_may_not_do_has_no_code_in_a_script(void **state)
{
    (void)state;
    assert_non_null(
        meant_by("ERR The user executing the script can't run this command or subcommand" BEHIND));
    assert_non_null(
        meant_by(SCRIPT COMMAND "The user executing the script can't run this command or subcommand"));
    assert_non_null(
        meant_by("ERR ACL failure in script: User u has no permissions to run the 'set' command" BEHIND));
}

static void errors_of_the_command_are_not_the_servers(void **state)
{
    static const char *const texts[] = {
        "",
        "ERR",
        "NOSCRIPT No matching script. Please use EVAL.",
        "BUSYGROUP Consumer Group name already exists",
        "BUSYKEY Target key name already exists.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR Unknown Redis command called from script" BEHIND,
        SCRIPT,
        SCRIPT COMMAND,
        SCRIPT "WRONGTYPE Operation against a key holding the wrong kind of value",
        SCRIPT COMMAND "Unknown Redis command called from Lua script",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (meant_by(texts[i]))
            fail_msg("%s", texts[i]);
}

static void a_code_within_the_text_is_only_text(void **state)
{
    static const char *const texts[] = {
        "ERR OOM command not allowed",
        "ERR unknown command 'x', with args beginning with: 'OOM x' ",
        "-OOM x",
        "ERR Error running script: @user_script:1: OOM x",
        "ERR Error running script (call to f_x): @user_script:1: OOM x",
        "ERR user_script:1: -OOM x" BEHIND,
        SCRIPT "user_script:12: -OOM x",
        SCRIPT COMMAND "x -OOM x",
        SCRIPT COMMAND "'" SCRIPT COMMAND "-OOM x'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (meant_by(texts[i]))
            fail_msg("%s", texts[i]);
}

static void a_text_that_is_no_error_is_only_text(void **state)
{
    static const int types[] = {REDIS_REPLY_STRING, REDIS_REPLY_STATUS, REDIS_REPLY_NIL};
    char text[] = "OOM command not allowed when used memory > 'maxmemory'.";

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const redisReply reply = {.type = types[i], .str = text, .len = strlen(text)};

        assert_null(server_error(&reply));
    }
}

/* --- in a cluster --- */

static bool in_script(const char *text)
{
    const redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)text, .len = strlen(text)};

    return slot_error_in_script(&reply);
}

static void what_has_been_begun_is_told_from_what_has_not(void **state)
{
    static const char away[] = "Script attempted to access a non local key in a cluster node";
    char text[300];

    (void)state;
    assert_true(in_script(away));
    snprintf(text, sizeof text, "ERR %s" BEHIND, away);
    assert_true(in_script(text));
    snprintf(text, sizeof text, SCRIPT COMMAND "%s", away);
    assert_true(in_script(text));
    assert_false(in_script("ASK 3999 127.0.0.1:6381"));
    assert_false(in_script("TRYAGAIN Multiple keys request during rehashing of slot"));
    assert_false(in_script("MOVED 3999 127.0.0.1:6381"));
}

static const struct redis_address asked = {.host = "asked.example", .port = 7};

static void expect_slot_error(const char *text, enum slot_error expected, const char *host, int port)
{
    const redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)text, .len = strlen(text)};
    struct redis_address owner = {.host = "former", .port = 1};

    if (slot_error(&reply, &asked, &owner) != expected)
        fail_msg("%s", text);
    if (owner.port != port)
        fail_msg("%s: port %d", text, owner.port);
    if (port > 0)
        assert_string_equal(owner.host, host);
}

static void who_has_moved_says_where_to(void **state)
{
    (void)state;
    expect_slot_error("MOVED 3999 127.0.0.1:6381", SLOT_ERROR_MOVED, "127.0.0.1", 6381);
    expect_slot_error("MOVED 3999 a.example:65535", SLOT_ERROR_MOVED, "a.example", 65535);
    expect_slot_error("MOVED 3999 2001:db8::1:6381", SLOT_ERROR_MOVED, "2001:db8::1", 6381);
    expect_slot_error("MOVED 3999 :6381", SLOT_ERROR_MOVED, "asked.example", 6381);
    expect_slot_error("MOVED 3999 ?:6381", SLOT_ERROR_MOVED, "asked.example", 6381);
    expect_slot_error("MOVED 3999 h:6381" BEHIND, SLOT_ERROR_MOVED, "h", 6381);
    expect_slot_error(SCRIPT COMMAND "-MOVED 3999 h:6381", SLOT_ERROR_MOVED, "h", 6381);
    expect_slot_error(SCRIPT "MOVED 3999 h:6381", SLOT_ERROR_MOVED, "h", 6381);
}

static void who_has_moved_to_no_address_has_moved_all_the_same(void **state)
{
    static const char *const texts[] = {
        "MOVED",
        "MOVED ",
        "MOVED 1",
        "MOVED 1 ",
        "MOVED 1 h",
        "MOVED 1 h:",
        "MOVED 1 h:0",
        "MOVED 1 h:-1",
        "MOVED 1 h:65536",
        "MOVED 1 h:x",
        "MOVED 1 h:1x",
        "MOVED 1  h:",
        "MOVED 1 h :1",
        "MOVED 1 /run/s:1",
        "MOVED 1 h\x01:1",
        "MOVED 1 h:1,2:",
        "MOVED h:1",
        "MOVED 1 \t:1",
        "MOVED 1 h:99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_slot_error(texts[i], SLOT_ERROR_MOVED, NULL, 0);
}

static void a_replica_and_slots_on_their_way_are_told_apart(void **state)
{
    (void)state;
    expect_slot_error("READONLY You can't write against a read only replica.", SLOT_ERROR_MOVED, NULL, 0);
    expect_slot_error("READONLY You can't write against a read only replica." BEHIND, SLOT_ERROR_MOVED, NULL,
                      0);
    expect_slot_error(SCRIPT COMMAND "-READONLY You can't write against a read only replica.",
                      SLOT_ERROR_MOVED, NULL, 0);
    expect_slot_error("ASK 3999 127.0.0.1:6381", SLOT_ERROR_LATER, NULL, 0);
    expect_slot_error("TRYAGAIN Multiple keys request during rehashing of slot", SLOT_ERROR_LATER, NULL, 0);
    expect_slot_error("CLUSTERDOWN Hash slot not served", SLOT_ERROR_LATER, NULL, 0);
    expect_slot_error("CLUSTERDOWN The cluster is down" BEHIND, SLOT_ERROR_LATER, NULL, 0);
    expect_slot_error(SCRIPT COMMAND "-CLUSTERDOWN The cluster is down", SLOT_ERROR_LATER, NULL, 0);
}

static void a_script_has_words_of_its_own_for_them(void **state)
{
    static const char *const words[] = {
        "Script attempted to access a non local key in a cluster node",
        "Script attempted to access a slot not served",
        "Script attempted to execute a command while the cluster is down",
        "Script attempted to execute a write command while the cluster is down and readonly",
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(text, sizeof text, "ERR %s" BEHIND, words[i]);
        expect_slot_error(text, SLOT_ERROR_LATER, NULL, 0);
        assert_null(meant_by(text));
        snprintf(text, sizeof text, SCRIPT COMMAND "%s", words[i]);
        expect_slot_error(text, SLOT_ERROR_LATER, NULL, 0);
        snprintf(text, sizeof text, SCRIPT "%s", words[i]);
        expect_slot_error(text, SLOT_ERROR_LATER, NULL, 0);
        snprintf(text, sizeof text, "ERR x %s", words[i]);
        expect_slot_error(text, SLOT_ERROR_NONE, NULL, 0);
    }
}

static void other_errors_are_not_about_slots(void **state)
{
    static const char *const texts[] = {
        "",
        "MOVEDON x",
        "ASKING x",
        "ERR MOVED 3999 h:6381",
        "ERR unknown command 'x', with args beginning with: 'MOVED 1 h:1' ",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "LOADING Redis is loading the dataset in memory",
        "NOSCRIPT No matching script. Please use EVAL.",
        "ERR Script attempted to execute a command that is not there",
    };
    const redisReply no_error = {.type = REDIS_REPLY_STRING, .str = (char *)"MOVED 1 h:1", .len = 11};
    struct redis_address owner;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_slot_error(texts[i], SLOT_ERROR_NONE, NULL, 0);
    expect_slot_error(SCRIPT COMMAND "x MOVED 1 h:1", SLOT_ERROR_NONE, NULL, 0);
    assert_int_equal(slot_error(&no_error, &asked, &owner), SLOT_ERROR_NONE);
    assert_int_equal(owner.port, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_of_a_command_is_known_by_its_code),
        cmocka_unit_test(one_inside_a_script_is_known_in_the_words_of_redis_7),
        cmocka_unit_test(and_in_those_of_redis_6),
        cmocka_unit_test(what_a_user_of_redis_may_not_do_has_no_code_in_a_script),
        cmocka_unit_test(errors_of_the_command_are_not_the_servers),
        cmocka_unit_test(a_code_within_the_text_is_only_text),
        cmocka_unit_test(a_text_that_is_no_error_is_only_text),
        cmocka_unit_test(what_has_been_begun_is_told_from_what_has_not),
        cmocka_unit_test(who_has_moved_says_where_to),
        cmocka_unit_test(who_has_moved_to_no_address_has_moved_all_the_same),
        cmocka_unit_test(a_replica_and_slots_on_their_way_are_told_apart),
        cmocka_unit_test(a_script_has_words_of_its_own_for_them),
        cmocka_unit_test(other_errors_are_not_about_slots),
    };

    return cmocka_run_group_tests_name("server_error", tests, NULL, NULL);
}
