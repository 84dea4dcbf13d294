/* /api/cluster: see cluster.h. */
#include "gateway/pages/cluster.h"

#include "broker/broker.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/json_tree.h"
#include "gateway/net/link.h"
#include "gateway/pages/agreement.h"
#include "gateway/pages/respond.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct cluster_wait {
    struct cluster *cluster;
    struct link *link;
    struct cluster_wait *prev, *next;
};

/* --- the sum --- */

/* What is added up over all gateways. */
static const char *const SUMMED[] = {"connections", "clients", "riders", "events", "deliveries"};
enum { SUMS = sizeof SUMMED / sizeof *SUMMED, ANSWER_MAX = 1 << 24, DEPTH_MAX = 8 };

static const int64_t NUMBER_MAX = 999999999999999; /* whole numbers that a double holds */

/* 0 for anything else. */
static uint64_t number(struct json_object *value)
{
    int64_t n = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

    return n > 0 && n <= NUMBER_MAX ? (uint64_t)n : 0;
}

static void add(uint64_t sums[SUMS], struct agreement *agreement, struct json_slice gateway)
{
    struct json_object *about = json_tree_read(gateway.at, gateway.len, DEPTH_MAX, ABOUT_MAX);

    for (size_t i = 0; i < SUMS; i++)
        sums[i] += number(json_object_object_get(about, SUMMED[i]));
    agreement_hear(agreement, about);
    json_object_put(about);
}

static int print_totals(size_t count, const uint64_t sums[SUMS], struct buf *out)
{
    struct json_object *totals = json_object_new_object();

    if (!totals)
        alloc_failed();
    json_object_object_add(totals, "gateways", json_object_new_uint64(count));
    for (size_t i = 0; i < SUMS; i++)
        json_object_object_add(totals, SUMMED[i], json_object_new_uint64(sums[i]));
    return json_tree_print(totals, out);
}

/* What the gateways say is passed on as it came, so that it stays what they said. */
int cluster_sum_up(const struct blob *json, struct agreement *agreement, struct buf *out)
{
    struct json_slice all = json_text_trim(json->data, json->len), one;
    uint64_t sums[SUMS] = {0};
    size_t cursor = 0, count = 0;

    agreement_begin(agreement);
    for (; json_text_next(all, &cursor, &one); count++)
        add(sums, agreement, one);
    struct json_object *differing = agreement_end(agreement);

    if (buf_append_str(out, "{\"gateways\":") || buf_append(out, json->data, json->len) ||
        buf_append_str(out, ",\"totals\":") || print_totals(count, sums, out) ||
        buf_append_str(out, ",\"differing\":")) {
        json_object_put(differing);
        return -1;
    }
    return json_tree_print(differing, out) || buf_append_str(out, "}") ? -1 : (int)count;
}

/* --- who waits --- */

static void answer_all(struct cluster *cluster, int status, const char *json, size_t len)
{
    struct cluster_wait *wait, *next;

    cluster->asked = false;
    timers_cancel(cluster->timers, &cluster->patience);
    DL_FOREACH_SAFE(cluster->waiting, wait, next)
    {
        DL_DELETE(cluster->waiting, wait);
        respond_json(wait->link, status, json, len);
        free(wait);
    }
}

static void refuse_all(struct cluster *cluster)
{
    static const char error[] = "{\"error\":\"the presence store cannot be reached now; try again\"}";

    answer_all(cluster, 503, error, sizeof error - 1);
}

static void out_of_patience(void *owner)
{
    refuse_all(owner);
}

static void survey(struct cluster *cluster)
{
    if (cluster->asked)
        return;
    cluster->asked = true;
    timers_set(cluster->timers, &cluster->patience, clock_ms() + CLUSTER_WAIT_MS);
    broker_survey(cluster->broker);
}

/* The latest survey has told of `gateways`. */
static void look_later(struct cluster *cluster, uint64_t gateways)
{
    uint64_t pause_ms = gateways * CLUSTER_FRESH_MS;

    if (cluster->watches)
        timers_set(cluster->timers, &cluster->look,
                   clock_ms() + (pause_ms > CLUSTER_LOOK_MS ? pause_ms : CLUSTER_LOOK_MS));
}

static void look(void *owner)
{
    struct cluster *cluster = owner;

    look_later(cluster, 0); /* unless an answer says otherwise */
    survey(cluster);
}

void cluster_watch(struct cluster *cluster)
{
    cluster->watches = true;
    timers_set(cluster->timers, &cluster->look, clock_ms() + CLUSTER_FRESH_MS);
}

void cluster_init(struct cluster *cluster, struct agreement *agreement, struct broker *broker,
                  struct timers *timers)
{
    *cluster = (struct cluster){
        .broker = broker,
        .agreement = agreement,
        .timers = timers,
        .look = {.fire = look, .owner = cluster},
        .patience = {.fire = out_of_patience, .owner = cluster},
    };
    buf_init(&cluster->answer, ANSWER_MAX);
}

void cluster_deinit(struct cluster *cluster)
{
    buf_deinit(&cluster->answer);
}

static void nobody_waits(void *data, struct link *link)
{
    struct cluster_wait *wait = data;

    (void)link;
    DL_DELETE(wait->cluster->waiting, wait);
    free(wait);
}

static const struct link_user ASKER = {.lost = nobody_waits};

void cluster_ask(struct cluster *cluster, struct link *link)
{
    if (clock_ms() < cluster->fresh_until_ms) {
        respond_json(link, 200, cluster->answer.data, cluster->answer.len);
        return;
    }
    struct cluster_wait *wait = alloc_zeroed(sizeof *wait);

    wait->cluster = cluster;
    wait->link = link;
    link_use(link, &ASKER, wait);
    DL_APPEND(cluster->waiting, wait);
    survey(cluster);
}

void cluster_surveyed(struct cluster *cluster, const struct blob *json)
{
    struct buf *answer = &cluster->answer;

    buf_clear(answer);
    cluster->fresh_until_ms = 0;
    int count = json ? cluster_sum_up(json, cluster->agreement, answer) : -1;

    if (count < 0) {
        refuse_all(cluster);
        return;
    }
    look_later(cluster, (uint64_t)count);
    cluster->fresh_until_ms = clock_ms() + CLUSTER_FRESH_MS;
    answer_all(cluster, 200, answer->data, answer->len);
}
