/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "run/clock.h"
#include "run/host.h"
#include "run/operation.h"
#include "run/options.h"
#include "run/reaper.h"
#include "run/thread.h"

/* zkc_sync_close() returns within two seconds; what is slower goes on without it. */
#define DRAIN_MS 300 /* without progress */
#define DRAIN_ROUNDS 4
#define CLOSE_MS 1800
#define OPEN_FAILED_MS 50 /* there is no session to end, and the caller has waited already */

/* ---- opening ---- */

static int init_threads(zkc_sync *sync)
{
    pthread_mutex_init(&sync->mutex, NULL);
    condition_init(&sync->changed);
    if (dispatch_init(sync) != 0 || fork_guard_open(&sync->guard) != 0)
        return ZKC_ESYSTEM;
    return ZKC_OK;
}

static int begin(zkc_sync *sync)
{
    int error = ZKC_OK;

    if (runner_start(sync) != 0)
        return ZKC_ESYSTEM;
    host_enter(sync);
    if (sync->log != NULL && dispatch_prepare(sync) != 0)
        error = ZKC_ESYSTEM;
    if (error == ZKC_OK) {
        sync->main = host_session_get(sync, 0);
        error = sync->main == NULL ? ZKC_ENOMEM : ZKC_OK;
    }
    host_leave(sync);
    return error;
}

static zkc_sync *sync_new(void)
{
    zkc_sync *sync = mem_zalloc(sizeof *sync);

    if (sync == NULL)
        return NULL;
    atomic_init(&sync->references, 1);
    list_init(&sync->pool);
    list_init(&sync->members);
    list_init(&sync->graves);
    core_init(&sync->core, clock_seed());
    sync->core.log = host_log_list;
    sync->core.host = sync;
    return sync;
}

/* Somebody who waits for the first connection. */
struct arrival {
    struct operation operation;
    struct follower follower;
    struct session *session;
    struct request *greeting;
    bool credential;
};

static void greet(struct arrival *arrival);

/* One that was lost is repeated after the reconnection. */
static void greeted(void *owner, struct request *request, const struct reply *reply)
{
    struct arrival *arrival = owner;

    (void)request;
    arrival->greeting = NULL;
    if (reply->decided)
        operation_finish(&arrival->operation, ZKC_OK);
    else if (reply->answer == ANSWER_NO_MEMORY)
        operation_finish(&arrival->operation, ZKC_ENOMEM);
    else if (reply->answer == ANSWER_REFUSED)
        greet(arrival);
}

static void greet(struct arrival *arrival)
{
    arrival->greeting = session_ask(arrival->session, VERB_EXISTS, "/", greeted, arrival);
    if (arrival->greeting == NULL)
        operation_finish(&arrival->operation, ZKC_ENOMEM);
}

/* The server takes or refuses a credential after the connection, but before the first request. */
static void connected(struct arrival *arrival)
{
    if (!arrival->credential) {
        operation_finish(&arrival->operation, ZKC_OK);
        return;
    }
    session_cancel(&arrival->greeting);
    greet(arrival);
}

static void arrived(struct follower *follower, enum session_event event)
{
    struct arrival *arrival = container_of(follower, struct arrival, follower);

    if (event == SESSION_CONNECTED)
        connected(arrival);
    else if (event == SESSION_AUTH_REFUSED)
        operation_finish(&arrival->operation, ZKC_EAUTH);
}

static const struct follower_ops arrival_ops = {.event = arrived};

static void not_arrived(struct operation *operation, int error)
{
    operation_finish(operation, error);
}

static int wait_for_session(zkc_sync *sync, int64_t timeout_ms, zkc_context *context)
{
    struct arrival arrival = {.session = &sync->main->session,
                              .credential = sync->auth_scheme != NULL};
    struct wait wait;
    int64_t deadline, ours;
    int result;

    host_enter(sync);
    ours = deadline_after(sync, timeout_ms);
    deadline = context_deadline(context) < ours ? context_deadline(context) : ours;
    wait_init(&wait, context);
    operation_init(&arrival.operation, sync, &wait);
    operation_begin(&arrival.operation, NULL, not_arrived, deadline);
    follower_init(&arrival.follower, &arrival_ops);
    session_follow(&sync->main->session, &arrival.follower);
    if (session_connected(&sync->main->session))
        connected(&arrival);
    else if (sync->main->session.state == SESSION_REFUSED)
        operation_finish(&arrival.operation, ZKC_EAUTH);
    host_leave(sync);
    result = operation_wait(&arrival.operation);
    host_enter(sync);
    list_remove(&arrival.follower.link);
    session_cancel(&arrival.greeting);
    host_leave(sync);
    return result == ZKC_ETIMEDOUT && deadline == ours ? ZKC_EUNREACHABLE : result;
}

static int open_checked(zkc_sync *sync, const zkc_options *options, zkc_context *context)
{
    int64_t timeout = options->connect_timeout_ms;
    int error = init_threads(sync);

    if (error == ZKC_OK)
        error = options_take(sync, options);
    if (error == ZKC_OK)
        error = zkc_context_error(context);
    if (error == ZKC_OK)
        error = begin(sync);
    if (error != ZKC_OK || timeout < 0)
        return error;
    return wait_for_session(sync, timeout == 0 ? ZKC_DEFAULT_CONNECT_TIMEOUT_MS : timeout, context);
}

static void shut_down(zkc_sync *sync, int64_t patience_ms);

