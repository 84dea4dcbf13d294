/* The pages beside Socket.IO: see pages.h. */
#include "gateway/pages/pages.h"
#include "common/metrics.h"
#include "gateway/auth/auth.h"
#include "gateway/net/server_private.h"
#include "gateway/pages/cluster.h"
#include "gateway/pages/static_files.h"
#include "gateway/rides/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char TEXT[] = "text/plain; charset=utf-8";
static const char JSON[] = "application/json";

/* A link that waits for /api/users. */
struct waiting {
    struct pages *pages;
    struct link *link;
    struct ask *ask;
    struct waiting *prev, *next;
};

static void respond_text(struct link *link, int status, const char *text)
{
    link_respond(link, status, TEXT, "Cache-Control: no-store\r\n", text, strlen(text));
}

/* `more`: a line ended by CRLF, or "". */
static void respond_with(const char *cors_origin, struct link *link, int status, const char *more,
                         const struct json_slice *json)
{
    char cors[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 128];
    cors_headers(cors_origin, http_reader_request(link->reader)->field[HTTP_ORIGIN], cors, sizeof cors);
    snprintf(headers, sizeof headers, "%s%sCache-Control: no-store\r\n", cors, more);
    link_respond(link, status, JSON, headers, json->at, json->len);
}

void respond_json(const char *cors_origin, struct link *link, int status, const char *json, size_t len)
{
    respond_with(cors_origin, link, status, "", &(struct json_slice){json, len});
}

static void respond_error(struct pages *pages, struct link *link, int status, const char *json)
{
    respond_json(pages->cors_origin, link, status, json, strlen(json));
}

/* --- /api/users --- */

static void on_users(void *arg, struct blob *json)
{
    struct waiting *waiting = arg;
    if (json)
        respond_json(waiting->pages->cors_origin, waiting->link, 200, json->data, json->len);
    else
        respond_error(waiting->pages, waiting->link, 503,
                      "{\"error\":\"the presence store cannot be reached now; try again\"}");
    DL_DELETE(waiting->pages->waiting, waiting);
    free(waiting);
}

static bool origin_allowed(const struct pages *pages, const struct link *link)
{
    char cors[CORS_HEADERS_SIZE];
    return cors_headers(pages->cors_origin, http_reader_request(link->reader)->field[HTTP_ORIGIN], cors,
                        sizeof cors);
}

/* Asks for the token. False: it is not good, and the request is answered. */
static bool admit(struct pages *pages, struct link *link, const char *ride)
{
    struct token token;
    struct grant grant;
    char json[96];
    token_from_request(http_reader_request(link->reader), &token);
    const struct auth_request request = {
        .token = token.text, .len = token.len, .ride = ride, .client = link_client(link, NULL)};
    enum token_fault fault = auth_judge(pages->auth, &request, &grant);
    if (fault == TOKEN_GOOD)
        return true;
    int len = snprintf(json, sizeof json, "{\"error\":\"%s\"}", token_fault_text(fault));
    respond_with(pages->cors_origin, link, token_fault_status(fault), token_fault_headers(fault),
                 &(struct json_slice){json, (size_t)len});
    return false;
}

static void serve_users(struct pages *pages, struct link *link, const char *query)
{
    char ride[RIDE_NAME_MAX + 1] = "/";
    int len = http_query_get(query, "ride", ride, sizeof ride);
    if (len == -2 || !presence_allows(pages->presence, ride)) {
        respond_error(pages, link, 400, "{\"error\":\"Invalid ride\"}");
        return;
    }
    if (pages->auth && !admit(pages, link, ride))
        return;
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting) {
        respond_error(pages, link, 503, "{\"error\":\"out of memory\"}");
        return;
    }
    waiting->pages = pages;
    waiting->link = link;
    DL_APPEND(pages->waiting, waiting);
    struct ask *ask = presence_ask(pages->presence, ride, on_users, waiting);
    if (ask) /* else it was answered, and `waiting` is gone */
        waiting->ask = ask;
}

void pages_lost(struct pages *pages, struct link *link)
{
    struct waiting *waiting;
    cluster_lost(pages->cluster, link);
    DL_SEARCH_SCALAR(pages->waiting, waiting, link, link);
    if (!waiting)
        return;
    presence_ask_cancel(waiting->ask);
    DL_DELETE(pages->waiting, waiting);
    free(waiting);
}

/* --- the others --- */

static void serve_readyz(struct pages *pages, struct link *link)
{
    if (link->server->draining)
        respond_text(link, 503, "not ready: this gateway is being stopped\n");
    else if (!presence_ready(pages->presence))
        respond_text(link, 503, "not ready: the broker is down\n");
    else if (net_starved(server_net(link->server)))
        respond_text(link, 503, "not ready: descriptors or memory are used up\n");
    else
        respond_text(link, 200, "ready\n");
}

static void serve_metrics(struct pages *pages, struct link *link)
{
    pages->sample(pages->gateway);
    struct buf text;
    buf_init(&text, 1 << 20);
    if (metrics_render(pages->metrics, &text))
        respond_text(link, 500, "the metrics do not fit\n");
    else
        link_respond(link, 200, "text/plain; version=0.0.4; charset=utf-8", "Cache-Control: no-store\r\n",
                     text.data, text.len);
    buf_deinit(&text);
}

static bool serve_file(struct pages *pages, struct link *link, const char *path)
{
    const struct http_request *http = http_reader_request(link->reader);
    struct static_request request = {
        .path = path,
        .accept = http->field[HTTP_ACCEPT],
        .accept_encoding = http->field[HTTP_ACCEPT_ENCODING],
        .if_none_match = http->field[HTTP_IF_NONE_MATCH],
        .if_modified_since = http->field[HTTP_IF_MODIFIED_SINCE],
    };
    struct static_answer answer;
    if (!pages->files || !static_files_answer(pages->files, &request, &answer))
        return false;
    link_send(link, answer.status, answer.content_type, answer.headers, answer.body);
    return true;
}

static bool serve_internals(struct pages *pages, struct link *link, const char *path, const char *query)
{
    if (!strncmp(path, "/api/", 5) && !origin_allowed(pages, link))
        respond_error(pages, link, 403, "{\"error\":\"Forbidden\"}");
    else if (!strcmp(path, "/metrics"))
        serve_metrics(pages, link);
    else if (!strcmp(path, "/api/users"))
        serve_users(pages, link, query);
    else if (!strcmp(path, "/api/cluster"))
        cluster_ask(pages->cluster, link);
    else
        return false;
    return true;
}

bool pages_serve(struct pages *pages, struct link *link, const char *path, const char *query)
{
    if (!strcmp(path, "/healthz"))
        respond_text(link, 200, "ok\n");
    else if (!strcmp(path, "/readyz"))
        serve_readyz(pages, link);
    else if ((link->admin || !pages->closed) && serve_internals(pages, link, path, query))
        return true;
    else
        return !link->admin && serve_file(pages, link, path);
    return true;
}
