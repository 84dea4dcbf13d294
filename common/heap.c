/* What is in use of this process' heap: see heap.h. */
#include "common/heap.h"

#include <malloc.h>
#include <stddef.h>

/* The sanitizers' allocator takes the place of the C library's where a build has one. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming) */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

uint64_t heap_allocated_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 heap = mallinfo2();

    return heap.uordblks + heap.hblkhd;
}