int zkc_sync_open(const zkc_options *options, zkc_context *context, zkc_sync **ret_sync)
{
    zkc_options known;
    zkc_sync *sync;
    int error;

    ZKC_INIT(&known);
    if (ret_sync == NULL)
        return ZKC_EINVAL;
    if (options != NULL &&
        !options_copy(&known, sizeof known, OPTIONS_END(zkc_options, log_level), options))
        return ZKC_EINVAL;
    sync = sync_new();
    if (sync == NULL)
        return ZKC_ENOMEM;
    error = open_checked(sync, &known, context);
    if (error != ZKC_OK) {
        shut_down(sync, OPEN_FAILED_MS);
        return error;
    }
    *ret_sync = sync;
    return ZKC_OK;
}

/* ---- closing ---- */

static size_t in_flight(const zkc_sync *sync)
{
    size_t count = 0;

    for (const struct list *link = sync->pool.next; link != &sync->pool; link = link->next) {
        const struct session *session = &container_of(link, struct pooled, link)->session;
        if (session_connected(session))
            count += session->in_flight;
    }
    return count;
}

static bool drained(const zkc_sync *sync)
{
    return in_flight(sync) == 0;
}

static bool buried(const zkc_sync *sync)
{
    return sync->helpers == 0 && list_empty(&sync->graves);
}

static int64_t monotonic_after(int64_t ms)
{
    return clock_monotonic() + ms * MILLISECOND;
}

static void wait_until(zkc_sync *sync, bool (*condition)(const zkc_sync *), int64_t deadline)
{
    while (!condition(sync))
        if (!condition_wait_until(&sync->changed, &sync->mutex, deadline))
            return;
}

/*
 * libzookeeper must have no reply outstanding when it closes: the server would not see the end of
 * the session, which takes all our nodes along. As long as answers come, it is worth waiting.
 */
static void drain(zkc_sync *sync)
{
    size_t before;
    int rounds = DRAIN_ROUNDS;

    pthread_mutex_lock(&sync->mutex);
    do {
        before = in_flight(sync);
        wait_until(sync, drained, monotonic_after(DRAIN_MS));
    } while (!drained(sync) && in_flight(sync) < before && --rounds > 0);
    pthread_mutex_unlock(&sync->mutex);
}

static void close_members(zkc_sync *sync)
{
    struct list *link;

    for (link = sync->pool.next; link != &sync->pool; link = link->next)
        container_of(link, struct pooled, link)->session.closing = true;
    while ((link = list_pop(&sync->members)) != NULL)
        container_of(link, struct member, link)->closing(container_of(link, struct member, link));
}

static void stop_sessions(zkc_sync *sync)
{
    for (struct list *link = sync->pool.next; link != &sync->pool; link = link->next)
        session_stop(&container_of(link, struct pooled, link)->session);
}

static void close_sessions(zkc_sync *sync, int64_t patience_ms)
{
    int64_t close_by = monotonic_after(patience_ms);

    host_enter(sync);
    sync->closing = true;
    close_members(sync);
    host_leave(sync);
    drain(sync);
    host_enter(sync);
    stop_sessions(sync);
    sync->closed = true;
    host_leave(sync);
    pthread_mutex_lock(&sync->mutex);
    wait_until(sync, buried, close_by);
    pthread_mutex_unlock(&sync->mutex);
}

static void shut_down(zkc_sync *sync, int64_t patience_ms)
{
    if (sync->runner.running)
        close_sessions(sync, patience_ms);
    runner_stop(sync);
    reaper_finish(sync);
    pthread_mutex_lock(&sync->mutex);
    dispatch_stop(sync);
    pthread_mutex_unlock(&sync->mutex);
    host_unref(sync);
}

int zkc_sync_close(zkc_sync *sync)
{
    int error = host_begin_blocking(sync);

    if (error != ZKC_OK)
        return error;
    sync->closing = true; /* at once: of two that close at the same time, one is refused */
    host_leave(sync);
    shut_down(sync, CLOSE_MS);
    return ZKC_OK;
}

/* ---- questions ---- */

const char *zkc_sync_name(const zkc_sync *sync)
{
    (void)sync;
    return "zookeeper";
}

const char *zkc_sync_namespace(const zkc_sync *sync)
{
    return sync == NULL ? NULL : sync->name_space;
}

int64_t zkc_sync_session_timeout_ms(zkc_sync *sync)
{
    int error = host_begin(sync);
    int64_t timeout;

    if (error != ZKC_OK)
        return error;
    timeout = sync->main->session.timeout / MILLISECOND;
    host_leave(sync);
    return timeout;
}

bool zkc_sync_is_connected(zkc_sync *sync)
{
    bool live;

    if (host_begin(sync) != ZKC_OK)
        return false;
    live = session_connected(&sync->main->session);
    host_leave(sync);
    return live;
}

int zkc_sync_server_error(zkc_sync *sync)
{
    int code;

    if (host_begin(sync) != ZKC_OK)
        return 0;
    code = sync->core.server_error;
    host_leave(sync);
    return code;
}

/* ---- the user's loop ---- */

int zkc_sync_fd(zkc_sync *sync)
{
    int error = host_begin(sync);
    int fd;

    if (error != ZKC_OK)
        return error;
    fd = dispatch_open_fd(sync);
    host_leave(sync);
    return fd < 0 ? ZKC_ESYSTEM : fd;
}

int zkc_sync_dispatch(zkc_sync *sync)
{
    int error = host_begin_blocking(sync);
    int count = 0;

    if (error != ZKC_OK)
        return error;
    while (dispatch_run_one(sync))
        count++;
    host_leave(sync);
    return count;
}
