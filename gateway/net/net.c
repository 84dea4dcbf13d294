/* The edge to libwebsockets: see net.h. */
#include "gateway/net/net.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "gateway/net/acked.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(LWS_WITH_LIBEVENT)
#define EVENT_LOOP_OPTION LWS_SERVER_OPTION_LIBEVENT
#elif defined(LWS_WITH_LIBUV)
#define EVENT_LOOP_OPTION LWS_SERVER_OPTION_LIBUV
#else
#error "libwebsockets has neither its libevent nor its libuv event loop"
#endif

enum {
    READ_BYTES = 16384,    /* at most this much is read from a connection per turn */
    WRITE_BYTES = 1 << 26, /* at most this much is offered to the kernel at once: everything */
    ACCEPTS_PER_TURN = 64, /* so that a flood of connections does not starve those there are */
    ACCEPT_PAUSE_MS = 50,  /* when descriptors or memory have run out */
    /* For the log, the loop, and the broker: two for each server of a Redis Cluster, and up to three to ask.
     */
    SPARE_DESCRIPTORS = 256 + NET_ADMIN_CONNECTIONS_MAX,
    CONTEXT_DESTROY_TRIES = 5, /* libwebsockets finishes in steps */
};

enum { UNSENT_MAX = (1 << 24) - 1 };

enum conn_state {
    CONN_OPEN,      /* the handler's */
    CONN_LINGERING, /* let go of, FIN was sent; what the peer still sends is dropped */
    CONN_KILLED,    /* libwebsockets will close it in a later turn */
};

/* Lives in the memory libwebsockets keeps for a connection. */
struct conn {
    struct lws *wsi;
    struct net *net;
    void *data;      /* the handler's; NULL: nobody's any more */
    void *lingering; /* the handler's, once conn_close() has let go of it */
    enum conn_state state : 8;
    uint32_t
        unsent : 24; /* libwebsockets holds so much, or less; 0: nothing, the connection is not blocked */
    struct door *door;
};

/* A listening socket. */
struct door {
    struct lws *listener; /* NULL: not open */
    size_t connections;   /* that came through it */
    char address[NI_MAXHOST + 16];
};

enum { CLIENTS, ADMINS, DOORS };

struct net {
    struct net_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct door doors[DOORS];
    struct timers *timers;
    lws_sorted_usec_list_t alarm; /* for timers_next_ms() */
    uint64_t alarm_ms;            /* when it is set to, or the loop is to wake; UINT64_MAX: not */
    struct timer accept_pause;
    lws_state_notify_link_t state_hold; /* see hold_system_state() */
    const struct ip *arriving;          /* the peer of the connection that is being adopted */
    struct door *arriving_at;
    uint64_t refused;
    bool starved;
    atomic_bool stop;
    pthread_mutex_t wake_lock; /* of this: others may wake the loop while it is ending */
    bool over;                 /* there is nothing to wake any more */
    bool stopping;             /* libwebsockets is taking everything down */
};

/* --- the end of a turn --- */

static void alarm_rings(lws_sorted_usec_list_t *alarm);

static void set_alarm(struct net *net)
{
    uint64_t next_ms = timers_next_ms(net->timers);

    if (next_ms == net->alarm_ms)
        return;
    net->alarm_ms = next_ms;
    if (next_ms == UINT64_MAX) {
        lws_sul_schedule(net->context, 0, &net->alarm, alarm_rings, LWS_SET_TIMER_USEC_CANCEL);
        return;
    }
    uint64_t now_us = clock_us(), next_us = next_ms * 1000;

    /* Of alarms that are due libwebsockets serves one after the other, and nobody else until there is none.
     */
    if (next_us > now_us)
        lws_sul_schedule(net->context, 0, &net->alarm, alarm_rings, (lws_usec_t)(next_us - now_us + 1));
    else
        net_wake(net);
}

static void settle(struct net *net)
{
    if (net->stopping)
        return;
    net->options.handler->settle(net->options.owner);
    set_alarm(net);
}

