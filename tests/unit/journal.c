#include "tests/unit/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void journal_init(struct buf *journal)
{
    buf_init(journal, 1 << 20);
}

void journal_note(struct buf *journal, const char *format, ...)
{
    char line[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; (at = strchr(at, 0x1e));)
        *at = '~';
    assert_int_equal(buf_appendf(journal, "%s\n", line), 0);
}

void journal_check(struct buf *journal, const char *expected)
{
    assert_int_equal(buf_append(journal, "", 1), 0);
    assert_string_equal(journal->data, expected);
    buf_clear(journal);
}
