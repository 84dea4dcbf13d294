/* How the pages answer: see respond.h. */
#include "gateway/pages/respond.h"

#include "gateway/net/cors.h"
#include "gateway/net/link.h"

#include <stdio.h>
#include <string.h>

void respond_text(struct link *link, int status, const char *text)
{
    link_respond(link, status, "text/plain; charset=utf-8", "Cache-Control: no-store\r\n", text,
                 strlen(text));
}

static void respond_with(struct link *link, int status, const char *more, const char *json, size_t len)
{
    char cors[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 128];

    cors_headers(link, cors);
    snprintf(headers, sizeof headers, "%s%sCache-Control: no-store\r\n", cors, more);
    link_respond(link, status, "application/json", headers, json, len);
}

void respond_json(struct link *link, int status, const char *json, size_t len)
{
    respond_with(link, status, "", json, len);
}

void respond_error(struct link *link, int status, const char *headers, const char *words)
{
    char json[128];
    int len = snprintf(json, sizeof json, "{\"error\":\"%s\"}", words);

    respond_with(link, status, headers, json, (size_t)len);
}
