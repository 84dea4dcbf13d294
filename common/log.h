/*
 * The leveled log: one line per message to stderr, as text or as a JSON object.
 *
 *   text  2026-01-31T10:20:30.123Z info  gateway: listening on 0.0.0.0:3000
 *   json  {"time":"2026-01-31T10:20:30.123Z","level":"info","area":"gateway","message":"listening on
 * 0.0.0.0:3000"}
 *
 * A line is one write(2), so lines of two threads never mix. A line that cannot be written at once (a full
 * disk, a pipe nobody reads) is lost rather than waited for; log_lost() counts them, and the next line that
 * can be written is preceded by one that says how many there were.
 *
 * Control characters and invalid UTF-8 in a
 * message are escaped, so a peer cannot forge lines. Level and format are process-wide, set once before
 * threads start. Never log payloads, names of riders, tokens or passwords.
 */
#ifndef RIDECAST_COMMON_LOG_H
#define RIDECAST_COMMON_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call before the first thread starts. Defaults: info, text. */
void log_setup(enum log_level level, enum log_format format);

/* Whether a message of that level would be written (to skip costly preparation). */
int log_enabled(enum log_level level);

/* Lines lost since the start. Any thread. */
unsigned long log_lost(void);

/* `area` names the part of the program: "gateway", "broker", … */
void log_write(enum log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(area, ...) log_write(LOG_LEVEL_ERROR, area, __VA_ARGS__)
#define log_warn(area, ...)  log_write(LOG_LEVEL_WARN, area, __VA_ARGS__)
#define log_info(area, ...)  log_write(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_debug(area, ...)                                                                                 \
    do {                                                                                                     \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                                    \
            log_write(LOG_LEVEL_DEBUG, area, __VA_ARGS__);                                                   \
    } while (0)

#endif
