/*
 * The queue between two threads: order, ownership, and exactly one wake-up per drained box.
 */
#include "common/mailbox.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <semaphore.h>

#include <cmocka.h>

struct letter {
    struct mail mail;
    int sender;
    int number;
};

static void count_wake(void *arg)
{
    ++*(int *)arg;
}

static void an_empty_box_gives_nothing(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_new(NULL, NULL);
    assert_non_null(box);
    assert_null(mailbox_take(box));
    mailbox_free(box);
    mailbox_free(NULL);
}

static void everything_posted_is_taken_in_order(void **state)
{
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

    (void)state;
    struct mailbox *box = mailbox_new(NULL, NULL);
    for (int i = 0; i < 3; i++)
        mailbox_post(box, &letters[i].mail);
    struct mail *mail = mailbox_take(box);
    for (int i = 0; i < 3; i++, mail = mail->next)
        assert_ptr_equal(mail, &letters[i].mail);
    assert_null(mail);
    assert_null(mailbox_take(box));
    mailbox_free(box);
}

static void a_drained_box_can_be_used_again(void **state)
{
    struct letter first = {.number = 1}, second = {.number = 2};

    (void)state;
    struct mailbox *box = mailbox_new(NULL, NULL);
    mailbox_post(box, &first.mail);
    assert_ptr_equal(mailbox_take(box), &first.mail);
    first.mail.next = &first.mail; /* the link is the taker's; the box must not follow it */
    mailbox_post(box, &second.mail);
    struct mail *mail = mailbox_take(box);
    assert_ptr_equal(mail, &second.mail);
    assert_null(mail->next);
    mailbox_free(box);
}

static void only_posting_to_an_empty_box_wakes(void **state)
{
    struct letter letters[3] = {{.number = 0}};
    int wakes = 0;

    (void)state;
    struct mailbox *box = mailbox_new(count_wake, &wakes);
    mailbox_post(box, &letters[0].mail);
    assert_int_equal(wakes, 1);
    mailbox_post(box, &letters[1].mail);
    assert_int_equal(wakes, 1);
    mailbox_take(box);
    mailbox_post(box, &letters[2].mail);
    assert_int_equal(wakes, 2);
    mailbox_take(box);
    mailbox_free(box);
}

static void a_bag_is_posted_as_one(void **state)
{
    struct letter letters[4] = {{.number = 0}};
    struct mailbag bag = {.first = NULL};
    int wakes = 0;

    (void)state;
    struct mailbox *box = mailbox_new(count_wake, &wakes);
    mailbox_post_bag(box, &bag);
    assert_int_equal(wakes, 0);
    for (int i = 0; i < 3; i++)
        mailbag_add(&bag, &letters[i].mail);
    mailbox_post_bag(box, &bag);
    assert_int_equal(wakes, 1);
    mailbag_add(&bag, &letters[3].mail); /* it is empty again, and in order */
    mailbox_post_bag(box, &bag);
    assert_int_equal(wakes, 1);
    struct mail *mail = mailbox_take(box);
    for (int i = 0; i < 4; i++, mail = mail->next)
        assert_ptr_equal(mail, &letters[i].mail);
    assert_null(mail);
    mailbox_free(box);
}

static void a_hushed_box_wakes_nobody_and_says_so_when_it_has_mail(void **state)
{
    struct letter letters[3] = {{.number = 0}};
    int wakes = 0;

    (void)state;
    struct mailbox *box = mailbox_new(count_wake, &wakes);
    assert_true(mailbox_hush(box, true));
    mailbox_post(box, &letters[0].mail);
    assert_int_equal(wakes, 0);
    assert_true(mailbox_hush(box, true));
    assert_false(mailbox_hush(box, false)); /* nobody was woken for it */
    mailbox_take(box);
    assert_true(mailbox_hush(box, false));
    mailbox_post(box, &letters[1].mail);
    assert_int_equal(wakes, 1);
    assert_false(mailbox_hush(box, false));
    mailbox_take(box);
    mailbox_free(box);
}

static struct mailbox *reentered;

static void take_inside_wake(void *arg)
{
    *(struct mail **)arg = mailbox_take(reentered);
}

static void wake_runs_outside_the_lock(void **state)
{
    struct letter letter = {.number = 1};
    struct mail *taken = NULL;

    (void)state;
    reentered = mailbox_new(take_inside_wake, &taken);
    mailbox_post(reentered, &letter.mail);
    assert_ptr_equal(taken, &letter.mail);
    mailbox_free(reentered);
}

static void what_is_not_taken_yet_is_counted(void **state)
{
    struct letter first = {.mail = {.bytes = 10}}, second = {.mail = {.bytes = 300}};

    (void)state;
    struct mailbox *box = mailbox_new(NULL, NULL);
    mailbox_post(box, &first.mail);
    mailbox_post(box, &second.mail);
    assert_int_equal(mailbox_bytes(box), 310);
    mailbox_take(box);
    assert_int_equal(mailbox_bytes(box), 0);
    mailbox_free(box);
}

enum { SENDERS = 3, LETTERS = 5000 };

struct sender {
    struct mailbox *box;
    int index;
};

static void *send_letters(void *arg)
{
    const struct sender *sender = arg;

    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = malloc(sizeof *letter);

        if (!letter)
            abort();
        letter->sender = sender->index;
        letter->number = i;
        letter->mail.bytes = sizeof *letter;
        mailbox_post(sender->box, &letter->mail);
    }
    return NULL;
}

static void post_semaphore(void *arg)
{
    sem_post(arg);
}

/* Takes only when woken: a wake-up that got lost would leave this waiting for ever. */
static void no_letter_and_no_wake_up_is_lost_between_threads(void **state)
{
    int expected[SENDERS] = {0};
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    sem_t woken;

    (void)state;
    sem_init(&woken, 0, 0);
    struct mailbox *box = mailbox_new(post_semaphore, &woken);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){box, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    for (int received = 0; received < SENDERS * LETTERS;) {
        sem_wait(&woken);
        for (struct mail *mail = mailbox_take(box), *next; mail; mail = next, received++) {
            struct letter *letter = (struct letter *)mail;

            next = mail->next;
            assert_int_equal(letter->number, expected[letter->sender]++);
            free(letter);
        }
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    mailbox_free(box);
    sem_destroy(&woken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_box_gives_nothing),
        cmocka_unit_test(everything_posted_is_taken_in_order),
        cmocka_unit_test(a_drained_box_can_be_used_again),
        cmocka_unit_test(only_posting_to_an_empty_box_wakes),
        cmocka_unit_test(a_bag_is_posted_as_one),
        cmocka_unit_test(a_hushed_box_wakes_nobody_and_says_so_when_it_has_mail),
        cmocka_unit_test(wake_runs_outside_the_lock),
        cmocka_unit_test(what_is_not_taken_yet_is_counted),
        cmocka_unit_test(no_letter_and_no_wake_up_is_lost_between_threads),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
