/* SPDX-License-Identifier: Apache-2.0 */
#include "contender.h"

#include "harness.h"
#include "journal.h"
#include "scene.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HELD_NS 250000 /* between looks: the end of a belief is what matters most */
#define FREE_NS 1000000
#define HOLD_MS 40
#define HASTY_MS 250    /* waits that may be too short */
#define RELEASE_MS 2000 /* at most; deletion goes on in the background */

struct contender {
    zkc_sync *sync;
    struct scene_seat seat;
    struct journal *journal;
    enum lie lie;
    unsigned short dice[3]; /* the working thread's */

    pthread_mutex_t lock; /* guards the next four */
    bool keep, quit;
    bool keeping;         /* the wait is one of keeping */
    zkc_context *waiting; /* what the working thread waits in, or NULL */

    pthread_mutex_t looking; /* guards the next three */
    struct belief newest;
    int64_t not_held;
    bool lying; /* from a release to the next turn, for who overlaps */

    atomic_bool over; /* no more looks */
    pthread_t worker, looker;
};

/* ---- looking ---- */

/* A token that was the same before and after names the grant that was held in between. */
static bool holds(struct contender *c, int64_t *token)
{
    bool held;

    *token = scene_seat_token(&c->seat);
    held = scene_seat_is_held(&c->seat);
    return held && scene_seat_token(&c->seat) == *token;
}

static bool claims(struct contender *c, int64_t *token)
{
    bool held = holds(c, token);

    if (c->lie == LIE_TOKEN)
        *token = INT64_MAX / 2 - *token;
    if (c->lie != LIE_OVERLAP || held)
        return held;
    *token = c->newest.token;
    return c->lying && c->newest.token != 0 && c->newest.over == 0 && !atomic_load(&c->over);
}

static void begin_belief(struct contender *c, int64_t token, int64_t first)
{
    c->newest =
        (struct belief){.token = token, .before = c->not_held, .first = first, .last = c->not_held};
    journal_begin(c->journal, &c->newest);
}

/* The end is known as soon as one look does not find it; a token that comes back begins anew. */
static bool look(struct contender *c)
{
    int64_t before, token;
    bool held;

    pthread_mutex_lock(&c->looking);
    before = now_ns();
    held = claims(c, &token);
    if (held && (token != c->newest.token || c->newest.over != 0))
        begin_belief(c, token, now_ns());
    if (held) {
        c->newest.last = before;
        journal_update(c->journal, &c->newest);
    } else if (c->newest.token != 0 && c->newest.over == 0) {
        c->newest.over = now_ns();
        journal_update(c->journal, &c->newest);
    }
    if (!held)
        c->not_held = before;
    pthread_mutex_unlock(&c->looking);
    return held;
}

static void *look_all_the_time(void *arg)
{
    struct contender *c = arg;

    while (!atomic_load(&c->over)) {
        struct timespec nap = {.tv_nsec = look(c) ? HELD_NS : FREE_NS};
        ppoll(NULL, 0, &nap, NULL);
    }
    look(c);
    return NULL;
}

/* ---- waiting ---- */

static void note(struct contender *c, enum journal_word word, int64_t number)
{
    journal_note(c->journal, word, now_ns(), number);
}

/* Cancelled at once when it is time to quit. Negative: no limit. */
static zkc_context *begin_wait(struct contender *c, int64_t ms, bool keeping)
{
    zkc_context *context = scene_context(ms);

    pthread_mutex_lock(&c->lock);
    c->waiting = context;
    c->keeping = keeping;
    if (c->quit || (keeping && !c->keep))
        zkc_context_cancel(context);
    pthread_mutex_unlock(&c->lock);
    return context;
}

static void end_wait(struct contender *c, zkc_context *context)
{
    pthread_mutex_lock(&c->lock);
    c->waiting = NULL;
    pthread_mutex_unlock(&c->lock);
    zkc_context_free(context);
}

static bool is_told(struct contender *c, const bool *what)
{
    bool told;

    pthread_mutex_lock(&c->lock);
    told = *what;
    pthread_mutex_unlock(&c->lock);
    return told;
}

static int64_t throw_dice(struct contender *c, int64_t bound)
{
    return nrand48(c->dice) % bound;
}

/* ---- taking turns ---- */

/* Only what was asked for may end an acquire. */
static bool is_fair(int result)
{
    return result == ZKC_OK || result == ZKC_ETIMEDOUT || result == ZKC_ECANCELED;
}

static void set_lying(struct contender *c, bool lying)
{
    pthread_mutex_lock(&c->looking);
    c->lying = lying;
    pthread_mutex_unlock(&c->looking);
}

