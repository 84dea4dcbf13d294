/* How the pages answer: see respond.h. */
#include "gateway/pages/respond.h"

#include "gateway/net/cors.h"
#include "gateway/net/link.h"
#include "gateway/net/parcel.h"

#include <stdio.h>
#include <string.h>

void respond_text(struct link *link, int status, const char *text)
{
    link_respond(link, status, "text/plain; charset=utf-8", "Cache-Control: no-store\r\n", text,
                 strlen(text));
}

static const char APPLICATION_JSON[] = "application/json";

enum {
    HEADERS_SIZE = CORS_HEADERS_SIZE + 128,
    WORDS_MAX = 200,
};

static void write_headers(struct link *link, const char *more, char headers[HEADERS_SIZE])
{
    char cors[CORS_HEADERS_SIZE];

    cors_headers(link, cors);
    snprintf(headers, HEADERS_SIZE, "%s%sCache-Control: no-store\r\n", cors, more);
}

static void respond_with(struct link *link, int status, const char *more, const char *json, size_t len)
{
    char headers[HEADERS_SIZE];

    write_headers(link, more, headers);
    link_respond(link, status, APPLICATION_JSON, headers, json, len);
}

void respond_shared(struct link *link, struct blob *json)
{
    char headers[HEADERS_SIZE];

    write_headers(link, "", headers);
    link_send(link, 200, APPLICATION_JSON, headers,
              parcel_new(link_options(link)->budget, NULL, 0, json, NULL, 0));
}

void respond_json(struct link *link, int status, const char *json, size_t len)
{
    respond_with(link, status, "", json, len);
}

void respond_error(struct link *link, int status, const char *headers, const char *words)
{
    char json[WORDS_MAX + sizeof "{\"error\":\"\"}"];
    int len = snprintf(json, sizeof json, "{\"error\":\"%.*s\"}", WORDS_MAX, words);

    respond_with(link, status, headers, json, (size_t)len);
}
