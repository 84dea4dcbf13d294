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
char *fuzz_copy(const void *data, size_t size);

/* The input up to its first NUL as a C string, for free(). */
char *fuzz_text(const void *data, size_t size);

/* What is left of an input that is read line by line. */
struct fuzz_input {
    const char *at;
    size_t left;
};

struct fuzz_input fuzz_input(const uint8_t *data, size_t size);

/* The next line, without its end; NULL: there is none. For free(); a NUL, which `len` does not count,
 * follows. */
char *fuzz_line(struct fuzz_input *input, size_t *len);

#endif
