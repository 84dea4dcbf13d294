/*
 * A queue between two threads: a list under a mutex that is held for a few instructions only.
 */
#include "common/mailbox.h"

#include "common/alloc.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    atomic_size_t bytes; /* written under the lock */
    struct mail **end;   /* where the next message is linked: &first, or the last one's `next` */
    void (*wake)(void *arg);
    void *arg;
};

struct mailbox *mailbox_new(void (*wake)(void *arg), void *arg)
{
    struct mailbox *box = alloc_zeroed(sizeof *box);

    if (pthread_mutex_init(&box->lock, NULL) != 0)
        alloc_failed();
    box->end = &box->first;
    box->wake = wake;
    box->arg = arg;
    return box;
}

void mailbox_free(struct mailbox *box)
{
    if (!box)
        return;
    assert(!box->first);
    pthread_mutex_destroy(&box->lock);
    free(box);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&box->lock);
    bool was_empty = !box->first;
    *box->end = mail;
    box->end = &mail->next;
    atomic_fetch_add_explicit(&box->bytes, mail->bytes, memory_order_relaxed);
    pthread_mutex_unlock(&box->lock);

    if (was_empty && box->wake)
        box->wake(box->arg);
}

struct mail *mailbox_take(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct mail *first = box->first;
    box->first = NULL;
    box->end = &box->first;
    atomic_store_explicit(&box->bytes, 0, memory_order_relaxed);
    pthread_mutex_unlock(&box->lock);
    return first;
}

size_t mailbox_bytes(const struct mailbox *box)
{
    return atomic_load_explicit(&box->bytes, memory_order_relaxed);
}
