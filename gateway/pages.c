/* The pages beside Socket.IO: see pages.h. */
#include "gateway/pages.h"
#include "common/metrics.h"
#include "gateway/cluster.h"
#include "gateway/presence.h"
#include "gateway/server_private.h"
#include "gateway/static_files.h"

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

void respond_json(const char *cors_origin, struct link *link, int status, const char *json, size_t len)
{
    char cors[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 64];
    cors_headers(cors_origin, http_reader_request(link->reader)->field[HTTP_ORIGIN], cors, sizeof cors);
    snprintf(headers, sizeof headers, "%sCache-Control: no-store\r\n", cors);
    link_respond(link, status, JSON, headers, json, len);
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

static void serve_users(struct pages *pages, struct link *link, const char *query)
{
    char ride[RIDE_NAME_MAX + 1] = "/";
    int len = http_query_get(query, "ride", ride, sizeof ride);
    if (len == -2 || !presence_allows(pages->presence, ride)) {
        respond_error(pages, link, 400, "{\"error\":\"Invalid ride\"}");
        return;
    }
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
    if (!strcmp(path, "/metrics"))
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
