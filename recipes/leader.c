/*
 * Leader election: a queue as that of a lock, by the rule rule_queue: a candidate waits for the one
 * directly ahead of it. The first leads until it resigns or is revoked. Promises what a lock
 * promises; a leader always watches its own znode, so that an operator can depose it. Source:
 * "Leader Election" in ZooKeeper's Recipes and Solutions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "kit.h"

/* An election that was asked for and, once won, the leadership. */
struct zkc_elected {
    struct member member;
    struct participant participant;
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

static struct wish wish_of(const char *id, const zkc_leader_options *options)
{
    return (struct wish){.rule = &rule_queue,
                         .kind = "leader",
                         .id = id,
                         .path = options->path,
                         .data = options->data,
                         .length = options->data_length,
                         .dialect = options->dialect};
}

static int check_options(const struct wish *wish, const zkc_leader_options *options)
{
    if (options->ttl_ms < 0 || options->ttl_ms > ZKC_SESSION_TIMEOUT_MAX_MS)
        return ZKC_EINVAL;
    return place_check(wish);
}

static int open_entered(zkc_sync *sync, const struct wish *wish, const zkc_leader_options *options,
                        zkc_leader **ret_leader)
{
    zkc_leader *leader = mem_zalloc(sizeof *leader);
    struct place *place = place_make(sync, wish);
    struct pooled *pooled = place == NULL ? NULL : pool_session_get(sync, options->ttl_ms);

    if (leader == NULL || pooled == NULL) {
        if (pooled != NULL)
            pool_session_put(sync, pooled);
        place_unref(place);
        mem_free(leader);
        return ZKC_ENOMEM;
    }
    leader->sync = sync;
    leader->pooled = pooled;
    leader->place = place;
    client_ref(sync);
    *ret_leader = leader;
    return ZKC_OK;
}

int zkc_leader_open(zkc_sync *sync, const char *id, const zkc_leader_options *options,
                    zkc_leader **ret_leader)
{
    zkc_leader_options known;
    struct wish wish;
    int error;

    ZKC_INIT(&known);
    if (sync == NULL || ret_leader == NULL)
        return ZKC_EINVAL;
    if (options != NULL &&
        !options_copy(&known, sizeof known, OPTIONS_END(zkc_leader_options, dialect), options))
        return ZKC_EINVAL;
    wish = wish_of(id, &known);
    error = check_options(&wish, &known);
    if (error == ZKC_OK)
        error = client_begin(sync);
    if (error != ZKC_OK)
        return error;
    error = open_entered(sync, &wish, &known, ret_leader);
    client_leave(sync);
    return error;
}

const char *zkc_leader_id(const zkc_leader *leader)
{
    return leader == NULL ? NULL : place_id(leader->place);
}

/* ---- elections ---- */

static void closing(struct member *member)
{
    participant_end(&container_of(member, struct zkc_elected, member)->participant, ZKC_ECLOSED);
}

/* Under the mutex. Whoever calls this has a reference to the sync of its own. */
static void elected_free(zkc_elected *elected)
{
    zkc_sync *sync = participant_sync(&elected->participant);

    if (elected->leader != NULL && elected->leader->current == elected)
        elected->leader->current = NULL;
    list_remove(&elected->member.link);
    participant_destroy(&elected->participant);
    mem_free(elected);
    client_unref(sync);
}

static zkc_elected *elected_new(zkc_leader *leader)
{
    zkc_sync *sync = leader->sync;
    zkc_elected *elected = mem_zalloc(sizeof *elected);

    if (elected == NULL)
        return NULL;
    leader->pooled->users++;
    participant_init(&elected->participant, sync, leader->pooled, place_ref(leader->place));
    elected->leader = leader;
    elected->member.closing = closing;
    list_init(&elected->member.link);
    list_append(&sync->members, &elected->member.link);
    client_ref(sync);
    return elected;
}

/* One election at a time; a leadership that is over no longer counts. */
static bool standing(const zkc_leader *leader)
{
    const zkc_elected *current = leader->current;

    return current != NULL &&
           (current->participant.operation != NULL || grant_is_valid(&current->participant.grant));
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
                ? participant_acquire(&elected->participant, false, deadline, operation)
                : participant_acquire_async(&elected->participant, false, deadline, done_standing,
                                            elected);
    if (error != ZKC_OK) {
        elected_free(elected);
        return error;
    }
    participant_watch_own(&elected->participant);
    old = leader->current;
    if (old != NULL)
        old->leader = NULL;
    leader->current = elected;
    *ret_elected = elected;
    return ZKC_OK;
}

int zkc_leader_elect(zkc_leader *leader, zkc_context *context, zkc_elected **ret_elected)
{
    zkc_elected *elected = NULL;
    struct operation operation;
    int error;

    if (leader == NULL || ret_elected == NULL)
        return ZKC_EINVAL;
    error = operation_enter(&operation, leader->sync, context);
    if (error != ZKC_OK)
        return error;
    error = zkc_context_error(context);
    if (error == ZKC_OK)
        error = stand(leader, context_deadline(context), &operation, &elected);
    error = operation_leave(&operation, error);
    if (error == ZKC_OK)
        *ret_elected = elected;
    else
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
    error = client_begin(leader->sync);
    if (error != ZKC_OK)
        return error;
    deadline = wait_ms <= 0 ? NEVER : deadline_after(leader->sync, wait_ms);
    error = stand(leader, deadline, NULL, &elected);
    if (error == ZKC_OK) {
        elected->done = done;
        elected->arg = arg;
    }
    client_leave(leader->sync);
    return error;
}

int zkc_leader_cancel(zkc_leader *leader)
{
    zkc_elected *current;
    int error = leader == NULL ? ZKC_EINVAL : client_begin(leader->sync);

    if (error != ZKC_OK)
        return error;
    current = leader->current;
    error =
        current == NULL ? ZKC_ENOTHELD : participant_cancel(&current->participant, ZKC_ECANCELED);
    client_leave(leader->sync);
    return error;
}

/* An election in progress is the library's until it is handed over: it completes first. */
void zkc_leader_close(zkc_leader *leader)
{
    zkc_elected *current;
    zkc_sync *sync;

    if (leader == NULL || client_is_child(leader->sync))
        return;
    sync = leader->sync;
    client_enter(sync);
    leader->closed = true; /* the last callback may try to stand again */
    current = leader->current;
    if (current != NULL) {
        participant_cancel(&current->participant, ZKC_ECLOSED);
        participant_flush(&current->participant);
    }
    current = leader->current;
    if (current != NULL)
        current->leader = NULL;
    place_unref(leader->place);
    pool_session_put(sync, leader->pooled);
    client_leave(sync);
    mem_free(leader);
    client_unref(sync);
}

zkc_leader_state zkc_leader_status(const zkc_leader *leader)
{
    zkc_leader_state state = ZKC_FOLLOWER;
    const zkc_elected *current;

    if (leader == NULL || client_begin(leader->sync) != ZKC_OK)
        return ZKC_FOLLOWER;
    current = leader->current;
    if (current != NULL && grant_is_valid(&current->participant.grant))
        state = ZKC_ELECTED;
    else if (current != NULL && participant_acquiring(&current->participant))
        state = ZKC_CANDIDATE;
    client_leave(leader->sync);
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
    return elected != NULL && grant_is_valid(&elected->participant.grant);
}

int64_t zkc_elected_remaining_ms(const zkc_elected *elected)
{
    return elected == NULL ? 0 : grant_remaining_ms(&elected->participant.grant);
}

int64_t zkc_elected_token(const zkc_elected *elected)
{
    return elected == NULL ? 0 : grant_token(&elected->participant.grant);
}

int zkc_elected_revoked_fd(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : participant_call_revoked_fd(&elected->participant);
}

int zkc_elected_on_revoked(zkc_elected *elected, zkc_revoked_fn revoked, void *arg)
{
    return elected == NULL ? ZKC_EINVAL
                           : participant_call_on_revoked(&elected->participant, revoked, arg);
}

int zkc_elected_asked_fd(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : participant_call_asked_fd(&elected->participant);
}

int zkc_elected_on_asked(zkc_elected *elected, zkc_asked_fn asked, void *arg)
{
    return elected == NULL ? ZKC_EINVAL
                           : participant_call_on_asked(&elected->participant, asked, arg);
}

int zkc_elected_wait_revoked(zkc_elected *elected, zkc_context *context)
{
    return elected == NULL ? ZKC_EINVAL : grant_wait_revoked(&elected->participant.grant, context);
}

int zkc_elected_revoked_reason(zkc_elected *elected)
{
    return elected == NULL ? ZKC_EINVAL : participant_call_reason(&elected->participant);
}

int zkc_elected_check_op(zkc_elected *elected, struct zoo_op *ret_op)
{
    return elected == NULL ? ZKC_EINVAL : participant_call_check_op(&elected->participant, ret_op);
}

/* ---- resigning ---- */

int zkc_elected_resign(zkc_elected *elected, zkc_context *context)
{
    return elected == NULL ? ZKC_EINVAL : participant_call_release(&elected->participant, context);
}

int zkc_elected_resign_async(zkc_elected *elected, zkc_done_fn done, void *arg)
{
    if (elected == NULL || done == NULL)
        return ZKC_EINVAL;
    return participant_call_release_async(&elected->participant, done, arg);
}

void zkc_elected_close(zkc_elected *elected)
{
    zkc_sync *sync;

    if (elected == NULL || client_is_child(participant_sync(&elected->participant)))
        return;
    sync = participant_sync(&elected->participant);
    client_ref(sync);
    client_enter(sync);
    participant_end(&elected->participant, ZKC_ECLOSED);
    participant_flush(&elected->participant);
    elected_free(elected);
    client_leave(sync);
    client_unref(sync);
}
