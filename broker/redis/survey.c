/* What the gateways say of themselves: see survey.h. */
#include "broker/redis/survey.h"

#include "broker/message.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 8 };

/* Lives until the last answer has come. */
struct survey {
    struct redis *redis;
    size_t awaited; /* leases not yet answered */
    bool failed;
    struct buf json;
};

bool survey_takes(struct json_slice about)
{
    return about.len <= ABOUT_MAX && json_text_valid(about.at, about.len, DEPTH_MAX) &&
           json_text_type(json_text_trim(about.at, about.len)) == '{';
}

static void end(struct survey *survey)
{
    struct blob *json = NULL;

    if (!survey->failed && !buf_append(&survey->json, "]", 1))
        json = alloc_blob(survey->json.data, survey->json.len);
    broker_tell(survey->redis->backend.setup.broker, message_survey(json));
    buf_deinit(&survey->json);
    free(survey);
}

static void add(struct survey *survey, struct json_slice about)
{
    bool first = survey->json.len == 1;

    if ((!first && buf_append(&survey->json, ",", 1)) || buf_append(&survey->json, about.at, about.len))
        survey->failed = true;
}

static void lease_answered(const struct redisReply *reply, void *arg)
{
    struct survey *survey = arg;

    if (!reply)
        survey->failed = true;
    else if (reply->type == REDIS_REPLY_STRING && survey_takes(reply_slice(reply)))
        add(survey, reply_slice(reply));
    if (--survey->awaited == 0)
        end(survey);
}

static void ask(struct survey *survey, struct json_slice name)
{
    struct redis *redis = survey->redis;
    struct key_name key;
    char node[RECORD_NODE_MAX + 1], last[16];

    if (record_parse_node(name, node))
        return;
    key_name_make_node(&key, redis->backend.setup.prefix, node, "");
    snprintf(last, sizeof last, "%d", ABOUT_MAX);
    /* What is too large comes a byte too long, and nothing where there is no lease: survey_takes() neither.
     */
    const struct redis_arg get[] = {redis_arg_text("GETRANGE"), key_name_arg(&key), redis_arg_text("0"),
                                    redis_arg_text(last)};
    if (redis_link_send(redis->commands, lease_answered, survey, get, 4) == 0)
        survey->awaited++;
    else
        survey->failed = true;
}

static void nodes_answered(const struct redisReply *reply, void *arg)
{
    struct survey *survey = arg;

    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        survey->failed = true;
    } else {
        if (reply->elements > SURVEY_NODES_MAX)
            redis_trouble(survey->redis, "more than %d gateways are listed: a survey tells of that many",
                          SURVEY_NODES_MAX);
        for (size_t i = 0; i < reply->elements && i < SURVEY_NODES_MAX; i++)
            ask(survey, reply_slice(reply->element[i]));
    }
    if (survey->awaited == 0)
        end(survey);
}

void survey_run(struct redis *redis)
{
    struct survey *survey = alloc_zeroed(sizeof *survey);
    struct key_name nodes;
    char count[16];

    survey->redis = redis;
    buf_init(&survey->json, SURVEY_NODES_MAX * (ABOUT_MAX + 1) + 2);
    key_name_make_shared(&nodes, redis->backend.setup.prefix, "nodes");
    snprintf(count, sizeof count, "%d", SURVEY_NODES_MAX + 1);
    /* All of them, or one too many, picked at random. */
    const struct redis_arg members[] = {redis_arg_text("SRANDMEMBER"), key_name_arg(&nodes),
                                        redis_arg_text(count)};
    survey->failed = buf_append(&survey->json, "[", 1) != 0;
    if (!redis->up || redis_link_send(redis->commands, nodes_answered, survey, members, 3) != 0) {
        survey->failed = true;
        end(survey);
    }
}
