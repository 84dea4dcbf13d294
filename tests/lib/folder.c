#include "tests/lib/folder.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void folder_make(char path[FOLDER_SIZE], const char *what)
{
    snprintf(path, FOLDER_SIZE, "/tmp/ridecast-%s-XXXXXX", what);
    assert_non_null(mkdtemp(path));
}

void folder_put(const char *path, const char *name, const char *text)
{
    char whole[PATH_MAX];

    snprintf(whole, sizeof whole, "%s/%s", path, name);
    FILE *file = fopen(whole, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
