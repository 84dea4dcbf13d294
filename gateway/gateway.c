/* One gateway, put together: see gateway.h. */
#include "gateway/gateway.h"

#include "broker/broker.h"
#include "common/alloc.h"
#include "common/budget.h"
#include "common/config.h"
#include "common/id.h"
#include "common/log.h"
#include "common/memory_limit.h"
#include "common/metrics.h"
#include "gateway/auth/auth.h"
#include "gateway/drain.h"
#include "gateway/net/link.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server.h"
#include "gateway/net/slice.h"
#include "gateway/pages/about.h"
#include "gateway/pages/agreement.h"
#include "gateway/pages/cluster.h"
#include "gateway/pages/gauges.h"
#include "gateway/pages/pages.h"
#include "gateway/pages/static_load.h"
#include "gateway/plain_riders.h"
#include "gateway/protocol/endpoint.h"
#include "gateway/protocol/engineio.h"
#include "gateway/relief.h"
#include "gateway/rides/presence.h"
#include "gateway/sio_riders.h"
#include "gateway/trim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gateway {
    const struct config *config;
    char node_id[ID_LEN + 1]; /* unless one is configured */
    struct metrics *metrics;
    struct timers *timers; /* of the loop */
    struct budget budget;  /* of what waits for clients */
    struct relief relief;
    struct gauges gauges;
    struct refusals refusals;
    struct peers *peers;
    struct trim trim;
    struct server *server;
    struct broker *broker;
    struct presence *presence;
    struct auth *auth;          /* NULL: anybody may connect */
    struct static_files *files; /* NULL: none are served */
    struct drain drain;
    bool flush_waits; /* the next slice of a large ride, for the next wake-up */
    struct sio_riders sio;
    struct plain_riders plain;
    struct pages pages;
    struct cluster cluster;
    struct agreement agreement;
    struct about about;
    struct eio *eio;
    struct endpoint endpoint;
    struct outlets outlets; /* written to at the end of each turn */
};

/* An address asks for as much as so many clients. */
enum { ASKS_OF_ADDRESS = 10 };

/* How much of an Authorization header is kept: more than the longest token that is taken. */
enum { AUTHORIZATION_MAX = TOKEN_MAX + 64 };

/* --- the server's site --- */

static void on_head(void *site, struct link *link)
{
    const struct gateway *gateway = site;

    endpoint_head(&gateway->endpoint, link);
}

static bool on_too_big(void *site, struct link *link)
{
    const struct gateway *gateway = site;

    return endpoint_too_big(&gateway->endpoint, link);
}

static bool on_request(void *site, struct link *link)
{
    struct gateway *gateway = site;

    if (pages_serve_library(&gateway->pages, link) || endpoint_request(&gateway->endpoint, link))
        return true;
    if (!link_request(link)->upgrade || link_is_admin(link))
        return pages_serve(&gateway->pages, link);
    plain_open(&gateway->plain, link);
    return true;
}

static void woken(void *site)
{
    struct gateway *gateway = site;

    gateway->flush_waits = false;
    presence_broker_ready(gateway->presence);
}

static void count_untaken(struct gateway *gateway)
{
    budget_move(&gateway->budget, BUDGET_BROKER, gateway->budget.used[BUDGET_BROKER],
                broker_untaken_bytes(gateway->broker));
}

static void settle(void *site)
{
    struct gateway *gateway = site;

    /* One slice for each wake-up, not for each callback: whatever else is ready comes in between. */
    if (!gateway->flush_waits) {
        gateway->flush_waits = rides_flush(presence_rides(gateway->presence));
        if (gateway->flush_waits)
            server_wake(gateway->server);
    }
    do {
        outlets_flush(&gateway->outlets);
        eio_reap(gateway->eio);
    } while (gateway->outlets.dirty);
    count_untaken(gateway);
    relieve(&gateway->relief);
}

/* --- the end --- */

static size_t client_count(void *owner)
{
    const struct gateway *gateway = owner;

    return eio_session_count(gateway->eio) + gateway->plain.count;
}

/* Plain WebSockets last: their riders leave with them. */
static bool let_go(void *owner, size_t count, bool all)
{
    struct gateway *gateway = owner;
    size_t gone = eio_let_go(gateway->eio, count, all);

    if (eio_session_count(gateway->eio) == 0)
        plain_let_go(&gateway->plain, count - gone);
    return slice_left(server_slice(gateway->server));
}

static size_t connection_count(void *owner)
{
    const struct gateway *gateway = owner;

    return net_connection_count(server_net(gateway->server));
}

