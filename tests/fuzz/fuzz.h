/*
 * What the fuzz targets share. Each target is one program: libFuzzer calls LLVMFuzzerTestOneInput() with one
 * input after another, and a broken promise aborts.
 *
 * Texts are handed out as copies of exactly their size, so that the sanitizer sees a read past their end.
 */
#ifndef RIDECAST_TESTS_FUZZ_FUZZ_H
#define RIDECAST_TESTS_FUZZ_FUZZ_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a fuzz target checks in every build. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

/* For free(). */
static inline char *fuzz_copy(const void *data, size_t size)
{
    char *copy = malloc(size ? size : 1);

    CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* The input up to its first NUL as a C string, for free(). */
static inline char *fuzz_text(const void *data, size_t size)
{
    char *text = strndup(size ? data : "", size);

    CHECK(text);
    return text;
}

/* What is left of an input that is read line by line. */
struct fuzz_input {
    const char *at;
    size_t left;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){(const char *)data, size};
}

/* The next line, without its end; NULL: there is none. For free(); a NUL, which `len` does not count,
 * follows. */
static inline char *fuzz_line(struct fuzz_input *input, size_t *len)
{
    if (!input->left)
        return NULL;
    const char *end = memchr(input->at, '\n', input->left);
    size_t n = end ? (size_t)(end - input->at) : input->left;
    char *line = malloc(n + 1);

    CHECK(line);
    memcpy(line, input->at, n);
    line[n] = '\0';
    input->at += end ? n + 1 : n;
    input->left -= end ? n + 1 : n;
    *len = n;
    return line;
}

#endif
