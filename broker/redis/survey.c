/* What the gateways say of themselves: see survey.h. */
#include "broker/redis/survey.h"

#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/alloc.h"
#include "common/buf.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

enum { DEPTH_MAX = 8 };

/* Lives until the last answer has come. */
struct survey {
    struct store *store;
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
    store_tell_gateway(survey->store, message_survey(json));
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
    struct call call;
    char node[RECORD_NODE_MAX + 1];

    if (record_parse_node(name, node) != 0)
        return;
    call_command(&call, survey->store, "GETRANGE");
    call_node_key(&call, node, "");
    call_number(&call, 0);
    /* What is too large comes a byte too long, and nothing where there is no lease: survey_takes() neither.
     */
    call_number(&call, ABOUT_MAX);
    if (call_send(&call, lease_answered, survey) == 0)
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
            store_trouble(survey->store, "more than %d gateways are listed: a survey tells of that many",
                          SURVEY_NODES_MAX);
        for (size_t i = 0; i < reply->elements && i < SURVEY_NODES_MAX; i++)
            ask(survey, reply_slice(reply->element[i]));
    }
    if (survey->awaited == 0)
        end(survey);
}

void survey_run(struct store *store)
{
    struct survey *survey = alloc_zeroed(sizeof *survey);
    struct call call;

    survey->store = store;
    buf_init(&survey->json, SURVEY_NODES_MAX * (ABOUT_MAX + 1) + 2);
    survey->failed = buf_append(&survey->json, "[", 1) != 0;
    /* All of them, or one too many, picked at random. */
    call_command(&call, store, "SRANDMEMBER");
    call_shared_key(&call, "nodes");
    call_number(&call, SURVEY_NODES_MAX + 1);
    if (!store->up || call_send(&call, nodes_answered, survey) != 0) {
        survey->failed = true;
        end(survey);
    }
}
