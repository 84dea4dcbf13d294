/*
 * A web client's files: which request gets which, in which form, and what is only confirmed.
 */
#include "gateway/pages/static_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODIFIED = 1700000000 };
static const char MODIFIED_TEXT[] = "Tue, 14 Nov 2023 22:13:20 GMT";

static void add(struct static_files *files, const char *path, const char *text)
{
    struct blob *bytes = blob_new(text, strlen(text));

    assert_int_equal(static_files_add(files, path, bytes, MODIFIED), 0);
    blob_unref(bytes);
}

static int setup(void **state)
{
    struct static_files *files = static_files_new();

    add(files, "/index.html", "<html>");
    add(files, "/assets/app-1a2b.js.gz", "(compressed)");
    add(files, "/assets/app-1a2b.js", "app()");
    add(files, "/assets/app-1a2b.css", "a{}");
    add(files, "/favicon.svg", "<svg>");
    add(files, "/favicon.svg.gz", "(compressed svg)");
    add(files, "/a b/\xc3\xa9.txt", "text");
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    static_files_free(*state);
    return 0;
}

static struct static_answer ask(void **state, struct static_request request)
{
    struct static_answer answer;

    if (!static_files_answer(*state, &request, &answer))
        fail_msg("%s is not served", request.path);
    return answer;
}

static void assert_body(const struct static_answer *answer, const char *text)
{
    assert_int_equal(answer->body->len, strlen(text));
    assert_memory_equal(answer->body->data, text, strlen(text));
}

static void assert_serves(void **state, const char *path, const char *accept, const char *text)
{
    struct static_answer answer = ask(state, (struct static_request){.path = path, .accept = accept});

    assert_int_equal(answer.status, 200);
    assert_body(&answer, text);
}

static void assert_not_there(void **state, const char *path, const char *accept)
{
    struct static_answer answer;
    struct static_request request = {.path = path, .accept = accept};

    if (static_files_answer(*state, &request, &answer))
        fail_msg("%s is served", path);
}

static bool has_line(const struct static_answer *answer, const char *line)
{
    size_t len = strlen(line);

    for (const char *at = answer->headers; (at = strstr(at, line)); at++)
        if ((at == answer->headers || at[-1] == '\n') && !strncmp(at + len, "\r\n", 2))
            return true;
    return false;
}

/* The value of a header, quotes included. */
static void header(const struct static_answer *answer, const char *name, char out[100])
{
    const char *at = strstr(answer->headers, name);

    assert_non_null(at);
    at += strlen(name) + 2;
    snprintf(out, 100, "%.*s", (int)strcspn(at, "\r"), at);
}

static void files_are_served_by_their_paths(void **state)
{
    assert_serves(state, "/", NULL, "<html>");
    assert_serves(state, "/index.html", NULL, "<html>");
    assert_serves(state, "/assets/app-1a2b.js", NULL, "app()");
    assert_serves(state, "/assets/app-1a2b.js.gz", NULL, "(compressed)");
    assert_serves(state, "/%61ssets/app%2d1a2b.css", NULL, "a{}");
    assert_serves(state, "/a%20b/%C3%a9.txt", NULL, "text");
}

