/*
 * The HTTP parser below http.c: llhttp where RIDECAST_LLHTTP says so, else http_parser, which its makers have
 * archived in favour of llhttp. Their callbacks and the names of their constants are alike; what differs is
 * here. Included by http.c alone.
 *
 * The callback at the end of the head returns http_parse_pause(): the parser stops before the LF that ends
 * the head and goes on there. A callback that returns -1 ends what the parser can do.
 */
#ifndef RIDECAST_GATEWAY_NET_HTTP_PARSE_H
#define RIDECAST_GATEWAY_NET_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef RIDECAST_LLHTTP
#include <llhttp.h>

typedef llhttp_t http_parser;
typedef llhttp_settings_t http_parser_settings;

/* Lenient as http_parser is: a head may have folded values (then with any characters, so http.c looks at
 * those) and be of HTTP/1.2. */
static inline void http_parse_init(http_parser *parser, const http_parser_settings *settings, void *owner)
{
    llhttp_init(parser, HTTP_REQUEST, settings);
    llhttp_set_lenient_headers(parser, 1);
    llhttp_set_lenient_version(parser, 1);
    parser->data = owner;
}

static inline int http_parse_pause(http_parser *parser)
{
    llhttp_set_lenient_headers(parser, 0);
    return HPE_PAUSED;
}

/* How many bytes were used. Goes on after a pause. False: they are not HTTP. */
static inline bool http_parse_bytes(http_parser *parser, const http_parser_settings *settings,
                                    const char *bytes, size_t n, size_t *used)
{
    /* It pauses behind the LF that ends the head; so that LF comes twice, and is skipped. */
    bool resumed = llhttp_get_errno(parser) == HPE_PAUSED;

    (void)settings; /* the parser has them */
    if (resumed)
        llhttp_resume(parser);
    enum llhttp_errno end = llhttp_execute(parser, bytes + resumed, n - resumed);

    *used = end == HPE_OK ? n : (size_t)(llhttp_get_error_pos(parser) - bytes) - (end == HPE_PAUSED);
    return end == HPE_OK || end == HPE_PAUSED;
}

static inline bool http_parse_keeps_alive(const http_parser *parser)
{
    return llhttp_should_keep_alive(parser);
}

/* What Content-Length says; 0 when there is none. */
static inline uint64_t http_parse_length(const http_parser *parser)
{
    return parser->content_length;
}

#else
#include <http_parser.h>

/* As llhttp has no limit of its own, this one (80 KB) is raised to none; http.c has one for both. */
static inline void http_parse_init(http_parser *parser, const http_parser_settings *settings, void *owner)
{
    (void)settings;
    http_parser_set_max_header_size(UINT32_MAX);
    http_parser_init(parser, HTTP_REQUEST);
    parser->data = owner;
}

static inline int http_parse_pause(http_parser *parser)
{
    http_parser_pause(parser, 1);
    return 0;
}

static inline bool http_parse_bytes(http_parser *parser, const http_parser_settings *settings,
                                    const char *bytes, size_t n, size_t *used)
{
    http_parser_pause(parser, 0);
    *used = http_parser_execute(parser, settings, bytes, n);
    return HTTP_PARSER_ERRNO(parser) == HPE_OK || HTTP_PARSER_ERRNO(parser) == HPE_PAUSED;
}

static inline bool http_parse_keeps_alive(const http_parser *parser)
{
    return http_should_keep_alive(parser);
}

static inline uint64_t http_parse_length(const http_parser *parser)
{
    return parser->content_length == UINT64_MAX ? 0 : parser->content_length;
}

#endif

#endif
