/*
 * Put before a redis-server (LD_PRELOAD), it shifts its wall clock by as many seconds as the file
 * SHIFTED_CLOCK says, a 64-bit number that the test changes while the server runs. If another number follows
 * that is not 0, the clock stands still there, at so many microseconds since 1970. The monotonic clock goes
 * on as it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct setting {
    int64_t shift_s, still_us;
};

static const volatile struct setting *setting; /* NULL: not yet, or no such file */

__attribute__((constructor)) static void open_shift(void)
{
    const char *name = getenv("SHIFTED_CLOCK");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *setting, PROT_READ, MAP_SHARED, fd, 0);

    if (page != MAP_FAILED)
        setting = page; /* behind the end of the file are zeros */
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failure = (int)syscall(SYS_clock_gettime, id, now);

    if (failure != 0 || id != CLOCK_REALTIME || !setting)
        return failure;
    if (setting->still_us != 0) {
        now->tv_sec = setting->still_us / 1000000;
        now->tv_nsec = setting->still_us % 1000000 * 1000;
    }
    now->tv_sec += setting->shift_s;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
        return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t)-1;
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
