/*
 * Options from whoever starts the gateway. The input is lines: one that begins with $ is an environment
 * variable, any other an argument. Either there is a configuration that keeps all bounds, or nothing is left
 * of it and one line of text says what is wrong.
 */
#include "tests/fuzz/fuzz.h"

#include "common/config.h"
#include "common/json_text.h"

#include <stdio.h>

enum { WORDS_MAX = 32, ERROR_MAX = 4096, PRINTED_MAX = 1 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* --help and the like print to it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    CHECK(freopen("/dev/null", "w", stdout));
    return 0;
}

static void check_error(const struct buf *error)
{
    CHECK(error->len > 0);
    for (size_t at = 0, n; at < error->len; at += n) {
        n = json_text_utf8(error->data + at, error->len - at);
        CHECK(n > 0 && (unsigned char)error->data[at] >= ' ' && error->data[at] != 0x7f);
    }
}

static void check_config(const struct config *config)
{
    static const struct config zeroed;

    CHECK(memcmp(config, &zeroed, sizeof zeroed) != 0);
    for (size_t i = 0; i < config_program.row_count; i++) {
        const struct option_row *row = &config_program.rows[i];
        const void *field = (const char *)config + row->offset;

        if (row->type == OPTION_UINT)
            CHECK(*(const uint64_t *)field >= row->min && *(const uint64_t *)field <= row->max);
        else if (row->type == OPTION_STRING)
            CHECK(!row->check || !row->check(*(char *const *)field));
    }
}

static void print(const struct config *config)
{
    struct buf printed;

    buf_init(&printed, PRINTED_MAX);
    CHECK(!option_print(&config_program, config, &printed));
    buf_deinit(&printed);
}

static void load(int argc, char *const *argv, char *const *environ_list)
{
    static const struct config zeroed;
    struct config config;
    struct buf error;

    buf_init(&error, ERROR_MAX);
    switch (option_load(&config_program, &config, sizeof config, argc, argv, environ_list, &error)) {
    case OPTION_OK:
        check_config(&config);
        print(&config);
        option_free(&config_program, &config);
        break;
    case OPTION_BAD:
        check_error(&error);
        CHECK(!memcmp(&config, &zeroed, sizeof zeroed));
        break;
    case OPTION_EXIT:
        CHECK(!memcmp(&config, &zeroed, sizeof zeroed));
        break;
    }
    buf_deinit(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *argv[WORDS_MAX + 2] = {"ridecast-gateway"}, *environ_list[WORDS_MAX + 1] = {NULL};
    struct fuzz_input input = fuzz_input(data, size);
    size_t variables = 0, len;
    int argc = 1;

    for (char *line; argc <= WORDS_MAX && variables < WORDS_MAX && (line = fuzz_line(&input, &len));
         free(line)) {
        if (*line == '$')
            environ_list[variables++] = fuzz_text(line + 1, strlen(line + 1));
        else
            argv[argc++] = fuzz_text(line, strlen(line));
    }
    load(argc, argv, environ_list);
    while (argc > 1)
        free(argv[--argc]);
    while (variables > 0)
        free(environ_list[--variables]);
    return 0;
}
