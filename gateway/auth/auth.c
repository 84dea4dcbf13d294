/* Who may connect: see auth.h. */
#include "gateway/auth/auth.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/log.h"
#include "gateway/auth/jwk.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/keys.h"
#include "gateway/auth/seen.h"
#include "gateway/net/peers.h"

#include <errno.h>
#include <json-c/json_object.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auth {
    struct auth_options options;
    struct claims_rules rules;
    struct keys *keys;
    struct seen *seen;
    uint64_t refused[TOKEN_FAULTS];
};

static int64_t now_s(void)
{
    return (int64_t)(clock_wall_ms() / 1000);
}

/* --- keys from files --- */

/* Wiped and freed by forget(). */
static int read_file(const char *path, struct buf *text, char *error, size_t error_size)
{
    FILE *file = fopen(path, "re");
    char *room = NULL;
    size_t n = 0;

    buf_init(text, AUTH_FILE_MAX + 1);
    if (file)
        room = buf_reserve(text, AUTH_FILE_MAX + 1);
    if (room)
        n = fread(room, 1, AUTH_FILE_MAX + 1, file);
    if (!room || ferror(file))
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
    else if (n > AUTH_FILE_MAX)
        snprintf(error, error_size, "%s is larger than %d bytes; give a file with keys", path, AUTH_FILE_MAX);
    else
        buf_added(text, n);
    bool failed = !room || ferror(file) || n > AUTH_FILE_MAX;

    if (file)
        fclose(file);
    return failed ? -1 : 0;
}

static void forget(struct buf *text)
{
    if (text->data)
        OPENSSL_cleanse(text->data, text->size);
    buf_deinit(text);
}

static int add_keys(struct keys *keys, const struct buf *text, const char **why)
{
    struct json_slice trimmed = json_text_trim(text->data, text->len);

    if (json_text_type(trimmed) == '{')
        return jwk_add(keys, trimmed.at, trimmed.len, why);
    return keys_add_pem(keys, text->data, text->len, why);
}

/* A public key taken for a secret would let everybody sign. */
static bool looks_like_a_key(const char *text, size_t len)
{
    static const char *const beginnings[] = {"-----BEGIN", "{", "0\x82", "ssh-"};

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t n = strlen(beginnings[i]);

        if (len >= n && memcmp(text, beginnings[i], n) == 0)
            return true;
    }
    return false;
}

static int add_secret(struct keys *keys, const struct buf *text, const char **why)
{
    struct json_slice secret = json_text_trim(text->data, text->len);

    if (looks_like_a_key(secret.at, secret.len)) {
        *why = "looks like a key and not like a secret; give it as --auth-keys-file";
        return -1;
    }
    return keys_add_secret(keys, secret.at, secret.len, NULL, why);
}

static int add_file(struct keys *keys, const char *path,
                    int (*add)(struct keys *keys, const struct buf *text, const char **why), char *error,
                    size_t error_size)
{
    struct buf text;
    const char *why = "";

    if (!path[0])
        return 0;
    int failed = read_file(path, &text, error, error_size);

    if (!failed) {
        failed = add(keys, &text, &why);
        if (failed)
            snprintf(error, error_size, "%s %s", path, why);
    }
    forget(&text);
    return failed;
}

static struct keys *read_keys(const struct auth_options *options, char *error, size_t error_size)
{
    struct keys *keys = keys_new();

    if (add_file(keys, options->keys_file, add_keys, error, error_size) == 0 &&
        add_file(keys, options->secret_file, add_secret, error, error_size) == 0)
        return keys;
    keys_free(keys);
    return NULL;
}

struct auth *auth_new(const struct auth_options *options, char *error, size_t error_size)
{
    if (!options->keys_file[0] && !options->secret_file[0]) {
        snprintf(error, error_size,
                 "--auth jwt needs keys to verify tokens with; give --auth-keys-file or --auth-secret-file");
        return NULL;
    }
    struct auth *auth = alloc_zeroed(sizeof *auth);

    auth->options = *options;
    auth->rules = (struct claims_rules){.issuer = options->issuer, .audience = options->audience};
    auth->keys = read_keys(options, error, error_size);
    auth->seen = seen_new();
    if (auth->keys)
        return auth;
    auth_free(auth);
    return NULL;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    keys_free(auth->keys);
    seen_free(auth->seen);
    free(auth);
}