static void alarm_rings(lws_sorted_usec_list_t *alarm)
{
    struct net *net = lws_container_of(alarm, struct net, alarm);

    net->alarm_ms = UINT64_MAX;
    net->options.handler->due(net->options.owner);
    settle(net);
}

/* --- connections --- */

static void set_unsent(struct conn *conn, size_t n)
{
    uint32_t now = n < UNSENT_MAX ? (uint32_t)n : UNSENT_MAX;

    budget_move(conn->net->options.budget, BUDGET_ANSWERS, conn->unsent, now);
    conn->unsent = now;
}

/* Closing happens in a later turn, never inside somebody's callback. */
static void kill_later(struct conn *conn)
{
    if (conn->state == CONN_KILLED || conn->net->stopping)
        return;
    conn->state = CONN_KILLED;
    set_unsent(conn, 0); /* it goes with the connection, soon */
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

/* The mark is the last digits of how much. */
bool conn_progressed(const struct conn *conn, uint32_t *mark)
{
    uint32_t before = *mark;

    if (!conn)
        return false;
    *mark = (uint32_t)acked_bytes(lws_get_socket_fd(conn->wsi));
    return *mark != before;
}

void conn_write(struct conn *conn, const void *data, size_t n)
{
    if (!conn || conn->state != CONN_OPEN || conn->net->stopping || !n)
        return;
    /* lws_write() takes a mutable pointer for roles that write a frame header in front of the data; a raw
     * socket's does not. */
    if (lws_write(conn->wsi, (unsigned char *)data, n, LWS_WRITE_RAW) < 0) {
        kill_later(conn);
        return;
    }
    if (!lws_partial_buffered(conn->wsi))
        return;
    /* libwebsockets ignores input while it holds output; left armed, input would spin the loop. */
    if (!conn->unsent)
        lws_rx_flow_control(conn->wsi, 0);
    set_unsent(conn, conn->unsent + n);
}

bool conn_blocked(const struct conn *conn)
{
    return conn && conn->unsent > 0;
}

void conn_close(struct conn *conn, void *lingering)
{
    if (!conn)
        return;
    conn->data = NULL;
    conn->lingering = lingering;
    if (conn->state != CONN_OPEN || conn->net->stopping)
        return;
    conn->state = CONN_LINGERING;
    shutdown(lws_get_socket_fd(conn->wsi), SHUT_WR);
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CONN_LINGER_S);
}

void conn_abort(struct conn *conn)
{
    if (!conn)
        return;
    conn->data = NULL;
    kill_later(conn);
}

bool conn_is_admin(const struct conn *conn)
{
    return conn && conn->door == &conn->net->doors[ADMINS];
}

static int conn_adopted(struct net *net, struct lws *wsi, struct conn *conn)
{
    *conn = (struct conn){.wsi = wsi, .net = net, .door = net->arriving_at};
    conn->door->connections++;
    conn->data = net->options.handler->opened(net->options.owner, conn, net->arriving);
    return conn->data ? 0 : -1;
}

static void conn_received(struct conn *conn, char *bytes, size_t n)
{
    if (conn->state == CONN_OPEN && conn->data)
        conn->net->options.handler->received(conn->data, bytes, n);
}

static void conn_writable(struct conn *conn)
{
    if (!conn->unsent)
        return;
    if (lws_partial_buffered(conn->wsi)) {
        lws_callback_on_writable(conn->wsi);
        return;
    }
    set_unsent(conn, 0);
    lws_rx_flow_control(conn->wsi, 1);
    if (conn->state == CONN_OPEN && conn->data)
        conn->net->options.handler->writable(conn->data);
}

static void conn_gone(struct conn *conn)
{
    struct net *net = conn->net;

    conn->state = CONN_KILLED;
    set_unsent(conn, 0);
    conn->door->connections--;
    void *data = conn->data;

    conn->data = NULL;
    if (data)
        net->options.handler->closed(data);
    if (conn->lingering)
        net->options.handler->lingered(conn->lingering);
    conn->lingering = NULL;
}

