/*
 * TLS to real servers, with certificates made for each test: who is trusted, whose name is checked, and what
 * stops the start. For builds whose hiredis has TLS.
 */
#include "tests/cluster/redis_server.h"
#include "tests/lib/broker_box.h"
#include "tests/lib/deadline.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BOXES = 2, URL_SIZE = 400 };

struct world {
    char folder[FOLDER_SIZE]; /* certificates and keys: ca, other-ca, server (localhost, 127.0.0.1), client */
    struct redis_server *server, *sentinel;
    int tls_port, sentinel_tls_port;
    struct box *boxes[BOXES];
    int log, screen; /* where standard error goes during the test, and where it goes otherwise */
};

/* --- certificates --- */

static void run(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs a shell command in the folder of the certificates. */
static void run(const struct world *world, const char *format, ...)
{
    char command[1000];
    int len = snprintf(command, sizeof command, "cd %s && ", world->folder);
    va_list args;

    va_start(args, format);
    vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    if (system(command) != 0) /* NOLINT(cert-env33-c): the texts are the test's own */
        fail_msg("%s", command);
}

static void make_ca(const struct world *world, const char *name)
{
    run(world,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
        "-keyout %s.key -out %s.crt 2>>log",
        name, name, name);
}

static void make_certificate(const struct world *world, const char *name, const char *alt_names)
{
    run(world,
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s -keyout %s.key -out "
        "%s.csr "
        "2>>log && printf 'subjectAltName=%s\\n' >%s.ext && openssl x509 -req -in %s.csr -CA ca.crt -CAkey "
        "ca.key "
        "-CAcreateserial -days 2 -extfile %s.ext -out %s.crt 2>>log",
        name, name, name, alt_names, name, name, name, name);
}

/* --- the world --- */

static struct redis_server *start_with_tls(struct world *world, enum redis_kind kind, const char *certificate,
                                           const char *more, int *tls_port)
{
    char text[900];

    *tls_port = redis_server_free_port();
    snprintf(text, sizeof text,
             "%stls-port %d\ntls-ca-cert-file %s/ca.crt\ntls-cert-file %s/%s.crt\ntls-key-file %s/%s.key\n%s",
             kind == REDIS_SERVER ? NOTHING_KEPT : "", *tls_port, world->folder, world->folder, certificate,
             world->folder, certificate, more);
    return redis_server_start(kind, text);
}

static void start_server(struct world *world, const char *certificate, const char *clients)
{
    char more[64];

    snprintf(more, sizeof more, "tls-auth-clients %s\n", clients);
    world->server = start_with_tls(world, REDIS_SERVER, certificate, more, &world->tls_port);
}

/* What brokers log is kept to be looked at, and shown at the end. */
static void catch_log(struct world *world)
{
    char path[sizeof world->folder + 16];

    snprintf(path, sizeof path, "%s/stderr", world->folder);
    world->log = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    world->screen = dup(STDERR_FILENO);
    assert_true(world->log >= 0 && world->screen >= 0);
    dup2(world->log, STDERR_FILENO);
}

static void release_log(struct world *world)
{
    char text[16384];
    ssize_t len = pread(world->log, text, sizeof text, 0);

    dup2(world->screen, STDERR_FILENO);
    if (len > 0)
        fwrite(text, 1, (size_t)len, stderr);
    close(world->screen);
    close(world->log);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    *state = world;
    folder_make(world->folder, "tls");
    catch_log(world);
    make_ca(world, "ca");
    make_certificate(world, "server", "DNS:localhost,IP:127.0.0.1");
    return 0;
}

/* Runs whatever happened in the test. */
static int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < BOXES; i++)
        box_free(world->boxes[i]);
    redis_server_free(world->sentinel);
    redis_server_free(world->server);
    release_log(world);
    folder_remove(world->folder);
    free(world);
    return 0;
}

/* --- brokers --- */

static struct box *start_box(struct world *world, const char *url)
{
    size_t slot = world->boxes[0] ? 1 : 0;

    assert_null(world->boxes[slot]);
    world->boxes[slot] = box_start(url, slot == 0 ? "a" : "b");
    return world->boxes[slot];
}

static struct box *start_box_to(struct world *world, const char *who, const char *parameters)
{
    char url[URL_SIZE];

    snprintf(url, sizeof url, "rediss://%s:%d/?ca=%s/ca.crt%s", who, world->tls_port, world->folder,
             parameters);
    return start_box(world, url);
}

static void expect_service(struct box *box)
{
    box_wait_up(box);
    broker_watch(box->broker, "/r");
    box_next(box, BROKER_ROSTER);
    box_submit(box, BROKER_BOARD, "/r", 1);
    assert_true(box_next(box, BROKER_RESULT)->ok);
    assert_string_equal(box_next(box, BROKER_EVENT)->socket_id, box_socket(1));
}

