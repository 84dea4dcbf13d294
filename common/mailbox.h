/*
 * A queue between two threads: any thread posts, one thread takes everything at once.
 *
 * Messages are intrusive: a message type embeds `struct mail` as its first member. Posting to an empty box
 * calls `wake` on the posting thread, outside the lock, so the taker's loop can be woken; posting to a
 * non-empty box does not, because the taker has not drained it yet, nor to one that is hushed. Order is kept.
 */
#ifndef RIDECAST_COMMON_MAILBOX_H
#define RIDECAST_COMMON_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mail {
    struct mail *next; /* for the mailbox while posted; for the taker afterwards */
    size_t bytes;      /* what the message holds, as whoever posts it says */
};

/* Mail that one thread gathers, to be posted at once. Zeroed, it is empty. */
struct mailbag {
    struct mail *first, *last;
    size_t bytes;
};

struct mailbox;

/* `wake` may be NULL and is called with `arg`. Ends the process when out of memory. */
struct mailbox *mailbox_new(void (*wake)(void *arg), void *arg);

/*
 * The box must be empty (take and free the rest first) and no thread inside mailbox_post(). NULL is
 * harmless.
 */
void mailbox_free(struct mailbox *box);

/* Takes `mail`: it belongs to the box, then to whoever takes it. Any thread. Never fails. */
void mailbox_post(struct mailbox *box, struct mail *mail);

/* Takes `mail`, which belongs to the bag until that is posted. */
void mailbag_add(struct mailbag *bag, struct mail *mail);

/* Posts all that is in the bag, in order, as one message would be. The bag is empty afterwards. */
void mailbox_post_bag(struct mailbox *box, struct mailbag *bag);

/*
 * Everything posted so far, oldest first, as a list linked by `next`; NULL when empty. Owned by the
 * caller.
 */
struct mail *mailbox_take(struct mailbox *box);

/*
 * The taker is about to wait. With `hushed` nobody wakes it from now on: something else will, and it looks
 * into the box then. False: it must not wait yet, as it is to be woken for mail, and some is there already.
 */
bool mailbox_hush(struct mailbox *box, bool hushed);

/* What the messages hold that have been posted and not been taken. Any thread. */
size_t mailbox_bytes(const struct mailbox *box);

#endif