/* --- accepting --- */

static void resume_accepting(void *owner)
{
    struct net *net = owner;

    for (int i = 0; i < DOORS; i++)
        if (net->doors[i].listener)
            lws_rx_flow_control(net->doors[i].listener, 1);
}

/* Level-triggered, a listener that cannot accept would spin the loop. */
static void pause_accepting(struct net *net, int error)
{
    log_debug("gateway", "cannot accept connections for now: %s", strerror(error));
    net->refused++;
    net->starved = true;
    if (net->options.handler->starved)
        net->options.handler->starved(net->options.owner);
    for (int i = 0; i < DOORS; i++)
        if (net->doors[i].listener)
            lws_rx_flow_control(net->doors[i].listener, 0);
    timers_set(net->timers, &net->accept_pause, clock_ms() + ACCEPT_PAUSE_MS);
}

/* NULL: let it in. */
static const char *refusal(struct net *net, const struct door *door, const struct ip *peer)
{
    if (door == &net->doors[ADMINS])
        return door->connections >= NET_ADMIN_CONNECTIONS_MAX ? "" : NULL;
    bool full = door->connections >= net->options.max_connections;

    if (net->options.handler->refusal)
        return net->options.handler->refusal(net->options.owner, peer, full);
    return full ? "" : NULL;
}

static void turn_away(struct net *net, int fd, const char *answer)
{
    net->refused++;
    /* Best effort: the kernel takes this much on a fresh connection. */
    if (send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("gateway", "refusing a connection: %s", strerror(errno));
    close(fd);
}

static void accept_some(struct net *net, struct lws *listener)
{
    struct door *door = listener == net->doors[ADMINS].listener ? &net->doors[ADMINS] : &net->doors[CLIENTS];
    int listen_fd = lws_get_socket_fd(listener);

    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(net, errno);
            else if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return;
        }
        net->starved = false;
        struct ip peer = ip_of((const struct sockaddr *)&address);
        const char *answer = refusal(net, door, &peer);

        if (answer) {
            turn_away(net, fd, answer);
            continue;
        }
        net->arriving = &peer;
        net->arriving_at = door;
        int on = 1;

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        lws_sock_file_fd_type descriptor = {.sockfd = fd};
        /* On failure libwebsockets has closed the descriptor. */
        if (!lws_adopt_descriptor_vhost(net->vhost, LWS_ADOPT_SOCKET, descriptor, "client", NULL))
            net->refused++;
        net->arriving = NULL;
    }
}

/* --- libwebsockets --- */

/* libwebsockets closes what it is woken by, and its number may be another file's next. */
static void end_waking(struct net *net)
{
    pthread_mutex_lock(&net->wake_lock);
    net->over = true;
    pthread_mutex_unlock(&net->wake_lock);
}

static void loop_woken(struct net *net)
{
    if (atomic_load(&net->stop)) {
        net->stopping = true;
        end_waking(net);
        lws_context_destroy(net->context);
        return;
    }
    net->options.handler->woken(net->options.owner);
    if (net->alarm_ms <= clock_ms())
        net->alarm_ms = UINT64_MAX;
    net->options.handler->due(net->options.owner);
    settle(net);
}

/* Both protocols' callback: the listener's and the connections'. */
static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct net *net = lws_context_user(lws_get_context(wsi));
    struct conn *conn = user;
    int result = 0;

    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
        result = conn_adopted(net, wsi, conn);
        break;
    case LWS_CALLBACK_RAW_RX:
        conn_received(conn, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        conn_writable(conn);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
        if (conn && conn->net)
            conn_gone(conn);
        break;
    case LWS_CALLBACK_RAW_RX_FILE:
        accept_some(net, wsi);
        break;
    default:
        return 0;
    }
    settle(net);
    return result;
}

