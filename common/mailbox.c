/*
 * A queue between two threads: a list under a mutex that is held for a few instructions only.
 */
#include "common/mailbox.h"

#include "common/alloc.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first;
    atomic_size_t bytes; /* written under the lock */
    struct mail **end;   /* where the next message is linked: &first, or the last one's `next` */
    bool hushed;
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

void mailbag_add(struct mailbag *bag, struct mail *mail)
{
    mail->next = NULL;
    if (bag->last)
        bag->last->next = mail;
    else
        bag->first = mail;
    bag->last = mail;
    bag->bytes += mail->bytes;
}

void mailbox_post_bag(struct mailbox *box, struct mailbag *bag)
{
    if (!bag->first)
        return;
    pthread_mutex_lock(&box->lock);
    bool to_wake = !box->first && !box->hushed;
    *box->end = bag->first;
    box->end = &bag->last->next;
    atomic_fetch_add_explicit(&box->bytes, bag->bytes, memory_order_relaxed);
    pthread_mutex_unlock(&box->lock);

    *bag = (struct mailbag){.first = NULL};
    if (to_wake && box->wake)
        box->wake(box->arg);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    struct mailbag bag = {.first = NULL};

    mailbag_add(&bag, mail);
    mailbox_post_bag(box, &bag);
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

bool mailbox_hush(struct mailbox *box, bool hushed)
{
    pthread_mutex_lock(&box->lock);
    bool may_wait = hushed || !box->first;
    box->hushed = hushed;
    pthread_mutex_unlock(&box->lock);
    return may_wait;
}
