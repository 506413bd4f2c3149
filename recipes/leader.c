/*
 * Leader election: the first in the queue leads until it resigns or is revoked. Promises what a
 * lock promises; whoever leads always watches its own znode, so that an operator can depose it.
 * Source: "Leader Election" in ZooKeeper's Recipes and Solutions; a candidate watches two
 * places ahead.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

/* An election that was asked for and, once won, the leadership. */
struct zkc_elected {
    struct member member;
    struct contest contest;
    zkc_leader *leader; /* NULL once that is closed */
    zkc_elected_fn done;
    void *arg;
};

struct zkc_leader {
    zkc_sync *sync;
    struct pooled *pooled;
    struct place *place;
    bool closed;
    zkc_elected *current; /* the newest election, NULL if none */
};

/* ---- candidates ---- */

static int check_options(const char *id, const zkc_leader_options *options)
{
    if (options->ttl_ms < 0 || options->ttl_ms > ZKC_SESSION_TIMEOUT_MAX_MS)
        return ZKC_EINVAL;
    return place_check(id, options->path, options->data, options->data_length, options->dialect);
}

static int open_entered(zkc_sync *sync, const char *id, const zkc_leader_options *options,
                        zkc_leader **ret_leader)
{
    zkc_leader *leader = mem_zalloc(sizeof *leader);
    struct place *place = place_make(sync, "leader", id, options->path, options->data,
                                     options->data_length, (zkc_dialect)options->dialect);
    struct pooled *pooled = place == NULL ? NULL : host_session_get(sync, options->ttl_ms);

    if (leader == NULL || pooled == NULL) {
        if (pooled != NULL)
            host_session_put(sync, pooled);
        place_unref(place);
        mem_free(leader);
        return ZKC_ENOMEM;
    }
    leader->sync = sync;
    leader->pooled = pooled;
    leader->place = place;
    host_ref(sync);
    *ret_leader = leader;
    return ZKC_OK;
}

int zkc_leader_open(zkc_sync *sync, const char *id, const zkc_leader_options *options,
                    zkc_leader **ret_leader)
{
    zkc_leader_options known;
    int error;

    ZKC_INIT(&known);
    if (sync == NULL || ret_leader == NULL)
        return ZKC_EINVAL;
    if (options != NULL &&
        !options_copy(&known, sizeof known, OPTIONS_END(zkc_leader_options, dialect), options))
        return ZKC_EINVAL;
    error = check_options(id, &known);
    if (error == ZKC_OK)
        error = host_begin(sync);
    if (error != ZKC_OK)
        return error;
    error = open_entered(sync, id, &known, ret_leader);
    host_leave(sync);
    return error;
}

const char *zkc_leader_id(const zkc_leader *leader)
{
    return leader == NULL ? NULL : place_id(leader->place);
}

/* ---- elections ---- */

static void closing(struct member *member)
{
    contest_end(&container_of(member, struct zkc_elected, member)->contest, ZKC_ECLOSED);
}

/* Under the mutex. Whoever calls this has a reference to the sync of its own. */
static void elected_free(zkc_elected *elected)
{
    zkc_sync *sync = contest_sync(&elected->contest);

    if (elected->leader != NULL && elected->leader->current == elected)
        elected->leader->current = NULL;
    list_remove(&elected->member.link);
    contest_destroy(&elected->contest);
    mem_free(elected);
    host_unref(sync);
}

static zkc_elected *elected_new(zkc_leader *leader)
{
    zkc_sync *sync = leader->sync;
    zkc_elected *elected = mem_zalloc(sizeof *elected);

    if (elected == NULL)
        return NULL;
    leader->pooled->users++;
    contest_init(&elected->contest, sync, leader->pooled, place_ref(leader->place));
    elected->leader = leader;
    elected->member.closing = closing;
    list_init(&elected->member.link);
    list_append(&sync->members, &elected->member.link);
    host_ref(sync);
    return elected;
}

/* One election at a time; a leadership that is over no longer counts. */
static bool standing(const zkc_leader *leader)
{
    const zkc_elected *current = leader->current;

    return current != NULL &&
           (current->contest.operation != NULL || hold_is_valid(&current->contest.hold));
}

