/*
 * The leveled log: a line is put together in a buffer on the stack and written at once.
 */
#include "common/log.h"

#include "common/clock.h"
#include "common/json_text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

/* Process-wide by nature: stderr is one. */
static enum log_level log_threshold = LOG_LEVEL_INFO;
static enum log_format log_shape = LOG_FORMAT_TEXT;

static atomic_ulong lost_lines;
static atomic_ulong unsaid_lines; /* of them, since one could be written */

/* The line so far. Text that would pass `room` is left out, and `cut` says so. */
struct line {
    char bytes[LINE_MAX_BYTES];
    size_t len;
    size_t room;
    bool cut;
};

static const char cut_mark[] = "…";

void log_setup(enum log_level level, enum log_format format)
{
    log_threshold = level;
    log_shape = format;
}

int log_enabled(enum log_level level)
{
    return level <= log_threshold;
}

static void put(struct line *line, const char *bytes, size_t n)
{
    if (line->cut || n > line->room - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->bytes + line->len, bytes, n);
    line->len += n;
}

static void put_str(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* C0 and C1 control characters and DEL: C1 too, since a terminal may obey them. */
static bool is_control(const char *text, size_t n)
{
    unsigned char c = (unsigned char)text[0];

    return (n == 1 && (c < 0x20 || c == 0x7f)) || (n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

/* Appends any bytes: control characters become \uXXXX, bytes that are not UTF-8 \xXX. */
static void put_text(struct line *line, const char *text)
{
    bool json = log_shape == LOG_FORMAT_JSON;
    size_t len = strlen(text);
    char escape[8];

    for (size_t n; len > 0; text += n, len -= n) {
        n = json_text_utf8(text, len);
        if (n == 0) {
            n = 1;
            snprintf(escape, sizeof escape, "%s\\x%02x", json ? "\\" : "", (unsigned char)*text);
            put_str(line, escape);
        } else if (is_control(text, n)) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)text[n - 1]);
            put_str(line, escape);
        } else if (json && (*text == '"' || *text == '\\')) {
            put(line, (const char[]){'\\', *text}, 2);
        } else {
            put(line, text, n);
        }
    }
}

static void put_time(struct line *line)
{
    uint64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[sizeof "2026-01-31T10:20:30"];
    char ms[sizeof ".123Z"];

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(ms, sizeof ms, ".%03dZ", (int)(now_ms % 1000));
    put_str(line, text);
    put_str(line, ms);
}

static void put_head(struct line *line, enum log_level level, const char *area)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char padded[sizeof " debug "];

    if (log_shape == LOG_FORMAT_TEXT) {
        put_time(line);
        snprintf(padded, sizeof padded, " %-5s ", names[level]);
        put_str(line, padded);
        put_text(line, area);
        put_str(line, ": ");
        return;
    }
    put_str(line, "{\"time\":\"");
    put_time(line);
    put_str(line, "\",\"level\":\"");
    put_str(line, names[level]);
    put_str(line, "\",\"area\":\"");
    put_text(line, area);
    put_str(line, "\",\"message\":\"");
}

/*
 * 0, or -1 when the line is lost. A pipe that takes no whole line (they are no longer than PIPE_BUF, which is
 * what POLLOUT means there) would make the thread wait for whoever reads the log.
 */
static int emit(const struct line *line)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t n;

    if (poll(&out, 1, 0) < 1)
        return -1;
    do
        n = write(STDERR_FILENO, line->bytes, line->len);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)line->len ? 0 : -1;
}

static void put_line(struct line *line, enum log_level level, const char *area, const char *message)
{
    const char *tail = log_shape == LOG_FORMAT_JSON ? "\"}\n" : "\n";

    line->room = LINE_MAX_BYTES - strlen(cut_mark) - strlen(tail);
    put_head(line, level, area);
    put_text(line, message);
    line->room = LINE_MAX_BYTES;
    if (line->cut) {
        line->cut = false;
        put_str(line, cut_mark);
    }
    put_str(line, tail);
}

static int say_lost(unsigned long count)
{
    struct line line = {.len = 0};
    char message[64];

    snprintf(message, sizeof message, "%lu lines before this could not be written", count);
    put_line(&line, LOG_LEVEL_WARN, "log", message);
    return emit(&line);
}

unsigned long log_lost(void)
{
    return atomic_load(&lost_lines);
}

void log_write(enum log_level level, const char *area, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    /* With the head before it, a message that fills this is cut well before its end. */
    char message[LINE_MAX_BYTES] = "";
    struct line line = {.len = 0};
    int saved_errno = errno;
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    put_line(&line, level, area, message);
    unsigned long unsaid = atomic_exchange(&unsaid_lines, 0);
    bool said = unsaid == 0 || say_lost(unsaid) == 0;

    if (!said || emit(&line) != 0) {
        atomic_fetch_add(&lost_lines, 1);
        atomic_fetch_add(&unsaid_lines, 1 + (said ? 0 : unsaid));
    }
    errno = saved_errno;
}