static int on_wake(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user, (void)in, (void)len;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        struct net *net = lws_context_user(lws_get_context(wsi));

        if (net->vhost)
            loop_woken(net);
    }
    return 0;
}

/* The first one gets what libwebsockets says to "the default protocol". */
static const struct lws_protocols PROTOCOLS[] = {
    {.name = "loop", .callback = on_wake},
    {.name = "listen", .callback = on_event},
    {.name = "client",
     .callback = on_event,
     .per_session_data_size = sizeof(struct conn),
     .tx_packet_size = WRITE_BYTES},
    {0},
};

static void log_line(int level, const char *line)
{
    int len = (int)strcspn(line, "\n");

    if (level & LLL_ERR)
        log_error("lws", "%.*s", len, line);
    else
        log_warn("lws", "%.*s", len, line);
}

/*
 * libwebsockets 4.3 watches the kernel's routes and, when one is added, closes connections it finds none for
 * in a table of its own, which is incomplete. It does so only from this system state on, so it is kept from
 * getting there; servers need nothing of what follows.
 */
static int hold_system_state(lws_state_manager_t *manager, lws_state_notify_link_t *link, int current,
                             int target)
{
    (void)manager, (void)link, (void)current;
    return target == LWS_SYSTATE_IFACE_COLDPLUG;
}

/* --- start --- */

static int listen_on(const char *option, const char *address, char *error, size_t error_size)
{
    char host[NI_MAXHOST];
    int port;

    if (config_split_address(address, host, sizeof host, &port) != 0) {
        snprintf(error, error_size, "%s: \"%s\" is not HOST:PORT", option, address);
        return -1;
    }
    char service[8];

    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int failure = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);

    if (failure) {
        snprintf(error, error_size, "%s: cannot resolve \"%s\": %s", option, host, gai_strerror(failure));
        return -1;
    }
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, SOMAXCONN)) {
        bool taken = errno == EADDRINUSE;

        snprintf(error, error_size, "cannot listen on %s: %s%s%s", address, strerror(errno),
                 taken ? "; stop the other server or choose another port with " : "", taken ? option : "");
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/*
 * What is accepted inherits it. Left to itself the kernel holds megabytes for each client that does not read:
 * some hundreds of them use up what it has for all connections of the machine (net.ipv4.tcp_mem).
 */
static void bound_send_buffers(int fd, size_t bytes)
{
    int size = (int)bytes;

    if (bytes && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size))
        log_warn("gateway", "cannot bound the kernel's send buffers: %s", strerror(errno));
}

static void remember_address(struct door *door, int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[NI_MAXHOST] = "?";
    char port[NI_MAXSERV] = "?";

    if (!getsockname(fd, (struct sockaddr *)&address, &len))
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(door->address, sizeof door->address, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* libwebsockets sizes its tables by the soft limit on descriptors. */
static void fit_descriptor_limit(struct net *net)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    rlim_t wanted = net->options.max_connections + SPARE_DESCRIPTORS;
    if (limit.rlim_max != RLIM_INFINITY && wanted > limit.rlim_max) {
        wanted = limit.rlim_max;
        uint64_t possible = wanted > SPARE_DESCRIPTORS ? wanted - SPARE_DESCRIPTORS : 1;

        log_warn("gateway",
                 "the limit on open files (%llu) allows %llu connections, not %llu; raise it (ulimit -n) or "
                 "lower --max-connections",
                 (unsigned long long)limit.rlim_max, (unsigned long long)possible,
                 (unsigned long long)net->options.max_connections);
        net->options.max_connections = possible;
    }
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn("gateway", "cannot set the limit on open files: %s", strerror(errno));
}

/* On failure libwebsockets has closed the descriptor. */
static int open_door(struct net *net, struct door *door, int fd)
{
    lws_sock_file_fd_type descriptor = {.filefd = fd};

    remember_address(door, fd);
    door->listener =
        lws_adopt_descriptor_vhost(net->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "listen", NULL);
    return door->listener ? 0 : -1;
}

static int start_lws(struct net *net)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
    net->state_hold = (lws_state_notify_link_t){.notify_cb = hold_system_state, .name = "ridecast"};
    lws_state_notify_link_t *const notifiers[] = {&net->state_hold, NULL};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = PROTOCOLS,
        .options = EVENT_LOOP_OPTION | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .pt_serv_buf_size = READ_BYTES,
        .user = net,
        .pcontext = &net->context,
        .register_notifier_list = notifiers,
    };

    net->context = lws_create_context(&info);
    net->vhost = net->context ? lws_create_vhost(net->context, &info) : NULL;
    return net->vhost ? 0 : -1;
}