static void done_standing(void *arg, int result)
{
    zkc_elected *elected = arg;

    elected->done(elected->arg, result, result == ZKC_OK ? elected : NULL);
    if (result != ZKC_OK)
        zkc_elected_close(elected); /* not before: who closes the leader waits for its callback */
}

/* Without an operation the call is an asynchronous one. */
static int stand(zkc_leader *leader, int64_t deadline, struct operation *operation,
                 zkc_elected **ret_elected)
{
    zkc_elected *elected, *old;
    int error;

    if (leader->closed)
        return ZKC_ECLOSED;
    if (standing(leader))
        return ZKC_EALREADY;
    elected = elected_new(leader);
    if (elected == NULL)
        return ZKC_ENOMEM;
    error = operation != NULL
                ? contest_acquire(&elected->contest, false, deadline, operation)
                : contest_acquire_async(&elected->contest, false, deadline, done_standing, elected);
    if (error != ZKC_OK) {
        elected_free(elected);
        return error;
    }
    contest_watch_own(&elected->contest);
    old = leader->current;
    if (old != NULL)
        old->leader = NULL;
    leader->current = elected;
    *ret_elected = elected;
    return ZKC_OK;
}

int zkc_leader_elect(zkc_leader *leader, zkc_context *context, zkc_elected **ret_elected)
{
    zkc_elected *elected;
    struct operation operation;
    struct wait wait;
    zkc_sync *sync;
    int error;

    if (leader == NULL || ret_elected == NULL)
        return ZKC_EINVAL;
    sync = leader->sync;
    error = host_begin_blocking(sync);
    if (error != ZKC_OK)
        return error;
    wait_init(&wait, context);
    operation_init(&operation, sync, &wait);
    error = zkc_context_error(context);
    if (error == ZKC_OK)
        error = stand(leader, context_deadline(context), &operation, &elected);
    host_leave(sync);
    if (error != ZKC_OK)
        return error;
    error = operation_wait(&operation);
    if (error == ZKC_OK) {
        *ret_elected = elected;
        return ZKC_OK;
    }
    zkc_elected_close(elected);
    return error;
}

int zkc_leader_elect_async(zkc_leader *leader, int64_t wait_ms, zkc_elected_fn done, void *arg)
{
    zkc_elected *elected;
    int64_t deadline;
    int error;

    if (leader == NULL || done == NULL)
        return ZKC_EINVAL;
    error = host_begin(leader->sync);
    if (error != ZKC_OK)
        return error;
    deadline = wait_ms <= 0 ? NEVER : deadline_after(leader->sync, wait_ms);
    error = stand(leader, deadline, NULL, &elected);
    if (error == ZKC_OK) {
        elected->done = done;
        elected->arg = arg;
    }
    host_leave(leader->sync);
    return error;
}

int zkc_leader_cancel(zkc_leader *leader)
{
    zkc_elected *current;
    int error = leader == NULL ? ZKC_EINVAL : host_begin(leader->sync);

    if (error != ZKC_OK)
        return error;
    current = leader->current;
    error = current == NULL ? ZKC_ENOTHELD : contest_cancel(&current->contest, ZKC_ECANCELED);
    host_leave(leader->sync);
    return error;
}

/* An election in progress is the library's until it is handed over: it completes first. */
void zkc_leader_close(zkc_leader *leader)
{
    zkc_elected *current;
    zkc_sync *sync;

    if (leader == NULL || host_is_child(leader->sync))
        return;
    sync = leader->sync;
    host_enter(sync);
    leader->closed = true; /* the last callback may try to stand again */
    current = leader->current;
    if (current != NULL) {
        contest_cancel(&current->contest, ZKC_ECLOSED);
        contest_flush(&current->contest);
    }
    current = leader->current;
    if (current != NULL)
        current->leader = NULL;
    place_unref(leader->place);
    host_session_put(sync, leader->pooled);
    host_leave(sync);
    mem_free(leader);
    host_unref(sync);
}

