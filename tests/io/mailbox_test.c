#include "io/mailbox.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>

#include "base/list.h"
#include "support.h"

struct letter {
    struct mail mail;
    int sender, number;
};

static bool is_readable(const struct mailbox *b)
{
    struct pollfd p = {.fd = mailbox_fd(b), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void mail_is_taken_in_the_order_in_which_it_came(void **state)
{
    (void)state;
    struct mailbox b;
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct mail_list list;
    assert_int_equal(mailbox_init(&b, 10), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mailbox_post(&b, &letters[i].mail), OK);
    mailbox_take(&b, &list);
    assert_int_equal(list.count, 3);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(mail_list_pop(&list), &letters[i].mail);
    assert_null(mail_list_pop(&list));
    mailbox_take(&b, &list);
    assert_int_equal(list.count, 0);
    mailbox_done(&b);
}

static void full_box_gives_the_mail_back(void **state)
{
    (void)state;
    struct mailbox b;
    struct letter letters[4] = {0};
    struct mail_list two = {0};
    struct mail_list list;
    assert_int_equal(mailbox_init(&b, 2), OK);
    assert_int_equal(mailbox_post(&b, &letters[0].mail), OK);
    mail_list_push(&two, &letters[1].mail);
    mail_list_push(&two, &letters[2].mail);
    assert_int_equal(mailbox_post_list(&b, &two), ERR_FULL);
    assert_int_equal(two.count, 2);
    assert_ptr_equal(two.first, &letters[1].mail);
    assert_int_equal(mailbox_post(&b, &letters[3].mail), OK);
    assert_int_equal(mailbox_post(&b, mail_list_pop(&two)), ERR_FULL);
    mailbox_take(&b, &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(mailbox_post_list(&b, &two), OK);
    assert_int_equal(two.count, 0);
    mailbox_done(&b);
}

static void box_is_readable_exactly_while_there_is_mail(void **state)
{
    (void)state;
    struct mailbox b;
    struct letter l = {0};
    struct mail_list list;
    struct mail_list none = {0};
    assert_int_equal(mailbox_init(&b, 2), OK);
    assert_int_equal(mailbox_post_list(&b, &none), OK);
    assert_false(is_readable(&b));
    assert_int_equal(mailbox_post(&b, &l.mail), OK);
    assert_true(is_readable(&b));
    mailbox_take(&b, &list);
    assert_false(is_readable(&b));
    mailbox_done(&b);
}

enum { SENDERS = 4, LETTERS = 5000 };

struct sender {
    struct mailbox *box;
    int number;
};

static void *send_letters(void *arg)
{
    struct sender *s = arg;
    struct letter *letters = calloc(LETTERS, sizeof(*letters));
    for (int i = 0; i < LETTERS; i++) {
        letters[i].sender = s->number;
        letters[i].number = i;
        while (mailbox_post(s->box, &letters[i].mail))
            sched_yield(); /* full */
    }
    return letters;
}

static void many_senders_lose_nothing_and_keep_their_order(void **state)
{
    (void)state;
    struct mailbox b;
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    int next[SENDERS] = {0};
    assert_int_equal(mailbox_init(&b, 64), OK);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){&b, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    for (int left = SENDERS * LETTERS; left > 0;) {
        struct mail_list list;
        struct mail *m;
        mailbox_wait(&b, &list);
        assert_true(list.count <= 64);
        for (; (m = mail_list_pop(&list)); left--) {
            struct letter *l = container_of(m, struct letter, mail);
            assert_int_equal(l->number, next[l->sender]++);
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        void *letters;
        pthread_join(threads[i], &letters);
        free(letters);
    }
    assert_false(is_readable(&b));
    assert_int_equal(mailbox_count(&b), 0);
    mailbox_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_is_taken_in_the_order_in_which_it_came),
        cmocka_unit_test(full_box_gives_the_mail_back),
        cmocka_unit_test(box_is_readable_exactly_while_there_is_mail),
        cmocka_unit_test(many_senders_lose_nothing_and_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