/* Binds what the options name; -1 in place of a descriptor there is none for. */
static int listen_all(const struct net_options *options, int fds[DOORS], char *error, size_t error_size)
{
    fds[ADMINS] = -1;
    fds[CLIENTS] = listen_on("--listen", options->listen, error, error_size);
    if (fds[CLIENTS] < 0)
        return -1;
    bound_send_buffers(fds[CLIENTS], options->send_buffer_bytes);
    if (!options->admin_listen || !options->admin_listen[0])
        return 0;
    fds[ADMINS] = listen_on("--admin-listen", options->admin_listen, error, error_size);
    if (fds[ADMINS] < 0)
        close(fds[CLIENTS]);
    return fds[ADMINS] < 0 ? -1 : 0;
}

static int open_doors(struct net *net, const int fds[DOORS])
{
    int failed = start_lws(net);

    for (int i = 0; i < DOORS; i++) {
        if (failed && fds[i] >= 0)
            close(fds[i]);
        else if (fds[i] >= 0)
            failed = open_door(net, &net->doors[i], fds[i]);
    }
    return failed;
}

struct net *net_new(const struct net_options *options, char *error, size_t error_size)
{
    int fds[DOORS];

    if (listen_all(options, fds, error, error_size) != 0)
        return NULL;
    struct net *net = alloc_zeroed(sizeof *net);

    net->options = *options;
    pthread_mutex_init(&net->wake_lock, NULL);
    net->alarm_ms = UINT64_MAX;
    net->timers = options->timers;
    net->accept_pause = (struct timer){.fire = resume_accepting, .owner = net};
    fit_descriptor_limit(net);
    if (open_doors(net, fds) != 0) {
        snprintf(error, error_size,
                 "libwebsockets did not start; its event-loop plug-in may be missing (Debian: "
                 "libwebsockets-evlib-uv)");
        net_free(net);
        return NULL;
    }
    return net;
}

const char *net_address(const struct net *net)
{
    return net->doors[CLIENTS].address;
}

const char *net_admin_address(const struct net *net)
{
    return net->doors[ADMINS].address;
}

size_t net_connection_count(const struct net *net)
{
    return net->doors[CLIENTS].connections + net->doors[ADMINS].connections;
}

const char *net_version(void)
{
    return lws_get_library_version();
}

uint64_t net_refused_count(const struct net *net)
{
    return net->refused;
}

bool net_starved(const struct net *net)
{
    return net->starved;
}

void net_run(struct net *net)
{
    settle(net);
    lws_service(net->context, 0);
}

void net_stop(struct net *net)
{
    atomic_store(&net->stop, true);
    net_wake(net);
}

void net_wake(struct net *net)
{
    pthread_mutex_lock(&net->wake_lock);
    if (!net->over)
        lws_cancel_service(net->context);
    pthread_mutex_unlock(&net->wake_lock);
}

void net_free(struct net *net)
{
    if (!net)
        return;
    net->stopping = true;
    end_waking(net);
    /* libwebsockets clears the pointer with its last step. */
    for (int i = 0; net->context && i < CONTEXT_DESTROY_TRIES; i++)
        lws_context_destroy(net->context);
    timers_cancel(net->timers, &net->accept_pause);
    pthread_mutex_destroy(&net->wake_lock);
    free(net);
}