void auth_reload(struct auth *auth)
{
    char error[512];
    struct keys *keys = read_keys(&auth->options, error, sizeof error);

    if (!keys) {
        log_error("auth", "the keys stay as they were: %s", error);
        return;
    }
    keys_free(auth->keys);
    auth->keys = keys;
    seen_forget(auth->seen);
    log_info("auth", "read the keys anew: %zu", keys_count(keys));
}

/* --- tokens --- */

static void blame(struct auth *auth, const struct auth_request *request, enum token_fault fault)
{
    auth->refused[fault]++;
    refuse_on(auth->options.refusals, REFUSED_TOKEN, &request->client, request->ride,
              token_fault_text(fault));
}

/* Whether another one of that address is worth a look: what is wrong with one that has not been seen is only
 * known when it has cost a check of its signature with each of the keys. */
static bool is_worth_it(const struct auth *auth, const struct auth_request *request)
{
    return !auth->options.peers || peers_has(auth->options.peers, &request->client, PEER_TOKENS, clock_ms());
}

/* What has been checked in vain counts; what is refused without a check does not: the tokens of many who
 * share an address may end together, and the others there are not to wait for that. */
static void charge(struct auth *auth, const struct auth_request *request)
{
    if (auth->options.peers)
        peers_take(auth->options.peers, &request->client, PEER_TOKENS, 1, clock_ms());
}

static enum token_fault judge(struct auth *auth, const struct auth_request *request, struct grant *grant)
{
    struct json_object *claims = NULL;
    enum token_fault fault = TOKEN_GOOD;

    if (!request->token || !request->len)
        return TOKEN_MISSING;
    struct seen_mark mark = seen_mark(auth->seen, request->token, request->len);
    bool seen = seen_has(auth->seen, &mark);

    if (seen)
        claims = jwt_claims(request->token, request->len);
    else if (!is_worth_it(auth, request))
        return TOKEN_UNREAD;
    else
        fault = jwt_open(auth->keys, request->token, request->len, &claims);
    if (fault == TOKEN_GOOD) {
        seen_add(auth->seen, &mark);
        fault = claims_judge(&auth->rules, claims, request->ride, now_s(), grant);
        json_object_put(claims);
    }
    if (fault != TOKEN_GOOD && !seen)
        charge(auth, request);
    return fault;
}

enum token_fault auth_judge(struct auth *auth, const struct auth_request *request, struct grant *grant)
{
    enum token_fault fault = judge(auth, request, grant);

    if (fault != TOKEN_GOOD)
        blame(auth, request, fault);
    return fault;
}

uint64_t auth_refused(const struct auth *auth, enum token_fault fault)
{
    return auth->refused[fault];
}

/* --- bearers --- */

static int64_t seconds_left(const struct bearer *bearer)
{
    return bearer->grant.ends_s - now_s();
}

static void look_again(struct bearer *bearer)
{
    int64_t left_s = seconds_left(bearer);
    uint64_t wait_ms =
        left_s < AUTH_RECHECK_MS / 1000 ? (uint64_t)(left_s > 0 ? left_s : 0) * 1000 : AUTH_RECHECK_MS;

    timers_set(bearer->auth->options.timers, &bearer->timer, clock_ms() + wait_ms);
}

static void on_timer(void *owner)
{
    struct bearer *bearer = owner;

    if (seconds_left(bearer) > 0)
        look_again(bearer);
    else
        bearer->expired(bearer->owner);
}

struct bearer *bearer_new(struct auth *auth, const struct grant *grant, void (*expired)(void *owner),
                          void *owner)
{
    struct bearer *bearer = alloc_zeroed(sizeof *bearer);

    bearer->auth = auth;
    bearer->grant = *grant;
    bearer->expired = expired;
    bearer->owner = owner;
    bearer->timer = (struct timer){.fire = on_timer, .owner = bearer};
    look_again(bearer);
    return bearer;
}

void bearer_free(struct bearer *bearer)
{
    if (!bearer)
        return;
    timers_cancel(bearer->auth->options.timers, &bearer->timer);
    free(bearer);
}

const char *bearer_subject(const struct bearer *bearer)
{
    return bearer ? bearer->grant.subject : NULL;
}