static void drained(void *owner)
{
    struct gateway *gateway = owner;

    log_info("gateway", "stopping");
    server_stop(gateway->server);
}

/* The first signal begins to drain, the second stops at once. */
static void stop(void *owner)
{
    struct gateway *gateway = owner;

    if (!drain_begin(&gateway->drain)) {
        drained(gateway);
        return;
    }
    log_info("gateway", "letting %zu clients go", client_count(gateway));
    server_drain(gateway->server);
}

static void surveyed(void *owner, struct blob *json)
{
    struct gateway *gateway = owner;

    cluster_surveyed(&gateway->cluster, json);
}

static void reload(void *owner)
{
    struct gateway *gateway = owner;

    if (gateway->auth)
        auth_reload(gateway->auth);
    else
        log_info("auth", "nothing to read anew: there are no keys without --auth jwt");
}

static void sample(void *arg)
{
    struct gateway *gateway = arg;

    gauges_sample(&gateway->gauges);
}

/* --- put together --- */

static struct bucket_rate rate_of(uint64_t per_second)
{
    return (struct bucket_rate){per_second, per_second * TRAFFIC_BURST_S};
}

static struct peers *make_peers(const struct config *config)
{
    const struct peers_options options = {
        .max_open =
            {
                [PEER_CONNECTION] = config->max_connections_per_address,
                [PEER_LINGERING] = (config->max_connections_per_address + 1) / 2,
                [PEER_CLIENT] = config->max_connections_per_address,
                [PEER_RIDE] = config->rides_per_address,
            },
        .rates =
            {
                [PEER_HANDSHAKES] = rate_of(config->handshakes_per_address),
                [PEER_ASKS] = rate_of(config->asks_per_second * ASKS_OF_ADDRESS),
                [PEER_NEW_RIDES] = rate_of(config->new_rides_per_second),
                [PEER_RESUMES] = rate_of(config->resumes_per_address),
                [PEER_TOKENS] = rate_of(config->bad_tokens_per_address),
                [PEER_REPLAYS] = rate_of(config->replay_bytes_per_address),
            },
    };

    return peers_new(&options);
}

static struct server *make_server(struct gateway *gateway, char *error, size_t error_size)
{
    static const struct link_site site = {.head = on_head, .too_big = on_too_big, .request = on_request};
    const struct config *config = gateway->config;
    struct server_options options = {
        .listen = config->listen,
        .admin_listen = strcmp(config->admin_listen, "none") != 0 ? config->admin_listen : "",
        .max_connections = config->max_connections,
        .send_buffer_bytes = config->send_buffer_bytes,
        .links =
            {
                .site = &site,
                .site_data = gateway,
                .cors_origin = config->cors_origin,
                .cors_credentials = config->cors_credentials,
                .trusted_proxy = config->trusted_proxy,
                .max_payload_bytes = config->max_payload_bytes,
                .head_bytes = config->max_header_bytes,
                .head_ms = config->header_timeout_ms,
                .body_ms = config->body_timeout_ms,
                .stall_ms = config->stall_timeout_ms,
                .chatter = rate_of(config->messages_per_second),
                .timers = gateway->timers,
                .peers = gateway->peers,
                .refusals = &gateway->refusals,
                .budget = &gateway->budget,
            },
        .woken = woken,
        .settle = settle,
    };

    if (config->cors_credentials && !strcmp(config->cors_origin, "*")) {
        snprintf(error, error_size,
                 "browsers send no credentials where any page may connect; list the pages' origins with "
                 "--cors-origin, or leave out --cors-credentials");
        return NULL;
    }
    return server_new(&options, error, error_size);
}

static const char *node_of(const struct gateway *gateway)
{
    return gateway->config->node_id[0] ? gateway->config->node_id : gateway->node_id;
}

/* 0 also where none is wanted. */
static int make_auth(struct gateway *gateway, char *error, size_t error_size)
{
    const struct config *config = gateway->config;
    struct auth_options options = {
        .keys_file = config->auth_keys_file,
        .secret_file = config->auth_secret_file,
        .issuer = config->auth_issuer,
        .audience = config->auth_audience,
        .timers = gateway->timers,
        .refusals = &gateway->refusals,
        .peers = gateway->peers,
    };
    bool given = options.keys_file[0] || options.secret_file[0] || options.issuer[0] || options.audience[0];

    if (config->auth == AUTH_JWT) {
        gateway->auth = auth_new(&options, error, error_size);
        return gateway->auth ? 0 : -1;
    }
    if (given) {
        snprintf(error, error_size,
                 "tokens are not asked for, yet an option says how; give --auth jwt as well");
        return -1;
    }
    if (!config_is_loopback(config->listen))
        log_warn("auth", "anybody who reaches %s may board as anybody; --auth jwt asks for tokens",
                 config->listen);
    return 0;
}

