/* The pages beside Socket.IO: see pages.h. */
#include "gateway/pages/pages.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/metrics.h"
#include "gateway/auth/auth.h"
#include "gateway/net/cors.h"
#include "gateway/net/link.h"
#include "gateway/net/parcel.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server.h"
#include "gateway/net/traffic.h"
#include "gateway/pages/cluster.h"
#include "gateway/pages/respond.h"
#include "gateway/pages/static_files.h"
#include "gateway/rides/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A link that waits for /api/users. */
struct waiting {
    struct link *link;
    struct ask *ask;
};

/* --- /api/users --- */

static void on_users(void *arg, struct blob *json)
{
    struct waiting *waiting = arg;

    if (json)
        respond_shared(waiting->link, json);
    else
        respond_error(waiting->link, 503, "", "the presence store cannot be reached now; try again");
    free(waiting);
}

static void nobody_waits(void *data, struct link *link)
{
    struct waiting *waiting = data;

    (void)link;
    ask_cancel(waiting->ask);
    free(waiting);
}

static const struct link_user USERS = {.lost = nobody_waits};

/* Asks for the token. False: it is not good, and the request is answered. */
static bool admit(const struct pages *pages, struct link *link, const char *ride)
{
    struct token token;
    struct grant grant;

    token_from_request(link_request(link), &token);
    const struct auth_request request = {
        .token = token.text, .len = token.len, .ride = ride, .client = link_client(link, NULL)};
    enum token_fault fault = auth_judge(pages->auth, &request, &grant);
    if (fault == TOKEN_GOOD)
        return true;
    respond_error(link, token_fault_status(fault), token_fault_headers(fault), token_fault_text(fault));
    return false;
}

static void serve_users(const struct pages *pages, struct link *link)
{
    char ride[RIDE_NAME_MAX + 1] = "/";
    int len = http_query_get(link_request(link)->query, "ride", ride, sizeof ride);

    const char *fault = presence_fault(pages->presence, len == -2 ? "" : ride);
    char error[128];

    if (fault) {
        snprintf(error, sizeof error, "Invalid ride: %s", fault);
        respond_error(link, 400, "", error);
        return;
    }
    if (pages->auth && !admit(pages, link, ride))
        return;
    struct ip address = link_client(link, NULL);

    if (budget_is_tight(pages->budget)) {
        refuse(link_options(link)->refusals, REFUSED_MEMORY, &address);
        respond_error(link, 503, "Retry-After: 5\r\n", "the gateway is short of memory; try again");
        return;
    }
    if (!link_ask(link, traffic_asks(presence_users_bytes(pages->presence, ride)))) {
        respond_error(link, 429, "Retry-After: 5\r\n",
                      "too many questions from your address; ask less often");
        return;
    }
    const char *full = link_is_admin(link) ? NULL : presence_begin(pages->presence, ride, &address);

    if (full) {
        respond_error(link, 429, "Retry-After: 5\r\n", full);
        return;
    }
    struct waiting *waiting = alloc_zeroed(sizeof *waiting);

    waiting->link = link;
    link_use(link, &USERS, waiting);
    struct ask *ask = presence_ask(pages->presence, ride, on_users, waiting);

    if (ask) /* else it was answered, and `waiting` is gone */
        waiting->ask = ask;
}

/* --- the others --- */

/* Whether the peer may see what is for operators. */
static bool shows_internals(const struct pages *pages, const struct link *link)
{
    return link_is_admin(link) || !pages->closed;
}

static void say_ready(const struct pages *pages, struct link *link)
{
    const struct blob *away = presence_away(pages->presence);
    size_t size = 64 + (away ? away->len : 0);
    char *text = alloc_zeroed(size);

    if (!away)
        snprintf(text, size, "ready\n");
    else if (shows_internals(pages, link))
        snprintf(text, size, "ready, but for rides at %.*s\n", (int)away->len, away->data);
    else
        snprintf(text, size, "ready, but for some rides\n");
    respond_text(link, 200, text);
    free(text);
}

