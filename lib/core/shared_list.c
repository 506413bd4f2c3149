/* SPDX-License-Identifier: Apache-2.0 */
#include "core/shared_list.h"
#include "base/mem.h"

#include <string.h>

struct shared_list {
    struct map_entry entry; /* in session->shared_lists */
    struct session *session;
    struct request *request;  /* NULL only while it is being answered */
    struct list list_waiters; /* who gets its answer */
    struct list late;         /* who asked when it was sent already, or could wait no longer */
    int64_t asked_at;
    bool telling;
    char parent[];
};

static int ask(struct shared_list *shared_list);

/* ---- an answer for all ---- */

static void free_if_idle(struct shared_list *shared_list)
{
    if (shared_list->telling || shared_list->request != NULL ||
        !list_empty(&shared_list->list_waiters) || !list_empty(&shared_list->late))
        return;
    map_remove(&shared_list->session->shared_lists, &shared_list->entry);
    mem_free(shared_list);
}

static void tell(struct list *list_waiters, enum answer answer, const struct roster *roster)
{
    struct list *link;

    while ((link = list_pop(list_waiters)) != NULL) {
        struct list_waiter *list_waiter = container_of(link, struct list_waiter, link);
        list_waiter->found(list_waiter, answer, roster);
    }
}

static void listed(void *owner, struct request *request, const struct reply *reply)
{
    struct shared_list *shared_list = owner;
    enum answer answer = reply->answer;
    struct roster roster = {0};
    struct list list_waiters, failed;

    (void)request;
    list_init(&list_waiters);
    list_init(&failed);
    list_move(&list_waiters, &shared_list->list_waiters);
    list_move(&shared_list->list_waiters, &shared_list->late);
    shared_list->request = NULL;
    shared_list->telling = true; /* whom we tell may cancel for others */
    if (!list_empty(&shared_list->list_waiters) && ask(shared_list) != 0)
        list_move(&failed, &shared_list->list_waiters);
    if (answer == ANSWER_OK && roster_build(&roster, reply->names, reply->count) != 0)
        answer = ANSWER_NO_MEMORY;
    tell(&list_waiters, answer, &roster);
    tell(&failed, ANSWER_NO_MEMORY, &roster);
    roster_clear(&roster);
    shared_list->telling = false;
    free_if_idle(shared_list);
}

/* ---- asking ---- */

static int ask(struct shared_list *shared_list)
{
    shared_list->asked_at = shared_list->session->core->now;
    shared_list->request =
        session_ask(shared_list->session, VERB_CHILDREN, shared_list->parent, listed, shared_list);
    return shared_list->request == NULL ? -1 : 0;
}

static struct shared_list *shared_list_of(struct session *session, const char *parent)
{
    struct map_entry *entry = map_find(&session->shared_lists, parent);
    size_t size = strlen(parent) + 1;
    struct shared_list *shared_list;

    if (entry != NULL)
        return container_of(entry, struct shared_list, entry);
    shared_list = mem_zalloc(sizeof *shared_list + size);
    if (shared_list == NULL)
        return NULL;
    memcpy(shared_list->parent, parent, size);
    shared_list->session = session;
    list_init(&shared_list->list_waiters);
    list_init(&shared_list->late);
    map_insert(&session->shared_lists, &shared_list->entry, shared_list->parent);
    return shared_list;
}

/* Where a long queue waits for a slow server, who joins it again and again must not keep the others
 * from ever being answered. */
static bool can_wait(const struct shared_list *shared_list)
{
    const struct session *session = shared_list->session;

    return !shared_list->request->in_flight &&
           session->core->now - shared_list->asked_at <= session->lease.timeout / 32;
}

/* A listing that was not sent yet goes behind all that was submitted since. */
static void postpone(struct shared_list *shared_list)
{
    list_remove(&shared_list->request->link);
    list_append(&shared_list->session->queue.waiting, &shared_list->request->link);
}

int shared_list_ask(struct session *session, const char *parent, struct list_waiter *list_waiter)
{
    struct shared_list *shared_list;

    if (list_waiter_waits(list_waiter))
        return 0;
    shared_list = shared_list_of(session, parent);
    if (shared_list == NULL)
        return -1;
    list_waiter->shared_list = shared_list;
    if (shared_list->request != NULL && !can_wait(shared_list)) {
        list_append(&shared_list->late, &list_waiter->link);
        return 0;
    }
    if (shared_list->request != NULL) {
        postpone(shared_list);
    } else if (ask(shared_list) != 0) {
        free_if_idle(shared_list);
        return -1;
    }
    list_append(&shared_list->list_waiters, &list_waiter->link);
    return 0;
}

/* Nobody waits for what was not sent yet but those who were late. */
static void begin_again(struct shared_list *shared_list)
{
    list_move(&shared_list->list_waiters, &shared_list->late);
    if (list_empty(&shared_list->list_waiters)) {
        session_cancel(&shared_list->request);
    } else {
        shared_list->asked_at = shared_list->session->core->now;
        postpone(shared_list);
    }
}

void shared_list_cancel(struct list_waiter *list_waiter)
{
    struct shared_list *shared_list = list_waiter->shared_list;

    if (!list_waiter_waits(list_waiter))
        return;
    list_remove(&list_waiter->link);
    if (list_empty(&shared_list->list_waiters) && shared_list->request != NULL &&
        !shared_list->request->in_flight)
        begin_again(shared_list);
    free_if_idle(shared_list);
}

void shared_list_pass(struct list_waiter *list_waiter, struct list_waiter *other)
{
    other->shared_list = list_waiter->shared_list;
    list_append(&list_waiter->link, &other->link);
    list_remove(&list_waiter->link);
}

void list_waiter_init(struct list_waiter *list_waiter, list_waiter_fn found)
{
    list_init(&list_waiter->link);
    list_waiter->shared_list = NULL;
    list_waiter->found = found;
}

bool list_waiter_waits(const struct list_waiter *list_waiter)
{
    return !list_empty(&list_waiter->link);
}
