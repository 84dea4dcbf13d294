/*
 * Messages on their way out.
 */
#include "broker/outbox.h"

#include "broker/broker.h"
#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "common/metrics.h"

static void count(const struct broker_metrics *metrics, const struct broker_message *message)
{
    if (message->kind == BROKER_RESULT)
        metric_add(message->ok ? metrics->transitions_ok : metrics->transitions_refused, 1);
    if (message->kind == BROKER_STATE)
        metric_set(metrics->up, message->up);
    if (message->kind == BROKER_EVICTED)
        metric_add(metrics->riders_evicted, 1);
}

void outbox_tell(struct outbox *outbox, struct broker_message *message)
{
    count(outbox->metrics, message);
    message->mail.bytes = message_bytes(message);
    mailbag_add(&outbox->bag, &message->mail);
    outbox_progress(outbox);
}

void outbox_post(struct outbox *outbox)
{
    mailbox_post_bag(outbox->mailbox, &outbox->bag);
}

void outbox_progress(struct outbox *outbox)
{
    outbox->progress(outbox->arg);
}