static void serve_readyz(const struct pages *pages, struct link *link)
{
    if (link_draining(link))
        respond_text(link, 503, "not ready: this gateway is being stopped\n");
    else if (!presence_ready(pages->presence))
        respond_text(link, 503, "not ready: the broker is down\n");
    else if (budget_is_tight(pages->budget))
        respond_text(link, 503, "not ready: the memory for what waits for clients is used up\n");
    else if (net_starved(server_net(pages->server)))
        respond_text(link, 503, "not ready: descriptors or memory are used up\n");
    else
        say_ready(pages, link);
}

static void serve_metrics(const struct pages *pages, struct link *link)
{
    pages->sample(pages->gateway);
    struct buf text;
    buf_init(&text, 1 << 20);
    if (metrics_render(pages->metrics, &text) != 0)
        respond_text(link, 500, "the metrics do not fit\n");
    else
        link_respond(link, 200, "text/plain; version=0.0.4; charset=utf-8", "Cache-Control: no-store\r\n",
                     text.data, text.len);
    buf_deinit(&text);
}

/* `more`: further lines ended by CRLF. False: there is no such file. */
static bool serve_file(const struct pages *pages, struct link *link, const char *more)
{
    const struct http_request *http = link_request(link);
    struct static_request request = {
        .path = http->path,
        .accept = http->field[HTTP_ACCEPT],
        .accept_encoding = http->field[HTTP_ACCEPT_ENCODING],
        .if_none_match = http->field[HTTP_IF_NONE_MATCH],
        .if_modified_since = http->field[HTTP_IF_MODIFIED_SINCE],
    };
    struct static_answer answer;
    char headers[sizeof answer.headers + CORS_HEADERS_SIZE];

    if (!pages->files || !static_files_answer(pages->files, &request, &answer))
        return false;
    snprintf(headers, sizeof headers, "%s%s", answer.headers, more);
    link_send(link, answer.status, answer.content_type, headers,
              parcel_new(NULL, NULL, 0, answer.body, NULL, 0));
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && !strcmp(text + len - end_len, end);
}

/* Whether a request wants a file of Socket.IO's client; Engine.IO's own all name a transport. */
static bool is_for_library(const struct link *link)
{
    static const char names[] = "/socket.io/socket.io.";
    const struct http_request *request = link_request(link);
    char transport[2];

    return (request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD) && !request->upgrade &&
           !strncmp(request->path, names, sizeof names - 1) &&
           (ends_with(request->path, ".js") || ends_with(request->path, ".js.map")) &&
           http_query_get(request->query, "transport", transport, sizeof transport) == -1;
}

bool pages_serve_library(const struct pages *pages, struct link *link)
{
    static const char absent[] =
        "this file of Socket.IO's client is not served: --static names no folder with "
        "it in socket.io/, as the web client's build is\n";
    char cors[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 32];

    if (link_is_admin(link) || !is_for_library(link) || !cors_headers(link, cors))
        return false;
    if (serve_file(pages, link, cors))
        return true;
    snprintf(headers, sizeof headers, "%sCache-Control: no-store\r\n", cors);
    link_respond(link, 404, "text/plain; charset=utf-8", headers, absent, sizeof absent - 1);
    return true;
}

static bool is_api(const char *path)
{
    return strncmp(path, "/api/", strlen("/api/")) == 0;
}

static bool serve_internals(const struct pages *pages, struct link *link, const char *path)
{
    char cors[CORS_HEADERS_SIZE];

    if (is_api(path) && !cors_headers(link, cors))
        respond_error(link, 403, "", "Forbidden");
    else if (!strcmp(path, "/metrics"))
        serve_metrics(pages, link);
    else if (!strcmp(path, "/api/users"))
        serve_users(pages, link);
    else if (!strcmp(path, "/api/cluster"))
        cluster_ask(pages->cluster, link);
    else
        return false;
    return true;
}

bool pages_serve(const struct pages *pages, struct link *link)
{
    const struct http_request *request = link_request(link);
    const char *path = request->path;

    if (request->method == HTTP_METHOD_OPTIONS && is_api(path))
        cors_preflight(link);
    else if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD)
        return false;
    else if (!strcmp(path, "/healthz"))
        respond_text(link, 200, "ok\n");
    else if (!strcmp(path, "/readyz"))
        serve_readyz(pages, link);
    else if (shows_internals(pages, link) && serve_internals(pages, link, path))
        return true;
    else
        return !link_is_admin(link) && serve_file(pages, link, "");
    return true;
}
