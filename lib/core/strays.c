/* SPDX-License-Identifier: Apache-2.0 */
#include "core/strays.h"
#include "base/mem.h"
#include "core/answer.h"

#include <string.h>

struct stray {
    struct map_entry entry; /* its directory's */
    struct list link;       /* among all, by age */
    struct strays *strays;
    struct place *place;
    struct request *look;
    struct list removals;
    int64_t pause;   /* until the next look; each is twice as long as the one before */
    int64_t look_at; /* when that is */
    uint8_t random[16];
};

/* A node with the uuid of a stray. Somebody may have copied our name: it must be our session's. */
struct removal {
    struct list link; /* of its stray */
    struct stray *stray;
    struct request *request;
    char path[];
};

/* ---- removing ---- */

static void removal_free(struct removal *removal)
{
    session_cancel(&removal->request);
    list_remove(&removal->link);
    mem_free(removal);
}

static void stray_free(struct stray *stray)
{
    struct list *link;

    while ((link = list_pop(&stray->removals)) != NULL)
        removal_free(container_of(link, struct removal, link));
    session_cancel(&stray->look);
    map_remove(&stray->strays->by_directory, &stray->entry);
    list_remove(&stray->link);
    stray->strays->count--;
    place_unref(stray->place);
    mem_free(stray);
}

/* Without memory the next listing shows it again. */
static void ask(struct removal *removal, enum verb verb, answer_fn answered)
{
    struct queue *queue = removal->stray->strays->queue;

    removal->request = queue_ask(queue, verb, removal->path, answered, removal);
    if (removal->request == NULL)
        removal_free(removal);
}

/* One create makes one node: with that the stray is gone for good. */
static void deleted(void *owner, struct request *request, const struct reply *reply)
{
    struct removal *removal = owner;

    (void)request;
    removal->request = NULL;
    if (reply->answer == ANSWER_OK || reply->answer == ANSWER_NO_NODE)
        stray_free(removal->stray);
    else if (answer_try_again(reply->answer))
        ask(removal, VERB_DELETE, deleted);
    else
        removal_free(removal); /* forbidden, say: the next listing tries again */
}

static void looked_at(void *owner, struct request *request, const struct reply *reply)
{
    struct removal *removal = owner;
    const struct strays *strays = removal->stray->strays;

    (void)request;
    removal->request = NULL;
    if (answer_try_again(reply->answer)) {
        ask(removal, VERB_EXISTS, looked_at);
    } else if (reply->answer == ANSWER_OK && reply->stat->owner == strays->id) {
        core_log(strays->queue->core, LOG_WARNING,
                 "the servers have created our znode %s after all, deleting it", removal->path);
        ask(removal, VERB_DELETE, deleted);
    } else {
        removal_free(removal);
    }
}

static void begin_removal(struct stray *stray, const char *name)
{
    const char *parent = stray->place->parent;
    size_t length = strcmp(parent, "/") == 0 ? 0 : strlen(parent);
    struct removal *removal = mem_zalloc(sizeof *removal + length + 1 + strlen(name) + 1);

    if (removal == NULL)
        return;
    memcpy(removal->path, parent, length);
    removal->path[length] = '/';
    memcpy(removal->path + length + 1, name, strlen(name) + 1);
    removal->stray = stray;
    list_init(&removal->link);
    list_append(&stray->removals, &removal->link);
    ask(removal, VERB_EXISTS, looked_at);
}

/* ---- listings ---- */

/* Those that are being removed may be in this listing still. */
static void search(struct stray *stray, const struct reply *reply)
{
    char prefix[NAME_PREFIX_MAX];
    size_t length = name_format(prefix, stray->place->dialect, stray->place->mode, stray->random);

    if (!list_empty(&stray->removals))
        return;
    for (size_t i = 0; i < reply->count; i++)
        if (strncmp(reply->names[i], prefix, length) == 0)
            begin_removal(stray, reply->names[i]);
}

void strays_listed(struct strays *strays, const char *parent, const struct reply *reply)
{
    struct map_entry *entry;

    if (strays->count == 0 || reply->answer != ANSWER_OK)
        return;
    for (entry = map_find(&strays->by_directory, parent); entry != NULL;
         entry = map_find_next(&strays->by_directory, entry))
        search(container_of(entry, struct stray, entry), reply);
}

static void set_timer(struct strays *strays)
{
    int64_t next = NEVER;

    for (struct list *link = strays->by_age.next; link != &strays->by_age; link = link->next) {
        const struct stray *stray = container_of(link, struct stray, link);
        if (stray->look_at < next)
            next = stray->look_at;
    }
    timer_set(strays->queue->core, &strays->timer, next);
}

/* What a look shows has been told to strays_listed(). Without memory the next one comes. */
static void looked(void *owner, struct request *request, const struct reply *reply);

static void look(struct stray *stray)
{
    if (stray->look == NULL)
        stray->look =
            queue_ask(stray->strays->queue, VERB_CHILDREN, stray->place->parent, looked, stray);
}

static void looked(void *owner, struct request *request, const struct reply *reply)
{
    struct stray *stray = owner;

    (void)request;
    stray->look = NULL;
    if (answer_try_again(reply->answer))
        look(stray);
}

/* A node that comes late is in the way for no longer than it took to come, or a look takes. */
static void look_due(struct timer *timer)
{
    struct strays *strays = container_of(timer, struct strays, timer);
    int64_t now = strays->queue->core->now;

    for (struct list *link = strays->by_age.next; link != &strays->by_age; link = link->next) {
        struct stray *stray = container_of(link, struct stray, link);
        if (stray->look_at > now)
            continue;
        stray->pause *= 2;
        stray->look_at = now + stray->pause;
        look(stray);
    }
    set_timer(strays);
}

/* ---- remembering ---- */

void strays_init(struct strays *strays, struct queue *queue)
{
    map_init(&strays->by_directory);
    list_init(&strays->by_age);
    strays->count = 0;
    strays->queue = queue;
    strays->id = strays->timeout = 0;
    timer_init(&strays->timer, look_due);
}

void strays_connected(struct strays *strays, int64_t id, int64_t timeout)
{
    strays->id = id;
    strays->timeout = timeout;
}

void strays_clear(struct strays *strays)
{
    struct list *link;

    while ((link = list_pop(&strays->by_age)) != NULL)
        stray_free(container_of(link, struct stray, link));
    map_clear(&strays->by_directory);
    timer_clear(strays->queue->core, &strays->timer);
    strays->id = strays->timeout = 0;
}

int strays_add(struct strays *strays, struct place *place, const uint8_t random[16])
{
    struct stray *stray = mem_zalloc(sizeof *stray);

    if (stray == NULL)
        return -1;
    if (strays->count == STRAYS_MAX)
        stray_free(container_of(strays->by_age.next, struct stray, link));
    stray->strays = strays;
    stray->place = place_ref(place);
    stray->pause = strays->timeout / 4;
    stray->look_at = strays->queue->core->now + stray->pause;
    memcpy(stray->random, random, sizeof stray->random);
    list_init(&stray->removals);
    list_init(&stray->link);
    list_init(&stray->entry.link);
    list_append(&strays->by_age, &stray->link);
    map_insert(&strays->by_directory, &stray->entry, stray->place->parent);
    strays->count++;
    set_timer(strays);
    return 0;
}