/* It says why, and never comes up. */
static void expect_refusal(struct world *world, struct box *box, const char *reason)
{
    const struct timespec pause = {.tv_nsec = 10000000}, deadline = deadline_from_now();
    char log[16384];

    for (;;) {
        ssize_t len = pread(world->log, log, sizeof log - 1, 0);
        log[len > 0 ? len : 0] = '\0';
        if (strstr(log, reason))
            break;
        if (deadline_passed(&deadline))
            fail_msg("nobody says \"%s\"", reason);
        nanosleep(&pause, NULL);
    }
    assert_int_equal(box_count(box, BROKER_STATE), 0);
}

/* --- tests --- */

/* Whether Redis has a client of this type on its port: "normal" sends commands, "pubsub" listens. */
static bool has_client(struct world *world, const char *type, int port)
{
    char at[32];

    snprintf(at, sizeof at, " laddr=127.0.0.1:%d ", port);
    redisReply *clients = redis_ask(world->server, "CLIENT LIST TYPE %s", type);
    assert_int_equal(clients->type, REDIS_REPLY_STRING);
    bool found = strstr(clients->str, at) != NULL;
    freeReplyObject(clients);
    return found;
}

static void a_trusted_server_with_the_right_name_serves(void **state)
{
    struct world *world = *state;

    start_server(world, "server", "no");
    expect_service(start_box_to(world, "localhost", ""));
    assert_true(has_client(world, "normal", world->tls_port));
    assert_true(has_client(world, "pubsub", world->tls_port));
    assert_false(has_client(world, "pubsub", world->server->port));
}

static void an_address_is_checked_like_a_name(void **state)
{
    struct world *world = *state;

    make_certificate(world, "nameless", "DNS:localhost");
    start_server(world, "nameless", "no");
    expect_refusal(world, start_box_to(world, "127.0.0.1", ""),
                   "its certificate is refused: IP address mismatch");
    redis_server_free(world->server);
    start_server(world, "server", "no");
    expect_service(start_box_to(world, "127.0.0.1", ""));
}

static void another_name_is_refused_unless_it_is_the_one_asked_for(void **state)
{
    struct world *world = *state;

    make_certificate(world, "named", "DNS:redis.example");
    start_server(world, "named", "no");
    expect_refusal(world, start_box_to(world, "localhost", ""),
                   "its certificate is refused: hostname mismatch");
    expect_service(start_box_to(world, "localhost", "&sni=redis.example"));
}

static void an_unknown_ca_is_refused(void **state)
{
    struct world *world = *state;
    char url[URL_SIZE];

    start_server(world, "server", "no");
    make_ca(world, "other-ca");
    snprintf(url, sizeof url, "rediss://localhost:%d/?ca=%s/other-ca.crt", world->tls_port, world->folder);
    expect_refusal(world, start_box(world, url), "its certificate is refused: ");
}

static void without_a_ca_file_the_systems_certificates_decide(void **state)
{
    struct world *world = *state;
    char url[URL_SIZE];

    start_server(world, "server", "no");
    snprintf(url, sizeof url, "rediss://localhost:%d", world->tls_port);
    expect_refusal(world, start_box(world, url), "its certificate is refused: ");
    /* OpenSSL lets the environment say where the system's are. */
    snprintf(url, sizeof url, "%s/ca.crt", world->folder);
    setenv("SSL_CERT_FILE", url, 1);
    snprintf(url, sizeof url, "rediss://localhost:%d", world->tls_port);
    struct box *box = start_box(world, url);
    unsetenv("SSL_CERT_FILE");
    expect_service(box);
}

static void a_server_that_asks_for_a_certificate_gets_ours(void **state)
{
    struct world *world = *state;
    char parameters[200];

    make_certificate(world, "client", "DNS:client");
    start_server(world, "server", "yes");
    expect_refusal(world, start_box_to(world, "localhost", ""), "certificate");
    snprintf(parameters, sizeof parameters, "&cert=%s/client.crt&key=%s/client.key", world->folder,
             world->folder);
    expect_service(start_box_to(world, "localhost", parameters));
}

static void a_server_without_tls_is_refused(void **state)
{
    struct world *world = *state;

    start_server(world, "server", "no");
    world->tls_port = world->server->port;
    expect_refusal(world, start_box_to(world, "localhost", ""), "the TLS handshake failed: ");
}

static void a_user_and_a_database_work_over_tls(void **state)
{
    struct world *world = *state;
    char url[URL_SIZE];

    start_server(world, "server", "no");
    redis_run(world->server, "ACL SETUSER ann on >hunter2 ~ridecast:* &ridecast:* +@all -@dangerous");
    redis_run(world->server, "SELECT 3");
    snprintf(url, sizeof url, "rediss://ann:hunter2@localhost:%d/3?ca=%s/ca.crt", world->tls_port,
             world->folder);
    expect_service(start_box(world, url));
    assert_int_equal(redis_integer(redis_ask(world->server, "HLEN ridecast:{/r}:users")), 1);
}

