#include "tests/sim/world/trace.h"

#include "common/log.h"
#include "tests/sim/world/schedule.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096 };

static FILE *stream;
static uint64_t begun_us, seed_used;
const char *trace_log_of;

void trace_begin(FILE *out, uint64_t seed)
{
    stream = out;
    seed_used = seed;
    begun_us = schedule_now_us();
}

static size_t head(char line[LINE_SIZE], const char *who)
{
    uint64_t us = schedule_now_us() - begun_us;

    return (size_t)snprintf(line, LINE_SIZE, "%6llu.%06llu %-9s ", (unsigned long long)(us / 1000000),
                            (unsigned long long)(us % 1000000), who);
}

static void add_text(char line[LINE_SIZE], size_t len, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void add_text(char line[LINE_SIZE], size_t len, const char *format, va_list args)
{
    vsnprintf(line + len, LINE_SIZE - len, format, args);
}

void trace_write(const char *who, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (!stream)
        return;
    size_t len = head(line, who);

    va_start(args, format);
    add_text(line, len, format, args);
    va_end(args);
    fprintf(stream, "%s\n", line);
}

void trace_fail(const char *who, const char *format, ...)
{
    char line[LINE_SIZE];
    size_t len = head(line, who);
    va_list args;

    va_start(args, format);
    add_text(line, len, format, args);
    va_end(args);
    if (stream) {
        fprintf(stream, "%s\n", line);
        fflush(stream);
    }
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed_used, line);
    abort();
}

/* --- the log --- */

void log_write(enum log_level level, const char *area, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char message[LINE_SIZE / 2];
    va_list args;

    if (!stream || !log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    trace_write(trace_log_of ? trace_log_of : "-", "log %s %s: %s", names[level], area, message);
}

int log_enabled(enum log_level level)
{
    return level <= LOG_LEVEL_INFO;
}

unsigned long log_lost(void)
{
    return 0;
}

void log_setup(enum log_level level, enum log_format format)
{
    (void)level, (void)format;
}
