/*
 * Requests for the web client's files. The input is lines: the path, Accept, Accept-Encoding, If-None-Match,
 * If-Modified-Since. Only what was put there is answered with, and headers stay lines.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/pages/static_files.h"

enum { LINES = 5, MODIFIED = 1700000000 };

static const char *const PATHS[] = {"/index.html", "/index.html.gz", "/assets/app.js", "/logo.svg"};
enum { FILES = sizeof PATHS / sizeof *PATHS };

static struct blob *bytes[FILES];

static const struct static_files *the_files(void)
{
    static struct static_files *files;

    if (files)
        return files;
    files = static_files_new();
    for (size_t i = 0; i < FILES; i++) {
        bytes[i] = blob_new(PATHS[i], strlen(PATHS[i]));
        CHECK(bytes[i] && !static_files_add(files, PATHS[i], bytes[i], MODIFIED));
    }
    return files;
}

static void check_answer(const struct static_answer *answer)
{
    size_t len = strlen(answer->headers);
    bool known = false;

    CHECK(answer->status == 200 || answer->status == 304);
    CHECK(!len || (len > 2 && !strcmp(answer->headers + len - 2, "\r\n")));
    CHECK(!strstr(answer->headers, "\r\n\r\n"));
    for (size_t i = 0; i < FILES; i++)
        known = known || answer->body == bytes[i];
    CHECK(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct fuzz_input input = fuzz_input((const uint8_t *)text, strlen(text));
    char *lines[LINES];
    struct static_answer answer;
    size_t len;

    for (size_t i = 0; i < LINES; i++)
        lines[i] = fuzz_line(&input, &len);
    const struct static_request request = {
        .path = lines[0] ? lines[0] : "",
        .accept = lines[1],
        .accept_encoding = lines[2],
        .if_none_match = lines[3],
        .if_modified_since = lines[4],
    };

    if (static_files_answer(the_files(), &request, &answer))
        check_answer(&answer);
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    free(text);
    return 0;
}
