/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "core/answer.h"
#include "run/clock.h"
#include "run/client.h"
#include "run/operation.h"
#include "run/options.h"
#include "run/pool.h"
#include "run/shortage.h"
#include "run/thread.h"

#include <errno.h>

/* zkc_sync_close() returns within two seconds; what is slower goes on without it. */
#define DRAIN_MS 300 /* without progress */
#define DRAIN_ROUNDS 4
#define CLOSE_MS 1800
#define OPEN_FAILED_MS 50 /* there is no session to end, and the caller has waited already */

/* ---- opening ---- */

static bool run_timers(void *argument)
{
    zkc_sync *sync = argument;
    bool goes_on;

    client_enter(sync);
    goes_on = runner_rang(&sync->runner);
    core_run_timers(&sync->core);
    client_leave(sync);
    return goes_on;
}

static int begin(zkc_sync *sync)
{
    int error = ZKC_OK;

    if (runner_start(&sync->runner, run_timers, sync) != 0)
        return ZKC_ESYSTEM;
    client_enter(sync);
    if (reaper_start(&sync->reaper) != 0 ||
        (sync->log != NULL && dispatch_prepare(&sync->dispatch) != 0))
        error = ZKC_ESYSTEM;
    if (error == ZKC_OK) {
        sync->main = pool_session_get(sync, 0);
        error = sync->main == NULL ? ZKC_ENOMEM : ZKC_OK;
    }
    client_leave(sync);
    return error;
}

static zkc_sync *sync_new(void)
{
    zkc_sync *sync = mem_zalloc(sizeof *sync);

    if (sync == NULL)
        return NULL;
    atomic_init(&sync->references, 1);
    pool_init(sync);
    list_init(&sync->members);
    core_init(&sync->core, clock_seed());
    suspicion_init(&sync->suspicion, &sync->core);
    sync->core.log = client_log_list;
    sync->core.host = sync;
    return sync;
}

