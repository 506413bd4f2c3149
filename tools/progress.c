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

/* The session tells us from others: in another container somebody may have our host name and our
 * number. */
static size_t place_of(const zkc_contenders *all, int64_t session)
{
    size_t count = zkc_contenders_count(all);

    for (size_t i = 0; i < count; i++)
        if (zkc_contenders_at(all, i)->session == session)
            return i;
    return count;
}

/* A reader that waits though readers hold waits for the writer between them. */
static void explain(const struct progress *progress, const zkc_contenders *all,
                    const zkc_contender *we, char *text, size_t size)
{
    const zkc_contender *first = zkc_contenders_at(all, 0);
    size_t holders = claim_holders(all);
    char hold[400], since[32], next[320];

    format_hold(all, progress->claim.kind, hold, sizeof hold);
    format_time(first->since_ms, since, sizeof since);
    if (we != NULL && we->shared && first->shared && progress->claim.kind == CLAIM_LOCK) {
        format_holder(zkc_contenders_at(all, holders), next, sizeof next);
        snprintf(text, size, "%s, then %s alone", hold, next);
    } else {
        snprintf(text, size, "%s%s, in line since %s", hold, holders > 1 ? ", the first" : "",
                 since);
    }
}

static void describe(const struct progress *progress, const zkc_contenders *all, char *text,
                     size_t size)
{
    size_t place = place_of(all, zkc_sync_session(progress->sync));
    const zkc_contender *we = zkc_contenders_at(all, place);
    char why[800];

    if (zkc_contenders_count(all) == 0 || (we != NULL && we->holds)) {
        snprintf(text, size, "%s '%s': it is our turn", claim_noun(progress->claim.kind),
                 progress->id);
        return;
    }
    explain(progress, all, we, why, sizeof why);
    snprintf(text, size, "%s '%s': waiting, %zu ahead; %s", claim_noun(progress->claim.kind),
             progress->id, place, why);
}

/* In the background the terminal is somebody else's. */
static bool watched(void)
{
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static void look(struct progress *progress)
{
    zkc_contenders *all = NULL;
    char text[1024], why[200];
    int error;

    if (!watched())
        return;

    zkc_context_set_timeout_ms(progress->context, ANSWER_MS);
    error = claim_list(&progress->claim, progress->context, &all);
    if (error == ZKC_ECANCELED)
        return;
    if (error == ZKC_OK)
        describe(progress, all, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s '%s': waiting; %s", claim_noun(progress->claim.kind),
                 progress->id,
                 error == ZKC_ETIMEDOUT ? "ZooKeeper does not answer"
                                        : client_words(progress->sync, error, why, sizeof why));
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
    claim_close(&progress->claim);
    if (progress->ended >= 0)
        close(progress->ended);
}

void progress_start(struct progress *progress, zkc_sync *sync, enum claim_kind kind, const char *id)
{
    *progress = (struct progress){.sync = sync, .id = id, .ended = -1};
    if (!isatty(STDERR_FILENO))
        return;
    if (claim_open(&progress->claim, sync, kind, id, NULL) != ZKC_OK)
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
