/*
 * The log: its two shapes, and that nothing a peer sends can forge or break a line. Stderr is a file
 * meanwhile.
 */
#include "common/log.h"

#include "common/json_text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIME_LEN = sizeof "2026-01-31T10:20:30.123Z" - 1 };

static char logged[65536];
static FILE *file;
static int real_stderr;

static int redirect(void **state)
{
    (void)state;
    file = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    if (!file || real_stderr < 0 || dup2(fileno(file), STDERR_FILENO) < 0)
        return -1;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return 0;
}

static int restore(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(file);
    return 0;
}

/* What was written so far. */
static const char *read_log(void)
{
    ssize_t n = pread(fileno(file), logged, sizeof logged - 1, 0);

    assert_true(n >= 0);
    logged[n] = '\0';
    return logged;
}

static void assert_time(const char *text)
{
    const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (int i = 0; i < TIME_LEN; i++) {
        if (pattern[i] == 'd')
            assert_in_range(text[i], '0', '9');
        else
            assert_int_equal(text[i], pattern[i]);
    }
}

static void a_text_line_has_time_level_area_and_message(void **state)
{
    (void)state;
    log_info("gateway", "listening on %s:%d", "0.0.0.0", 3000);
    log_error("broker", "lost");
    const char *text = read_log();
    assert_time(text);
    assert_memory_equal(text + TIME_LEN, " info  gateway: listening on 0.0.0.0:3000\n", 42);
    text = strchr(text, '\n') + 1;
    assert_time(text);
    assert_string_equal(text + TIME_LEN, " error broker: lost\n");
}

static void a_json_line_is_one_object(void **state)
{
    const char tail[] = "\",\"level\":\"warn\",\"area\":\"broker\",\"message\":\"say \\\"hi\\\" \\\\o/\"}\n";

    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warn("broker", "say \"%s\" \\o/", "hi");
    const char *text = read_log();
    assert_memory_equal(text, "{\"time\":\"", 9);
    assert_time(text + 9);
    assert_string_equal(text + 9 + TIME_LEN, tail);
    assert_true(json_text_valid(text, strlen(text), 1));
}

static void levels_above_the_threshold_are_not_written(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_true(log_enabled(LOG_LEVEL_WARN));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    log_info("x", "quiet");
    log_debug("x", "quiet");
    assert_string_equal(read_log(), "");
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_debug("x", "loud");
    assert_string_equal(read_log() + TIME_LEN, " debug x: loud\n");
}

static void a_message_cannot_forge_a_line_in_text(void **state)
{
    (void)state;
    log_info("x", "%s", "a\nb\r\t\x1b[31m\x7f");
    assert_string_equal(read_log() + TIME_LEN, " info  x: a\\u000ab\\u000d\\u0009\\u001b[31m\\u007f\n");
}

static void terminal_controls_beyond_ascii_are_escaped(void **state)
{
    (void)state;
    log_info("x", "%s",
             "\xc2\x9b"
             "31m caf\xc3\xa9 \xc2\xa0");
    assert_string_equal(read_log() + TIME_LEN, " info  x: \\u009b31m caf\xc3\xa9 \xc2\xa0\n");
}

static void bytes_that_are_not_utf8_are_escaped(void **state)
{
    (void)state;
    log_info("x", "%s",
             "a\xff\xc3"
             "b\xed\xa0\x80");
    assert_string_equal(read_log() + TIME_LEN, " info  x: a\\xff\\xc3b\\xed\\xa0\\x80\n");
}