/* Somebody who waits for the first connection. */
struct arrival {
    struct operation operation;
    struct listener listener;
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

static void arrived(struct listener *listener, enum session_event event)
{
    struct arrival *arrival = container_of(listener, struct arrival, listener);

    if (event == SESSION_CONNECTED)
        connected(arrival);
    else if (event == SESSION_AUTH_REFUSED)
        operation_finish(&arrival->operation, answer_error(arrival->session->refusal));
}

static const struct listener_ops arrival_ops = {.event = arrived};

static void not_arrived(struct operation *operation, int error)
{
    operation_finish(operation, error);
}

static int wait_for_session(zkc_sync *sync, int64_t timeout_ms, zkc_context *context)
{
    struct arrival arrival = {.session = &sync->main->session,
                              .credential = sync->auth_scheme != NULL};
    int64_t deadline, ours;
    int result;

    client_enter(sync);
    ours = deadline_after(sync, timeout_ms);
    deadline = context_deadline(context) < ours ? context_deadline(context) : ours;
    operation_block(&arrival.operation, sync, context);
    operation_begin(&arrival.operation, &sync->arriving, not_arrived, deadline);
    listener_init(&arrival.listener, &arrival_ops);
    session_listen(&sync->main->session, &arrival.listener);
    if (session_connected(&sync->main->session))
        connected(&arrival);
    else if (sync->main->session.state == SESSION_REFUSED)
        operation_finish(&arrival.operation, answer_error(arrival.session->refusal));
    else if (sync->shortage != 0)
        operation_finish(&arrival.operation, shortage_result(sync));
    result = operation_leave(&arrival.operation, ZKC_OK);
    client_enter(sync);
    list_remove(&arrival.listener.link);
    session_cancel(&arrival.greeting);
    client_leave(sync);
    return result == ZKC_ETIMEDOUT && deadline == ours ? ZKC_EUNREACHABLE : result;
}

static int open_checked(zkc_sync *sync, const zkc_options *options, zkc_context *context)
{
    int64_t timeout = options->connect_timeout_ms;
    int error = client_init(sync);

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

/* Before it is clobbered. */
static int errno_of(zkc_sync *sync)
{
    int error = errno;

    pthread_mutex_lock(&sync->mutex);
    if (sync->shortage != 0)
        error = sync->shortage;
    pthread_mutex_unlock(&sync->mutex);
    return error;
}

/* Closes a client that was opened in part, also when the log function throws. */
static void give_up(zkc_sync **sync)
{
    int saved;

    if (*sync == NULL)
        return;
    saved = errno_of(*sync);
    shut_down(*sync, OPEN_FAILED_MS);
    errno = saved;
}

static int open_client(const zkc_options *options, zkc_context *context, zkc_sync **ret_sync)
{
    zkc_options known;
    __attribute__((cleanup(give_up))) zkc_sync *sync = NULL;
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
    if (error != ZKC_OK)
        return error;
    *ret_sync = sync;
    sync = NULL;
    return ZKC_OK;
}

static void allow_cancel(const int *cancel)
{
    thread_allow_cancel(*cancel);
}

int zkc_sync_open(const zkc_options *options, zkc_context *context, zkc_sync **ret_sync)
{
    __attribute__((cleanup(allow_cancel))) int cancel = thread_hold_cancel();

    (void)cancel; /* the clean-up reads it */
    return open_client(options, context, ret_sync);
}

/* ---- closing ---- */

static size_t in_flight(const zkc_sync *sync)
{
    size_t count = 0;

    for (const struct list *link = sync->pool.next; link != &sync->pool; link = link->next) {
        const struct session *session = &container_of(link, struct pooled, link)->session;
        if (session_connected(session))
            count += session->queue.in_flight;
    }
    return count;
}

static int64_t monotonic_after(int64_t ms)
{
    return clock_monotonic() + ms * MILLISECOND;
}

/* The number of requests without an answer after at most that time. */
static size_t wait_for_answers(zkc_sync *sync, int64_t deadline)
{
    while (in_flight(sync) > 0)
        if (!condition_wait_until(&sync->changed, &sync->mutex, deadline))
            break;
    return in_flight(sync);
}

/*
 * libzookeeper must have no reply outstanding when it closes: the server would not see the end of
 * the session, which takes all our nodes along. As long as answers come, it is worth waiting.
 */
static void drain(zkc_sync *sync)
{
    size_t before, left;
    int rounds = DRAIN_ROUNDS;

    pthread_mutex_lock(&sync->mutex);
    left = in_flight(sync);
    do {
        before = left;
        left = wait_for_answers(sync, monotonic_after(DRAIN_MS));
    } while (left > 0 && left < before && --rounds > 0);
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

    client_enter(sync);
    sync->closing = true;
    close_members(sync);
    client_leave(sync);
    drain(sync);
    client_enter(sync);
    stop_sessions(sync);
    sync->closed = true;
    client_leave(sync);
    pthread_mutex_lock(&sync->mutex);
    reaper_wait(&sync->reaper, close_by);
    pthread_mutex_unlock(&sync->mutex);
}

static void shut_down(zkc_sync *sync, int64_t patience_ms)
{
    if (sync->runner.running)
        close_sessions(sync, patience_ms);
    runner_stop(&sync->runner, &sync->mutex);
    reaper_stop(&sync->reaper);
    pthread_mutex_lock(&sync->mutex);
    dispatch_stop(&sync->dispatch);
    pthread_mutex_unlock(&sync->mutex);
    client_unref(sync);
}

static int close_client(zkc_sync *sync)
{
    int error = client_begin_blocking(sync);

    if (error != ZKC_OK)
        return error;
    sync->closing = true; /* at once: of two that close at the same time, one is refused */
    client_leave(sync);
    shut_down(sync, CLOSE_MS);
    return ZKC_OK;
}

int zkc_sync_close(zkc_sync *sync)
{
    int cancel = thread_hold_cancel();
    int error = close_client(sync);

    thread_allow_cancel(cancel);
    return error;
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
    int error = client_begin(sync);
    int64_t timeout;

    if (error != ZKC_OK)
        return error;
    timeout = sync->main->session.timeout / MILLISECOND;
    client_leave(sync);
    return timeout;
}

int64_t zkc_sync_session(zkc_sync *sync)
{
    int64_t id;

    if (client_begin(sync) != ZKC_OK)
        return 0;
    id = sync->main->session.id;
    client_leave(sync);
    return id;
}

bool zkc_sync_is_connected(zkc_sync *sync)
{
    bool live;

    if (client_begin(sync) != ZKC_OK)
        return false;
    live = session_connected(&sync->main->session);
    client_leave(sync);
    return live;
}

int zkc_sync_server_error(zkc_sync *sync)
{
    int code;

    if (client_begin(sync) != ZKC_OK)
        return 0;
    code = sync->core.server_error;
    client_leave(sync);
    return code;
}

/* ---- the user's loop ---- */

int zkc_sync_fd(zkc_sync *sync)
{
    int error = client_begin(sync);
    int fd;

    if (error != ZKC_OK)
        return error;
    fd = dispatch_open_fd(&sync->dispatch);
    client_leave(sync);
    return fd < 0 ? ZKC_ESYSTEM : fd;
}

int zkc_sync_dispatch(zkc_sync *sync)
{
    int error = client_begin_blocking(sync);
    int count = 0;

    if (error != ZKC_OK)
        return error;
    while (dispatch_run_one(&sync->dispatch))
        count++;
    client_leave(sync);
    return count;
}
