#include "tests/fuzz/fuzz.h"

#include <string.h>

char *fuzz_copy(const void *data, size_t size)
{
    char *copy = malloc(size ? size : 1);

    CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *fuzz_text(const void *data, size_t size)
{
    char *text = strndup(size ? data : "", size);

    CHECK(text);
    return text;
}

struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){(const char *)data, size};
}

char *fuzz_line(struct fuzz_input *input, size_t *len)
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