/* Much more than fits a TLS record or a socket's buffer, both ways at once. */
static void a_burst_arrives_complete_and_in_order(void **state)
{
    enum { RIDERS = 5000 };
    struct world *world = *state;

    start_server(world, "server", "no");
    struct box *box = start_box_to(world, "localhost", "");
    expect_service(box);
    for (unsigned i = 0; i < RIDERS; i++)
        box_submit(box, BROKER_BOARD, "/r", 2 + i);
    for (unsigned i = 0; i < RIDERS; i++) {
        const struct broker_message *result = box_next(box, BROKER_RESULT);
        assert_true(result->ok);
        assert_int_equal(result->ticket, 2 + i);
        assert_string_equal(box_next(box, BROKER_EVENT)->socket_id, box_socket(2 + i));
    }
    box_check_promises(box, "/r");
    struct box *other = start_box_to(world, "localhost", "");
    box_wait_up(other);
    broker_watch(other->broker, "/r");
    assert_int_equal(box_next(other, BROKER_ROSTER)->rider_count, RIDERS + 1);
    assert_int_equal(box_count(box, BROKER_STATE), 1);
}

static void a_lost_connection_is_made_anew_over_tls(void **state)
{
    struct world *world = *state;

    start_server(world, "server", "no");
    struct box *box = start_box_to(world, "localhost", "");
    expect_service(box);
    redis_run(world->server, "CLIENT KILL TYPE normal SKIPME yes");
    box_wait_down(box);
    box_wait_up(box);
    box_submit(box, BROKER_BOARD, "/r", 2);
    assert_true(box_next(box, BROKER_RESULT)->ok);
}

static void sentinels_and_the_primary_they_name_are_reached_over_tls(void **state)
{
    struct world *world = *state;
    char more[200], url[URL_SIZE];

    start_server(world, "server", "no");
    snprintf(more, sizeof more,
             "tls-auth-clients no\ntls-replication yes\nsentinel monitor main 127.0.0.1 %d 2\n",
             world->tls_port);
    world->sentinel = start_with_tls(world, REDIS_SENTINEL, "server", more, &world->sentinel_tls_port);
    snprintf(url, sizeof url, "rediss+sentinel://localhost:%d/main?ca=%s/ca.crt", world->sentinel_tls_port,
             world->folder);
    expect_service(start_box(world, url));
}

static void expect_no_start(const char *url, const char *message)
{
    struct metrics *metrics = metrics_new();
    char error[512] = "";
    const struct broker_options options = {
        .url = url, .prefix = "ridecast:", .node_id = "n", .queue_bytes = 1000, .metrics = metrics};
    struct broker *broker = broker_new(&options, error, sizeof error);

    metrics_free(metrics);
    assert_null(broker);
    if (!strstr(error, message))
        fail_msg("\"%s\" does not say \"%s\"", error, message);
}

static void files_that_cannot_be_used_stop_the_start(void **state)
{
    struct world *world = *state;
    char url[URL_SIZE];

    expect_no_start("rediss://h?ca=/no/such.crt",
                    "cannot read the broker's CA file /no/such.crt: No such file or directory");
    expect_no_start("rediss+sentinel://h/main?ca=/no/such.crt", "cannot read the broker's CA file");
    snprintf(url, sizeof url, "rediss://h?ca=%s/ca.key", world->folder);
    expect_no_start(url, "cannot use the broker's CA file");
    snprintf(url, sizeof url, "rediss://h?cert=%s/none&key=%s/server.key", world->folder, world->folder);
    expect_no_start(url, "cannot read the broker's certificate");
    snprintf(url, sizeof url, "rediss://h?cert=%s/server.crt&key=%s/none", world->folder, world->folder);
    expect_no_start(url, "cannot read the broker's key");
    snprintf(url, sizeof url, "rediss://h?cert=%s/server.crt&key=%s/ca.key", world->folder, world->folder);
    expect_no_start(url, "cannot use the broker's key");
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(a_trusted_server_with_the_right_name_serves),
        in_world(an_address_is_checked_like_a_name),
        in_world(another_name_is_refused_unless_it_is_the_one_asked_for),
        in_world(an_unknown_ca_is_refused),
        in_world(without_a_ca_file_the_systems_certificates_decide),
        in_world(a_server_that_asks_for_a_certificate_gets_ours),
        in_world(a_server_without_tls_is_refused),
        in_world(a_user_and_a_database_work_over_tls),
        in_world(a_burst_arrives_complete_and_in_order),
        in_world(a_lost_connection_is_made_anew_over_tls),
        in_world(sentinels_and_the_primary_they_name_are_reached_over_tls),
        in_world(files_that_cannot_be_used_stop_the_start),
    };

    return cmocka_run_group_tests_name("redis_tls", tests, NULL, NULL);
}