zkc_leader_state zkc_leader_status(const zkc_leader *leader)
{
    zkc_leader_state state = ZKC_FOLLOWER;
    const zkc_elected *current;

    if (leader == NULL || host_begin(leader->sync) != ZKC_OK)
        return ZKC_FOLLOWER;
    current = leader->current;
    if (current != NULL && hold_is_valid(&current->contest.hold))
        state = ZKC_ELECTED;
    else if (current != NULL && contest_acquiring(&current->contest))
        state = ZKC_CANDIDATE;
    host_leave(leader->sync);
    return state;
}

/* ---- who leads ---- */

int zkc_leader_contenders(zkc_leader *leader, zkc_context *context, zkc_contenders **ret_contenders)
{
    if (leader == NULL || ret_contenders == NULL)
        return ZKC_EINVAL;
    return listing_read(leader->sync, &leader->pooled->session, leader->place, false, context,
                        ret_contenders);
}

int zkc_leader_current(zkc_leader *leader, zkc_context *context, zkc_contenders **ret_leader)
{
    zkc_contenders *found;
    int error;

    if (leader == NULL || ret_leader == NULL)
        return ZKC_EINVAL;
    error =
        listing_read(leader->sync, &leader->pooled->session, leader->place, true, context, &found);
    if (error != ZKC_OK)
        return error;
    if (zkc_contenders_count(found) == 0) {
        zkc_contenders_free(found);
        return ZKC_ENOLEADER;
    }
    *ret_leader = found;
    return ZKC_OK;
}

int zkc_leader_observe(zkc_leader *leader, zkc_observe_fn changed, void *arg,
                       zkc_observer **ret_observer)
{
    if (leader == NULL || changed == NULL || ret_observer == NULL)
        return ZKC_EINVAL;
    return observer_open(leader->sync, leader->pooled, leader->place, changed, arg, ret_observer);
}

/* ---- while leading ---- */

bool zkc_elected_is_valid(const zkc_elected *elected)
{
    return elected != NULL && hold_is_valid(&elected->contest.hold);
}

int64_t zkc_elected_remaining_ms(const zkc_elected *elected)
{
    return elected == NULL ? 0 : hold_remaining_ms(&elected->contest.hold);
}

int64_t zkc_elected_token(const zkc_elected *elected)
{
    return elected == NULL ? 0 : hold_token(&elected->contest.hold);
}

int zkc_elected_revoked_fd(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_revoked_fd(&elected->contest);
}

int zkc_elected_on_revoked(zkc_elected *elected, zkc_revoked_fn revoked, void *arg)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_on_revoked(&elected->contest, revoked, arg);
}

int zkc_elected_asked_fd(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_asked_fd(&elected->contest);
}

int zkc_elected_on_asked(zkc_elected *elected, zkc_asked_fn asked, void *arg)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_on_asked(&elected->contest, asked, arg);
}

int zkc_elected_wait_revoked(zkc_elected *elected, zkc_context *context)
{
    return elected == NULL ? ZKC_EINVAL : hold_wait_revoked(&elected->contest.hold, context);
}

int zkc_elected_revoked_reason(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_reason(&elected->contest);
}

int zkc_elected_check_op(zkc_elected *elected, struct zoo_op *ret_op)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_check_op(&elected->contest, ret_op);
}

/* ---- resigning ---- */

int zkc_elected_resign(zkc_elected *elected, zkc_context *context)
{
    return elected == NULL ? ZKC_EINVAL : contest_call_release(&elected->contest, context);
}

int zkc_elected_resign_async(zkc_elected *elected, zkc_done_fn done, void *arg)
{
    if (elected == NULL || done == NULL)
        return ZKC_EINVAL;
    return contest_call_release_async(&elected->contest, done, arg);
}

void zkc_elected_close(zkc_elected *elected)
{
    zkc_sync *sync;

    if (elected == NULL || host_is_child(contest_sync(&elected->contest)))
        return;
    sync = contest_sync(&elected->contest);
    host_ref(sync);
    host_enter(sync);
    contest_end(&elected->contest, ZKC_ECLOSED);
    contest_flush(&elected->contest);
    elected_free(elected);
    host_leave(sync);
    host_unref(sync);
}