static struct broker *make_broker(struct gateway *gateway, char *error, size_t error_size)
{
    const struct config *config = gateway->config;
    struct broker_options options = {
        .url = config->broker,
        .prefix = config->prefix,
        .node_id = node_of(gateway),
        .queue_bytes = config->queue_bytes,
        .connections_per_user = (unsigned)config->connections_per_user,
        .roster_bytes = PRESENCE_ROSTER_SLACK * config->roster_bytes,
        .node_lease_ms = config->node_lease_ms,
        .recovery_window_ms = config->recovery_window_ms,
        .metrics = gateway->metrics,
        .wake = server_wake,
        .wake_arg = gateway->server,
    };

    return broker_new(&options, error, error_size);
}

static struct presence *make_presence(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    struct presence_options options = {
        .rides = config->rides,
        .max_user_bytes = config->max_user_bytes,
        .backlog_bytes = config->backlog_bytes,
        .budget = &gateway->budget,
        .riders_per_ride = config->riders_per_ride,
        .roster_bytes = config->roster_bytes,
        .transitions = rate_of(config->transitions_per_second),
        .events = rate_of(config->events_per_second),
        .queue_bytes = config->queue_bytes,
        .recovery_window_ms = config->recovery_window_ms,
        .node_lease_ms = config->node_lease_ms,
        .broker = gateway->broker,
        .timers = gateway->timers,
        .stop = stop,
        .reload = reload,
        .surveyed = surveyed,
        .owner = gateway,
        .refusals = &gateway->refusals,
        .peers = gateway->peers,
    };

    return presence_new(&options);
}

/* What one client may say. */
static struct traffic_limits traffic_of(const struct gateway *gateway)
{
    const struct config *config = gateway->config;
    struct traffic_limits limits = traffic_limits(config->messages_per_second, config->bytes_per_second,
                                                  config->max_payload_bytes, config->asks_per_second);

    limits.peers = gateway->peers;
    limits.budget = &gateway->budget;
    return limits;
}

static void make_sio(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct sio_riders_options options = {
        .presence = gateway->presence,
        .auth = gateway->auth,
        .timers = gateway->timers,
        .connect_timeout_ms = config->connect_timeout_ms,
        .gather_ms = config->body_timeout_ms,
        .max_pending_bytes = config->max_payload_bytes,
        .max_namespaces = config->rides_per_connection,
        .traffic = traffic_of(gateway),
        .refusals = &gateway->refusals,
        .budget = &gateway->budget,
    };

    sio_riders_init(&gateway->sio, &options);
}

static void make_plain(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct plain_riders_options options = {
        .presence = gateway->presence,
        .auth = gateway->auth,
        .timers = gateway->timers,
        .slice = server_slice(gateway->server),
        .outlets = &gateway->outlets,
        .ping_interval_ms = config->ping_interval_ms,
        .ping_timeout_ms = config->ping_timeout_ms,
        .traffic = traffic_of(gateway),
        .refusals = &gateway->refusals,
    };

    plain_riders_init(&gateway->plain, &options);
}

static void make_pages(struct gateway *gateway)
{
    gateway->pages = (struct pages){
        .server = gateway->server,
        .presence = gateway->presence,
        .auth = gateway->auth,
        .metrics = gateway->metrics,
        .budget = &gateway->budget,
        .cluster = &gateway->cluster,
        .closed = gateway->config->admin_listen[0] != '\0',
        .files = gateway->files,
        .sample = sample,
        .gateway = gateway,
    };
}

/* Needs sio. */
static void make_engine(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct eio_options options = {
        .ping_interval_ms = config->ping_interval_ms,
        .ping_timeout_ms = config->ping_timeout_ms,
        .upgrade_timeout_ms = config->upgrade_timeout_ms,
        .max_payload_bytes = config->max_payload_bytes,
        .chatter = rate_of(config->messages_per_second),
        .refusals = &gateway->refusals,
        .transport = endpoint_transport(),
        .app = sio_riders_app(),
        .app_data = &gateway->sio,
        .timers = gateway->timers,
        .slice = server_slice(gateway->server),
        .outlets = &gateway->outlets,
    };

    gateway->eio = eio_new(&options);
    gateway->endpoint = (struct endpoint){
        .eio = gateway->eio,
        .path = "/socket.io/",
        .max_payload_bytes = config->max_payload_bytes,
        .authorization_max = gateway->auth ? AUTHORIZATION_MAX : 0,
    };
}