static void what_is_not_there_is_not_served(void **state)
{
    static const char *const paths[] = {"/assets",
                                        "/assets/",
                                        "/nothing.js",
                                        "/INDEX.html",
                                        "//index.html",
                                        "/./index.html",
                                        "/x/../index.html",
                                        "/%2e/index.html",
                                        "/..%2findex.html",
                                        "/%2findex.html",
                                        "/assets%2fapp-1a2b.js",
                                        "/assets%5capp-1a2b.js",
                                        "/index.html%00",
                                        "/index.html%00.js",
                                        "/index.html/",
                                        "/%",
                                        "/%2",
                                        "/%zz",
                                        "",
                                        "index.html",
                                        "/board",
                                        "*"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_not_there(state, paths[i], "*/*");
    char longest[2000] = "/";
    memset(longest + 1, 'a', sizeof longest - 2);
    assert_not_there(state, longest, "text/html");
}

static void routes_of_the_client_get_its_page(void **state)
{
    static const char browser[] = "text/html,application/xhtml+xml,*/*;q=0.8";
    static const char *const routes[] = {"/board", "/board/", "/rides/line-7", "/apis", "/wsx", "/%C3%a9"};
    static const char *const others[] = {
        "/socket.io/",    "/socket.io", "/ws",     "/ws/line-7",   "/api",
        "/api/users",     "/healthz",   "/readyz", "/metrics",     "/api/%75ser",
        "/%77s",          "/board.js",  "/.git",   "/.git/config", "/../etc/passwd",
        "/%2e%2e/passwd", "/x/..",      "//board", "/assets/x",    "/x%2fy",
        "/x%00"};

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        assert_serves(state, routes[i], browser, "<html>");
        assert_not_there(state, routes[i], "application/json");
        assert_not_there(state, routes[i], NULL);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_not_there(state, others[i], browser);
}

static void types_follow_extensions(void **state)
{
    assert_string_equal(ask(state, (struct static_request){.path = "/"}).content_type,
                        "text/html; charset=utf-8");
    assert_string_equal(ask(state, (struct static_request){.path = "/assets/app-1a2b.js"}).content_type,
                        "text/javascript; charset=utf-8");
    assert_string_equal(ask(state, (struct static_request){.path = "/favicon.svg"}).content_type,
                        "image/svg+xml");
    add(*state, "/LICENSE", "");
    add(*state, "/x.unknown", "");
    assert_string_equal(ask(state, (struct static_request){.path = "/LICENSE"}).content_type,
                        "application/octet-stream");
    assert_string_equal(ask(state, (struct static_request){.path = "/x.unknown"}).content_type,
                        "application/octet-stream");
}

static void only_hashed_names_are_cached_for_good(void **state)
{
    struct static_answer page = ask(state, (struct static_request){.path = "/"});
    struct static_answer asset = ask(state, (struct static_request){.path = "/assets/app-1a2b.css"});

    assert_true(has_line(&page, "Cache-Control: no-cache"));
    assert_true(has_line(&asset, "Cache-Control: public, max-age=31536000, immutable"));
    assert_true(has_line(&page, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(page.headers, "\r\nContent-Security-Policy: default-src 'self';"));
}

static void the_compressed_form_is_for_those_who_take_it(void **state)
{
    static const char *const taking[] = {"gzip", "gzip, deflate, br", "br;q=1, GZIP;q=0.001",
                                         "deflate,gzip ; q=1", " ,gzip"};
    static const char *const refusing[] = {"",       "identity", "br", "gzip;q=0", "gzip; q=0.000, br",
                                           "x-gzip", "gzipp",    "*"};
    static const char *const paths[] = {"/assets/app-1a2b.js", "/favicon.svg"};

    for (size_t p = 0; p < 2; p++) {
        struct static_answer plain = ask(state, (struct static_request){.path = paths[p]});

        assert_null(strstr(plain.headers, "Content-Encoding"));
        assert_true(has_line(&plain, "Vary: Accept-Encoding"));
        for (size_t i = 0; i < sizeof taking / sizeof *taking; i++) {
            struct static_answer answer =
                ask(state, (struct static_request){.path = paths[p], .accept_encoding = taking[i]});

            assert_body(&answer, p ? "(compressed svg)" : "(compressed)");
            assert_true(has_line(&answer, "Content-Encoding: gzip"));
            assert_true(has_line(&answer, "Vary: Accept-Encoding"));
            assert_string_equal(answer.content_type, plain.content_type);
        }
        for (size_t i = 0; i < sizeof refusing / sizeof *refusing; i++) {
            struct static_answer answer =
                ask(state, (struct static_request){.path = paths[p], .accept_encoding = refusing[i]});

            assert_ptr_equal(answer.body, plain.body);
        }
    }
    struct static_answer css =
        ask(state, (struct static_request){.path = "/assets/app-1a2b.css", .accept_encoding = "gzip"});
    assert_body(&css, "a{}");
    assert_null(strstr(css.headers, "Vary"));
}

static void tags_tell_contents_and_forms_apart(void **state)
{
    char page[100], script[100], compressed[100], again[100];
    struct static_answer answer = ask(state, (struct static_request){.path = "/"});

    header(&answer, "ETag", page);
    answer = ask(state, (struct static_request){.path = "/assets/app-1a2b.js"});
    header(&answer, "ETag", script);
    answer = ask(state, (struct static_request){.path = "/assets/app-1a2b.js", .accept_encoding = "gzip"});
    header(&answer, "ETag", compressed);
    answer = ask(state, (struct static_request){.path = "/board", .accept = "text/html"});
    header(&answer, "ETag", again);
    assert_string_not_equal(page, script);
    assert_string_not_equal(script, compressed);
    assert_string_equal(page, again);
}

static int status_of(void **state, const char *tags, const char *since)
{
    return ask(state, (struct static_request){.path = "/", .if_none_match = tags, .if_modified_since = since})
        .status;
}

static void what_a_client_has_is_confirmed(void **state)
{
    char tag[100], list[300];
    struct static_answer answer = ask(state, (struct static_request){.path = "/"});

    header(&answer, "ETag", tag);
    assert_true(has_line(&answer, "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT"));

    assert_int_equal(status_of(state, tag, NULL), 304);
    assert_int_equal(status_of(state, "*", NULL), 304);
    assert_int_equal(status_of(state, "\"x\"", NULL), 200);
    assert_int_equal(status_of(state, "", NULL), 200);
    snprintf(list, sizeof list, "\"x\" , W/%s,\"y\"", tag);
    assert_int_equal(status_of(state, list, NULL), 304);
    snprintf(list, sizeof list, "%.*s", (int)strlen(tag) - 1, tag);
    assert_int_equal(status_of(state, list, NULL), 200);

    assert_int_equal(status_of(state, NULL, MODIFIED_TEXT), 304);
    assert_int_equal(status_of(state, NULL, "Wed, 15 Nov 2023 00:00:00 GMT"), 304);
    assert_int_equal(status_of(state, NULL, "Tue, 14 Nov 2023 22:13:19 GMT"), 200);
    assert_int_equal(status_of(state, NULL, "yesterday"), 200);
    assert_int_equal(status_of(state, NULL, "Tue, 14 Nov 2023 22:13:20 GMT, and more"), 200);
    /* A tag counts more than a date. */
    assert_int_equal(status_of(state, "\"x\"", MODIFIED_TEXT), 200);
}

static void limits_are_kept(void **state)
{
    struct static_files *files = static_files_new();
    char path[STATIC_PATH_MAX + 2] = "/";
    struct blob *nothing = blob_new("", 0);

    (void)state;
    memset(path + 1, 'a', STATIC_PATH_MAX);
    assert_int_equal(static_files_add(files, path, nothing, 0), -1);
    path[STATIC_PATH_MAX] = '\0';
    assert_int_equal(static_files_add(files, path, nothing, 0), 0);
    for (int i = 1; i < STATIC_FILES_MAX; i++) {
        snprintf(path, sizeof path, "/%d", i);
        assert_int_equal(static_files_add(files, path, nothing, 0), 0);
    }
    assert_int_equal(static_files_add(files, "/one-more", nothing, 0), -1);
    static_files_free(files);
    blob_unref(nothing);

    files = static_files_new();
    char *zeros = calloc(1, STATIC_BYTES_MAX);
    struct blob *most = blob_new(zeros, STATIC_BYTES_MAX - 1);
    struct blob *two = blob_new("ab", 2);
    assert_int_equal(static_files_add(files, "/most", most, 0), 0);
    assert_int_equal(static_files_add(files, "/two", two, 0), -1);
    free(zeros);
    blob_unref(most);
    blob_unref(two);
    static_files_free(files);
    static_files_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_served_by_their_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_served, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_of_the_client_get_its_page, setup, teardown),
        cmocka_unit_test_setup_teardown(types_follow_extensions, setup, teardown),
        cmocka_unit_test_setup_teardown(only_hashed_names_are_cached_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(the_compressed_form_is_for_those_who_take_it, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_tell_contents_and_forms_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_client_has_is_confirmed, setup, teardown),
        cmocka_unit_test(limits_are_kept),
    };

    return cmocka_run_group_tests_name("static_files", tests, NULL, NULL);
}
