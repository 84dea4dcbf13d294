/* Cross-origin resource sharing: see cors.h. */
#include "gateway/net/cors.h"

#include "common/origin.h"
#include "gateway/net/link.h"

#include <stdio.h>
#include <string.h>

bool cors_headers(const struct link *link, char out[CORS_HEADERS_SIZE])
{
    const char *allowed = link_options(link)->cors_origin;
    const char *origin = link_request(link)->field[HTTP_ORIGIN];

    if (strcmp(allowed, "*") == 0) {
        snprintf(out, CORS_HEADERS_SIZE, "Access-Control-Allow-Origin: *\r\n");
        return true;
    }
    if (!origin) {
        snprintf(out, CORS_HEADERS_SIZE, "Vary: Origin\r\n");
        return true;
    }
    if (strlen(origin) > CORS_HEADERS_SIZE / 2 || !origin_list_has(allowed, origin)) {
        snprintf(out, CORS_HEADERS_SIZE, "Vary: Origin\r\n");
        return false;
    }
    snprintf(out, CORS_HEADERS_SIZE, "Access-Control-Allow-Origin: %s\r\n%sVary: Origin\r\n", origin,
             link_options(link)->cors_credentials ? "Access-Control-Allow-Credentials: true\r\n" : "");
    return true;
}

void cors_preflight(struct link *link)
{
    const char *asked = link_request(link)->field[HTTP_ACCESS_CONTROL_REQUEST_HEADERS];
    char allow[CORS_HEADERS_SIZE];
    struct buf headers;

    cors_headers(link, allow);
    buf_init(&headers, HTTP_HEAD_MAX + CORS_HEADERS_SIZE + 256);
    buf_appendf(&headers,
                "%sAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
                "Vary: Access-Control-Request-Headers\r\n",
                allow);
    if (asked)
        buf_appendf(&headers, "Access-Control-Allow-Headers: %s\r\n", asked);
    buf_append(&headers, "", 1);
    link_respond(link, 204, NULL, headers.data, "", 0);
    buf_deinit(&headers);
}
