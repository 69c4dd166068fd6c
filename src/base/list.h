/* list: a doubly linked ring, intrusive.  The head is a link of its own; an element carries a
 * struct link.  Owns nothing. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *prev;
};

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct link *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct link *head)
{
    return head->next == head;
}

/* An element that is in no list points to itself: list_init it before its first push. */
static inline bool list_is_linked(const struct link *l)
{
    return l->next != l;
}

static inline void list_push_back(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static inline void list_push_front(struct link *head, struct link *l)
{
    list_push_back(head->next, l);
}

static inline void list_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* NULL when empty. */
static inline struct link *list_pop_front(struct link *head)
{
    struct link *l = head->next;
    if (l == head)
        return NULL;
    list_remove(l);
    return l;
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses): `l` is the name of the variable. */
#define list_each(l, head) for (struct link *l = (head)->next; l != (head); l = l->next)

#endif