/* Needs the engine. */
static void make_relief(struct gateway *gateway)
{
    gateway->relief = (struct relief){
        .budget = &gateway->budget,
        .rides = presence_rides(gateway->presence),
        .eio = gateway->eio,
        .plain = &gateway->plain,
        .server = gateway->server,
        .slice = server_slice(gateway->server),
        .refusals = &gateway->refusals,
    };
}

static void make_drain(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    const struct drain_options options = {
        /* With riders in memory there is no other gateway to go to. */
        .timeout_ms = strcmp(config->broker, "memory") != 0 ? config->drain_timeout_ms : 0,
        .timers = gateway->timers,
        .clients = client_count,
        .let_go = let_go,
        .connections = connection_count,
        .done = drained,
        .owner = gateway,
    };

    drain_init(&gateway->drain, &options);
}

/* What is said of it, once all parts are there. */
static void make_figures(struct gateway *gateway)
{
    const struct gauges_sources sources = {
        .server = gateway->server,
        .presence = gateway->presence,
        .eio = gateway->eio,
        .outlets = &gateway->outlets,
        .budget = &gateway->budget,
        .timers = gateway->timers,
        .plain_count = &gateway->plain.count,
        .options_differ = &gateway->agreement.differing,
        .auth = gateway->auth,
    };

    gauges_start(&gateway->gauges, &sources);
    agreement_init(&gateway->agreement, gateway->config);
    cluster_init(&gateway->cluster, &gateway->agreement, gateway->broker, gateway->timers);
    cluster_watch(&gateway->cluster);
    const struct about_options about = {
        .node = node_of(gateway),
        .options = gateway->agreement.own,
        .gauges = &gateway->gauges,
        .broker = gateway->broker,
        .timers = gateway->timers,
    };

    about_start(&gateway->about, &about);
}

struct gateway *gateway_new(const struct config *config, char *error, size_t error_size)
{
    struct gateway *gateway = alloc_zeroed(sizeof *gateway);

    gateway->config = config;
    gateway->budget.limit = config_memory_budget(config->memory_budget, memory_limit(""));
    gateway->outlets.backlog_bytes = config->backlog_bytes;
    gateway->outlets.budget = &gateway->budget;
    id_make(gateway->node_id, ID_LEN);
    gateway->metrics = metrics_new();
    gateway->timers = timers_new();
    gateway->peers = make_peers(config);
    gauges_init(&gateway->gauges, gateway->metrics);
    refusals_init(&gateway->refusals, gateway->metrics, gateway->timers);

    if (config->static_folder[0]) {
        gateway->files = static_load(config->static_folder, error, error_size);
        if (!gateway->files)
            goto fail;
    }
    gateway->server = make_server(gateway, error, error_size);
    if (!gateway->server)
        goto fail;
    if (make_auth(gateway, error, error_size) != 0)
        goto fail;
    gateway->broker = make_broker(gateway, error, error_size);
    if (!gateway->broker)
        goto fail;
    gateway->presence = make_presence(gateway);
    make_sio(gateway);
    make_plain(gateway);
    make_pages(gateway);
    make_engine(gateway);
    make_relief(gateway);
    make_drain(gateway);
    make_figures(gateway);
    trim_start(&gateway->trim, gateway->timers);
    return gateway;

fail:
    gateway_free(gateway);
    return NULL;
}

const char *gateway_address(const struct gateway *gateway)
{
    return net_address(server_net(gateway->server));
}

const char *gateway_admin_address(const struct gateway *gateway)
{
    return net_admin_address(server_net(gateway->server));
}

int gateway_start(struct gateway *gateway, char *error, size_t error_size)
{
    return broker_start(gateway->broker, error, error_size);
}

void gateway_run(struct gateway *gateway)
{
    server_run(gateway->server);
    /* Whoever is still connected is suspended, or disconnected where nobody may return, before the broker
     * stops. */
    eio_free(gateway->eio);
    gateway->eio = NULL;
    broker_stop(gateway->broker);
}

void gateway_free(struct gateway *gateway)
{
    if (!gateway)
        return;
    eio_free(gateway->eio);
    server_free(gateway->server);
    timers_free(gateway->timers);
    auth_free(gateway->auth);
    presence_free(gateway->presence);
    peers_free(gateway->peers);
    broker_free(gateway->broker);
    cluster_deinit(&gateway->cluster);
    agreement_deinit(&gateway->agreement);
    static_files_free(gateway->files);
    metrics_free(gateway->metrics);
    free(gateway);
}
