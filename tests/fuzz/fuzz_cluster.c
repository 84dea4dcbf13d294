/*
 * What gateways say of themselves, as Redis brings it for /api/cluster. The input is lines, one a gateway;
 * those that are taken come to valid JSON that holds them all, and what is said of their options is bounded.
 */
#include "tests/fuzz/fuzz.h"

#include "broker/broker.h"
#include "broker/redis/survey.h"
#include "common/log.h"
#include "gateway/pages/agreement.h"
#include "gateway/pages/cluster.h"

#include <stdio.h>

enum { DEPTH_MAX = 16 };

static size_t gather(struct fuzz_input *input, struct buf *all)
{
    size_t count = 0, len;

    CHECK(!buf_append(all, "[", 1));
    for (char *line; (line = fuzz_line(input, &len)); free(line)) {
        char *about = fuzz_copy(line, len);

        if (survey_takes((struct json_slice){about, len})) {
            CHECK((!count || !buf_append(all, ",", 1)) && !buf_append(all, about, len));
            count++;
        }
        free(about);
    }
    CHECK(!buf_append(all, "]", 1));
    return count;
}

static void check_answer(struct json_slice answer, size_t count)
{
    char expected[24];

    snprintf(expected, sizeof expected, "%zu", count);
    CHECK(json_text_valid(answer.at, answer.len, DEPTH_MAX));
    struct json_slice total = json_text_member(json_text_member(answer, "totals"), "gateways");

    CHECK(total.len == strlen(expected) && !memcmp(total.at, expected, total.len));
    struct json_slice gateways = json_text_member(answer, "gateways"), one;
    size_t cursor = 0, listed = 0;

    while (json_text_next(gateways, &cursor, &one))
        listed++;
    CHECK(listed == count);
}

static void configure(struct config *config)
{
    char *argv[] = {(char *)"ridecast-gateway", NULL}, *no_environment[] = {NULL};
    struct buf error;

    buf_init(&error, 1000);
    CHECK(option_load(&config_program, config, sizeof *config, 1, argv, no_environment, &error) == OPTION_OK);
    buf_deinit(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct buf all, answer;

    buf_init(&all, SIZE_MAX / 2);
    buf_init(&answer, SIZE_MAX / 2);
    size_t count = gather(&input, &all);
    struct blob *json = blob_new(all.data, all.len);
    struct agreement agreement;
    struct config config;

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT); /* what differs is warned of */
    configure(&config);
    agreement_init(&agreement, &config);
    for (int i = 0; i < 2; i++) {
        buf_clear(&answer);
        CHECK(json && cluster_sum_up(json, &agreement, &answer) == (int)count);
        check_answer((struct json_slice){answer.data, answer.len}, count);
    }
    agreement_deinit(&agreement);
    option_free(&config_program, &config);
    blob_unref(json);
    buf_deinit(&all);
    buf_deinit(&answer);
    return 0;
}