/* Some give up soon, others wait for ever. False: something is wrong. */
static bool take(struct contender *c, bool *taken)
{
    int64_t ms = throw_dice(c, 4) == 0 ? 1 + throw_dice(c, HASTY_MS) : -1;
    zkc_context *context = begin_wait(c, ms, false);
    int result;

    note(c, JOURNAL_ASK, ms);
    result = scene_seat_take(&c->seat, context);
    end_wait(c, context);
    *taken = result == ZKC_OK;
    if (*taken) {
        set_lying(c, false);
        look(c);
    }
    if (!is_fair(result))
        note(c, JOURNAL_ERROR, result);
    return is_fair(result);
}

static int wait_revoked(struct contender *c, zkc_context *context)
{
    return c->seat.kind != SCENE_LEADER ? zkc_lock_wait_revoked(c->seat.lock, context)
                                        : zkc_elected_wait_revoked(c->seat.elected, context);
}

/* Until it is time to let go; true if it was revoked before. */
static bool hold(struct contender *c)
{
    bool keeping = is_told(c, &c->keep);
    zkc_context *context = begin_wait(c, keeping ? -1 : 1 + throw_dice(c, HOLD_MS), keeping);
    int64_t token = scene_seat_token(&c->seat);
    int result;

    if (keeping)
        note(c, JOURNAL_KEPT, token);
    result = wait_revoked(c, context);
    end_wait(c, context);
    if (result != ZKC_OK && result != ZKC_ENOTHELD)
        return false;
    look(c);
    note(c, JOURNAL_REVOKED, scene_seat_reason(&c->seat));
    return true;
}

static bool leave(struct contender *c)
{
    zkc_context *context = scene_context(1 + throw_dice(c, RELEASE_MS));
    int result;

    look(c);
    set_lying(c, true);
    note(c, JOURNAL_RELEASE, scene_seat_token(&c->seat));
    result = scene_seat_leave(&c->seat, context);
    zkc_context_free(context);
    look(c);
    if (!is_fair(result))
        note(c, JOURNAL_ERROR, result);
    return is_fair(result);
}

static void *take_turns(void *arg)
{
    struct contender *c = arg;
    bool ok = c->lie != LIE_STARVED, taken;

    while (ok && !is_told(c, &c->quit)) {
        ok = take(c, &taken);
        if (ok && taken && !hold(c))
            ok = leave(c);
    }
    return NULL;
}

/* ---- commands ---- */

static void obey(struct contender *c, const char *command)
{
    pthread_mutex_lock(&c->lock);
    if (strcmp(command, "keep\n") == 0)
        c->keep = true;
    else if (strcmp(command, "go\n") == 0)
        c->keep = false;
    else
        c->quit = true;
    if (c->waiting && (c->quit || (c->keeping && !c->keep)))
        zkc_context_cancel(c->waiting);
    pthread_mutex_unlock(&c->lock);
}

static void obey_all(struct contender *c)
{
    char command[32];

    while (!c->quit && fgets(command, sizeof(command), stdin))
        obey(c, command);
    obey(c, "quit\n");
}

/* ---- life ---- */

static bool start(struct contender *c, char **argv)
{
    uint64_t seed = strtoull(argv[4], NULL, 0);

    memset(c, 0, sizeof(*c));
    for (int i = 0; i < 3; i++)
        c->dice[i] = (unsigned short)(seed >> (16 * i));
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->looking, NULL);
    c->lie = (enum lie)atoi(argv[6]);
    c->not_held = now_ns();
    c->journal = journal_create(argv[5]);
    c->sync = scene_open_as(&(struct scene){.nodes = argv[0],
                                            .session_ms = atoi(argv[3]),
                                            .connect_ms = -1,
                                            .quiet = !getenv("ZKC_VERBOSE")});
    scene_seat_open(&c->seat, c->sync, (enum scene_kind)atoi(argv[1]), argv[2]);
    return c->journal && pthread_create(&c->looker, NULL, look_all_the_time, c) == 0 &&
           pthread_create(&c->worker, NULL, take_turns, c) == 0;
}

static void end(struct contender *c)
{
    pthread_join(c->worker, NULL);
    atomic_store(&c->over, true);
    pthread_join(c->looker, NULL);
    scene_seat_close(&c->seat);
    zkc_sync_close(c->sync);
    journal_close(c->journal);
}

int contender_main(int argc, char **argv)
{
    static struct contender c;

    if (argc != 7 || !start(&c, argv))
        return 1;
    obey_all(&c);
    end(&c);
    return 0;
}
