/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"
#include "client.h"
#include "clock.h"
#include "format.h"
#include "say.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_MS 1000
#define ANSWER_MS 900 /* with no connection, the next look follows at once */

static size_t place_of(const zkc_contenders *all, const char *id)
{
    size_t count = zkc_contenders_count(all);

    for (size_t i = 0; i < count; i++) {
        const zkc_node *node = zkc_contenders_at(all, i)->node;

        if (node != NULL && strcmp(node->id, id) == 0)
            return i;
    }
    return count;
}

static void describe(const struct progress *progress, const zkc_contenders *all, char *text,
                     size_t size)
{
    const zkc_contender *first = zkc_contenders_at(all, 0);
    bool lock = progress->contest.kind == CONTEST_LOCK;
    char id[320], name[320], since[32];
    size_t place;

    client_id(id, sizeof id);
    place = place_of(all, id);
    if (first == NULL || place == 0) {
        snprintf(text, size, "%s '%s': it is our turn", contest_noun(progress->contest.kind),
                 progress->id);
        return;
    }
    format_holder(first, name, sizeof name);
    format_time(first->since_ms, since, sizeof since);
    snprintf(text, size, "%s '%s': waiting, %zu ahead; %s %s, in line since %s",
             contest_noun(progress->contest.kind), progress->id, place, lock ? "held by" : "led by",
             name, since);
}

/* In the background the terminal is somebody else's. */
static bool watched(void)
{
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static void look(struct progress *progress)
{
    zkc_contenders *all = NULL;
    char text[1024];
    int error;

    if (!watched())
        return;

    zkc_context_set_timeout_ms(progress->context, ANSWER_MS);
    error = contest_list(&progress->contest, progress->context, &all);
    if (error == ZKC_ECANCELED)
        return;
    if (error == ZKC_OK)
        describe(progress, all, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s '%s': waiting; %s", contest_noun(progress->contest.kind),
                 progress->id,
                 error == ZKC_ETIMEDOUT ? "ZooKeeper does not answer" : zkc_strerror(error));
    zkc_contenders_free(all);
    say_in_place(text);
    progress->shown = true;
}

static void *keep_looking(void *arg)
{
    struct progress *progress = arg;
    struct pollfd ended = {.fd = progress->ended, .events = POLLIN};

    while (poll(&ended, 1, LOOK_MS) == 0)
        look(progress);
    return NULL;
}

static void release(struct progress *progress)
{
    zkc_context_free(progress->context);
    contest_close(&progress->contest);
    if (progress->ended >= 0)
        close(progress->ended);
}

void progress_start(struct progress *progress, zkc_sync *sync, enum contest_kind kind,
                    const char *id)
{
    *progress = (struct progress){.id = id, .ended = -1};
    if (!isatty(STDERR_FILENO))
        return;
    if (contest_open(&progress->contest, sync, kind, id, ZKC_DIALECT_LOCK) != ZKC_OK)
        return;
    progress->ended = eventfd(0, EFD_CLOEXEC);
    progress->running = progress->ended >= 0 &&
                        zkc_context_new(NULL, &progress->context) == ZKC_OK &&
                        pthread_create(&progress->thread, NULL, keep_looking, progress) == 0;
    if (!progress->running)
        release(progress);
}

void progress_stop(struct progress *progress)
{
    if (!progress->running)
        return;
    progress->running = false;
    eventfd_write(progress->ended, 1);
    zkc_context_cancel(progress->context);
    pthread_join(progress->thread, NULL);
    release(progress);
    if (progress->shown && watched())
        say_in_place("");
}
