/*
 * How much memory there is, by what a kernel says in a folder of the test's.
 */
#include "common/memory_limit.h"

#include "tests/lib/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[FOLDER_SIZE];

static void make_folders(void)
{
    static const char *const paths[] = {"proc",
                                        "proc/self",
                                        "sys",
                                        "sys/fs",
                                        "sys/fs/cgroup",
                                        "sys/fs/cgroup/memory",
                                        "sys/fs/cgroup/outer",
                                        "sys/fs/cgroup/outer/inner"};
    char path[2 * FOLDER_SIZE];

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(path, sizeof path, "%s/%s", root, paths[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    folder_make(root, "memory-limit");
    make_folders();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(root);
    return 0;
}

static uint64_t machine(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void without_cgroups_it_is_the_machines(void **state)
{
    (void)state;
    assert_int_equal(memory_limit(root), machine());
}

static void the_least_of_the_group_and_those_above_counts(void **state)
{
    (void)state;
    folder_put(root, "proc/self/cgroup", "1:name=systemd:/x\n0::/outer/inner\n");
    folder_put(root, "sys/fs/cgroup/outer/inner/memory.max", "max\n");
    assert_int_equal(memory_limit(root), machine());
    folder_put(root, "sys/fs/cgroup/outer/memory.max", "3000000\n");
    assert_int_equal(memory_limit(root), 3000000);
    folder_put(root, "sys/fs/cgroup/outer/inner/memory.max", "2000000\n");
    assert_int_equal(memory_limit(root), 2000000);
}

static void in_a_container_the_root_has_it(void **state)
{
    (void)state;
    folder_put(root, "proc/self/cgroup", "0::/\n");
    folder_put(root, "sys/fs/cgroup/memory.max", "1000000\n");
    assert_int_equal(memory_limit(root), 1000000);
}

static void version_one_is_read_as_well(void **state)
{
    (void)state;
    folder_put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000\n");
    assert_int_equal(memory_limit(root), 4000000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_cgroups_it_is_the_machines),
        TEST(the_least_of_the_group_and_those_above_counts),
        TEST(in_a_container_the_root_has_it),
        TEST(version_one_is_read_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
