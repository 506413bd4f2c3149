/* SPDX-License-Identifier: Apache-2.0 */
#include "core/muster.h"
#include "base/mem.h"

#include <string.h>

struct muster {
    struct map_entry entry; /* in session->musters */
    struct session *session;
    struct request *request; /* NULL only while it is being answered */
    struct list seekers;     /* who gets its answer */
    struct list late;        /* who asked when it was sent already, or could wait no longer */
    int64_t asked_at;
    bool telling;
    char parent[];
};

static int ask(struct muster *muster);

/* ---- an answer for all ---- */

static void free_if_idle(struct muster *muster)
{
    if (muster->telling || muster->request != NULL || !list_empty(&muster->seekers) ||
        !list_empty(&muster->late))
        return;
    map_remove(&muster->session->musters, &muster->entry);
    mem_free(muster);
}

static void tell(struct list *seekers, enum answer answer, const struct roster *roster)
{
    struct list *link;

    while ((link = list_pop(seekers)) != NULL) {
        struct seeker *seeker = container_of(link, struct seeker, link);
        seeker->found(seeker, answer, roster);
    }
}

static void listed(void *owner, struct request *request, const struct reply *reply)
{
    struct muster *muster = owner;
    enum answer answer = reply->answer;
    struct roster roster = {0};
    struct list seekers, failed;

    (void)request;
    list_init(&seekers);
    list_init(&failed);
    list_move(&seekers, &muster->seekers);
    list_move(&muster->seekers, &muster->late);
    muster->request = NULL;
    muster->telling = true; /* whom we tell may cancel for others */
    if (!list_empty(&muster->seekers) && ask(muster) != 0)
        list_move(&failed, &muster->seekers);
    if (answer == ANSWER_OK && roster_build(&roster, reply->names, reply->count) != 0)
        answer = ANSWER_NO_MEMORY;
    tell(&seekers, answer, &roster);
    tell(&failed, ANSWER_NO_MEMORY, &roster);
    roster_clear(&roster);
    muster->telling = false;
    free_if_idle(muster);
}

/* ---- asking ---- */

static int ask(struct muster *muster)
{
    muster->asked_at = muster->session->core->now;
    muster->request = session_ask(muster->session, VERB_CHILDREN, muster->parent, listed, muster);
    return muster->request == NULL ? -1 : 0;
}

static struct muster *muster_of(struct session *session, const char *parent)
{
    struct map_entry *entry = map_find(&session->musters, parent);
    size_t size = strlen(parent) + 1;
    struct muster *muster;

    if (entry != NULL)
        return container_of(entry, struct muster, entry);
    muster = mem_zalloc(sizeof *muster + size);
    if (muster == NULL)
        return NULL;
    memcpy(muster->parent, parent, size);
    muster->session = session;
    list_init(&muster->seekers);
    list_init(&muster->late);
    map_insert(&session->musters, &muster->entry, muster->parent);
    return muster;
}

/* Where a long queue waits for a slow server, who joins it again and again must not keep the others
 * from ever being answered. */
static bool can_wait(const struct muster *muster)
{
    const struct session *session = muster->session;

    return !muster->request->in_flight &&
           session->core->now - muster->asked_at <= session->lease.timeout / 32;
}

/* What was not sent yet goes behind all that was submitted since. */
static void postpone(struct muster *muster)
{
    list_remove(&muster->request->link);
    list_append(&muster->session->queue, &muster->request->link);
}

int muster_ask(struct session *session, const char *parent, struct seeker *seeker)
{
    struct muster *muster;

    if (seeker_waits(seeker))
        return 0;
    muster = muster_of(session, parent);
    if (muster == NULL)
        return -1;
    seeker->muster = muster;
    if (muster->request != NULL && !can_wait(muster)) {
        list_append(&muster->late, &seeker->link);
        return 0;
    }
    if (muster->request != NULL) {
        postpone(muster);
    } else if (ask(muster) != 0) {
        free_if_idle(muster);
        return -1;
    }
    list_append(&muster->seekers, &seeker->link);
    return 0;
}

/* Nobody waits for what was not sent yet but those who were late. */
static void begin_again(struct muster *muster)
{
    list_move(&muster->seekers, &muster->late);
    if (list_empty(&muster->seekers)) {
        session_cancel(&muster->request);
    } else {
        muster->asked_at = muster->session->core->now;
        postpone(muster);
    }
}

void muster_cancel(struct seeker *seeker)
{
    struct muster *muster = seeker->muster;

    if (!seeker_waits(seeker))
        return;
    list_remove(&seeker->link);
    if (list_empty(&muster->seekers) && muster->request != NULL && !muster->request->in_flight)
        begin_again(muster);
    free_if_idle(muster);
}

void muster_pass(struct seeker *seeker, struct seeker *other)
{
    other->muster = seeker->muster;
    list_append(&seeker->link, &other->link);
    list_remove(&seeker->link);
}

void seeker_init(struct seeker *seeker, seeker_fn found)
{
    list_init(&seeker->link);
    seeker->muster = NULL;
    seeker->found = found;
}

bool seeker_waits(const struct seeker *seeker)
{
    return !list_empty(&seeker->link);
}