static void any_bytes_give_valid_json(void **state)
{
    char bytes[512];

    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (int i = 0; i < 511; i++)
        bytes[i] = (char)(1 + i % 255);
    bytes[511] = '\0';
    log_info("x", "%s", bytes);
    const char *text = read_log();
    assert_true(json_text_valid(text, strlen(text), 1));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

/*
 * Logs a message of one repeated character and checks that the line is cut within a few bytes of the
 * limit.
 */
static void check_cut(const char *repeated, enum log_format format, const char *tail)
{
    static char message[30000];
    size_t n = strlen(repeated);

    for (size_t i = 0; i + n < sizeof message; i += n)
        memcpy(message + i, repeated, n + 1);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
    log_setup(LOG_LEVEL_INFO, format);
    log_info("x", "%s", message);

    const char *text = read_log();
    size_t len = strlen(text);
    assert_in_range(len, 4096 - 8, 4096);
    assert_string_equal(text + len - strlen(tail), tail);
    for (size_t i = 0; i < len; i += json_text_utf8(text + i, len - i))
        assert_true(json_text_utf8(text + i, len - i) > 0);
    if (format == LOG_FORMAT_JSON)
        assert_true(json_text_valid(text, len, 1));
}

static void a_long_line_is_cut_between_characters(void **state)
{
    (void)state;
    check_cut("x", LOG_FORMAT_TEXT, "…\n");
    check_cut("\xf0\x9f\x9a\x8c", LOG_FORMAT_TEXT, "…\n");
    check_cut("\xf0\x9f\x9a\x8c", LOG_FORMAT_JSON, "…\"}\n");
    check_cut("\n", LOG_FORMAT_JSON, "…\"}\n");
    check_cut("\"", LOG_FORMAT_JSON, "…\"}\n");
}

static void a_line_is_cut_only_when_the_mark_would_not_fit_behind_it(void **state)
{
    const int longest = 4096 - TIME_LEN - (int)strlen(" info  x: ") - (int)strlen("…\n");

    (void)state;
    log_info("x", "%0*d", longest, 7);
    assert_int_equal(strlen(read_log()), 4096 - strlen("…"));
    assert_null(strstr(logged, "…"));
    log_info("x", "%0*d", longest + 1, 7);
    assert_non_null(strstr(read_log(), "0…\n"));
}

static void nothing_follows_what_was_cut(void **state)
{
    const int nearly_full = 4096 - TIME_LEN - (int)strlen(" info  x: ") - (int)strlen("…\n") - 1;

    (void)state;
    log_info("x", "%0*d\xf0\x9f\x9a\x8cx", nearly_full, 7);
    assert_non_null(strstr(read_log(), "07…\n"));
}

static void logging_keeps_errno_and_can_print_it(void **state)
{
    (void)state;
    errno = ENOENT;
    log_info("x", "open: %m");
    assert_int_equal(errno, ENOENT);
    assert_non_null(strstr(read_log(), "open: No such file or directory\n"));
}

static void a_log_that_cannot_be_written_is_survived(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    errno = 0;
    log_error("x", "lost");
    assert_int_equal(errno, 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    log_error("x", "found");
    assert_non_null(strstr(read_log(), "found"));
    assert_null(strstr(logged, "lost"));
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, redirect, restore)

/* Stderr becomes `fd` until the next call of stderr_to(). */
static void stderr_to(int fd)
{
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
}

static void lines_that_a_full_disk_does_not_take_are_counted_and_said_later(void **state)
{
    int full = open("/dev/full", O_WRONLY);
    unsigned long before = log_lost();

    (void)state;
    assert_true(full >= 0);
    stderr_to(full);
    close(full);
    for (int i = 0; i < 3; i++)
        log_info("test", "lost %d", i);
    assert_int_equal(log_lost() - before, 3);
    stderr_to(fileno(file));
    log_info("test", "back");
    log_info("test", "again");
    const char *text = read_log();
    assert_non_null(strstr(text, "warn  log: 3 lines before this could not be written\n"));
    assert_true(strstr(text, "3 lines before") < strstr(text, "info  test: back\n"));
    assert_non_null(strstr(text, "info  test: again\n"));
    assert_null(strstr(text, "lost 1"));
    assert_int_equal(log_lost() - before, 3);
}

static void nobody_waits_for_a_pipe_that_is_not_read(void **state)
{
    char drained[65536];
    int ends[2];
    unsigned long before = log_lost();

    (void)state;
    assert_int_equal(pipe(ends), 0);
    stderr_to(ends[1]);
    for (int i = 0; i < 10000; i++)
        log_info("test", "a line of some length, %d", i);
    unsigned long lost = log_lost() - before;
    assert_in_range(lost, 1, 9999);
    while (read(ends[0], drained, sizeof drained) == sizeof drained)
        ;
    log_info("test", "back");
    ssize_t n = read(ends[0], drained, sizeof drained - 1);
    assert_true(n > 0);
    drained[n] = '\0';
    assert_non_null(strstr(drained, "lines before this could not be written\n"));
    assert_int_equal(log_lost() - before, lost);
    stderr_to(fileno(file));
    close(ends[0]);
    close(ends[1]);
}

enum { TALKERS = 3, LINES = 2000 };

static void *talk(void *arg)
{
    (void)arg;
    for (int i = 0; i < LINES; i++)
        log_info("test", "from a thread");
    return NULL;
}

static void talk_at_once(void)
{
    pthread_t talkers[TALKERS];

    for (int i = 0; i < TALKERS; i++)
        assert_int_equal(pthread_create(&talkers[i], NULL, talk, NULL), 0);
    for (int i = 0; i < TALKERS; i++)
        pthread_join(talkers[i], NULL);
}

static void lines_lost_by_several_threads_are_all_counted(void **state)
{
    int full = open("/dev/full", O_WRONLY);
    unsigned long before = log_lost();
    char expected[64];

    (void)state;
    assert_true(full >= 0);
    stderr_to(full);
    close(full);
    talk_at_once();
    stderr_to(fileno(file));
    assert_int_equal(log_lost() - before, TALKERS * LINES);
    log_info("test", "back");
    snprintf(expected, sizeof expected, "log: %d lines before this could not be written\n", TALKERS * LINES);
    assert_non_null(strstr(read_log(), expected));
}

static void lines_of_several_threads_are_whole(void **state)
{
    const char message[] = " info  test: from a thread";
    int count = 0;

    (void)state;
    fcntl(fileno(file), F_SETFL, O_APPEND);
    talk_at_once();
    rewind(file);
    for (char line[256]; fgets(line, sizeof line, file); count++) {
        line[strcspn(line, "\n")] = '\0';
        assert_time(line);
        assert_string_equal(line + TIME_LEN, message);
    }
    assert_int_equal(count, TALKERS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_text_line_has_time_level_area_and_message),
        LOG_TEST(a_json_line_is_one_object),
        LOG_TEST(levels_above_the_threshold_are_not_written),
        LOG_TEST(a_message_cannot_forge_a_line_in_text),
        LOG_TEST(terminal_controls_beyond_ascii_are_escaped),
        LOG_TEST(bytes_that_are_not_utf8_are_escaped),
        LOG_TEST(any_bytes_give_valid_json),
        LOG_TEST(a_long_line_is_cut_between_characters),
        LOG_TEST(a_line_is_cut_only_when_the_mark_would_not_fit_behind_it),
        LOG_TEST(nothing_follows_what_was_cut),
        LOG_TEST(logging_keeps_errno_and_can_print_it),
        LOG_TEST(a_log_that_cannot_be_written_is_survived),
        cmocka_unit_test_setup_teardown(lines_that_a_full_disk_does_not_take_are_counted_and_said_later,
                                        redirect, restore),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_pipe_that_is_not_read, redirect, restore),
        LOG_TEST(lines_lost_by_several_threads_are_all_counted),
        LOG_TEST(lines_of_several_threads_are_whole),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
