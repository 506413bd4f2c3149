/*
 * Callbacks that do not come back in time, or at all, and threads that are cancelled inside a call:
 * nobody else is stuck. Nothing listens on the address: what is asked for lasts until it is
 * cancelled.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <zkcoord/zkcoord.h>

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static zkc_sync *sync_object;
static zkc_lock *first, *second;

/* False if it is not posted soon. */
static bool soon(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    return sem_timedwait(semaphore, &until) == 0;
}

/* ---- a call on a thread of its own, which may be stuck ---- */

struct job {
    void (*work)(struct job *job);
    sem_t over;
    int result;
    pthread_t thread;
};

static void *work(void *argument)
{
    struct job *job = argument;

    job->work(job);
    sem_post(&job->over);
    return NULL;
}

static void begin(struct job *job, void (*what)(struct job *job))
{
    job->work = what;
    job->result = -1000;
    sem_init(&job->over, 0, 0);
    assert_int_equal(pthread_create(&job->thread, NULL, work, job), 0);
}

/* One that is stuck is not waited for: the test fails. */
static int result_of(struct job *job)
{
    assert_true(soon(&job->over));
    pthread_join(job->thread, NULL);
    return job->result;
}

static int does(void (*what)(struct job *job))
{
    static struct job job;

    begin(&job, what);
    return result_of(&job);
}

static void close_second(struct job *job)
{
    zkc_lock_close(second);
    job->result = 0;
}

static void close_sync(struct job *job)
{
    job->result = zkc_sync_close(sync_object);
}

static void dispatch(struct job *job)
{
    job->result = zkc_sync_dispatch(sync_object);
}

static void close_all(void)
{
    zkc_lock_close(first);
    assert_int_equal(does(close_sync), ZKC_OK);
}

/* ---- callbacks ---- */

static sem_t entered, leave, told;
static atomic_int calls;

static int open_both(void **state)
{
    zkc_options options;

    (void)state;
    sem_init(&entered, 0, 0);
    sem_init(&leave, 0, 0);
    sem_init(&told, 0, 0);
    calls = 0;
    ZKC_INIT(&options);
    options.nodes = "127.0.0.1:1";
    options.connect_timeout_ms = -1;
    return zkc_sync_open(&options, NULL, &sync_object) == ZKC_OK &&
                   zkc_lock_open(sync_object, "first", NULL, &first) == ZKC_OK &&
                   zkc_lock_open(sync_object, "second", NULL, &second) == ZKC_OK
               ? 0
               : -1;
}

static void lingers(void *arg, int result)
{
    (void)arg;
    (void)result;
    sem_post(&entered);
    sem_wait(&leave);
}

static void counts(void *arg, int result)
{
    (void)arg;
    (void)result;
    calls++;
    sem_post(&told);
}

static void ends_its_thread(void *arg, int result)
{
    (void)arg;
    (void)result;
    pthread_exit(NULL);
}

static void completes(zkc_lock *lock, zkc_done_fn done)
{
    assert_int_equal(zkc_lock_acquire_async(lock, 0, done, NULL), ZKC_OK);
    assert_int_equal(zkc_lock_cancel(lock), ZKC_OK);
}

/* Whoever closes may hold what the other's callback waits for. */
static void close_waits_for_its_own_callbacks_only(void **state)
{
    (void)state;
    completes(first, lingers);
    assert_true(soon(&entered));
    completes(second, counts);
    assert_int_equal(does(close_second), 0);
    assert_int_equal(calls, 1);
    sem_post(&leave);
    close_all();
}

/* What is closed must still be there while its callback runs. */
static void lingers_and_counts(void *arg, int result)
{
    lingers(arg, result);
    calls++;
}

static void let_go(struct job *job)
{
    (void)job;
    sem_post(&leave);
}

static void close_waits_for_its_own_callback(void **state)
{
    struct job job;

    (void)state;
    completes(second, lingers_and_counts);
    assert_true(soon(&entered));
    begin(&job, let_go);
    zkc_lock_close(second);
    assert_int_equal(calls, 1);
    result_of(&job);
    close_all();
}

static void callback_that_ends_the_thread_of_callbacks(void **state)
{
    (void)state;
    completes(first, ends_its_thread);
    completes(second, counts);
    assert_true(soon(&told));
    zkc_lock_close(second);
    close_all();
}

static void *dispatch_and_end(void *argument)
{
    zkc_sync_dispatch(sync_object);
    return argument;
}

static void callback_that_ends_a_thread_that_dispatches(void **state)
{
    pthread_t thread;
    void *result;
    int came_back;

    (void)state;
    assert_true(zkc_sync_fd(sync_object) >= 0);
    completes(first, ends_its_thread);
    completes(second, counts);
    assert_int_equal(pthread_create(&thread, NULL, dispatch_and_end, &came_back), 0);
    pthread_join(thread, &result);
    assert_null(result);
    assert_int_equal(does(dispatch), 1);
    assert_int_equal(calls, 1);
    zkc_lock_close(second);
    close_all();
}

/* ---- cancelled threads ---- */

static void *cancelled_in_a_call(void *argument)
{
    (void)argument;
    pthread_cancel(pthread_self());
    zkc_lock_cancel(first); /* writes to the descriptor of the loop */
    sem_post(&told);
    pthread_testcancel();
    return NULL;
}

static void cancelled_thread_leaves_nothing_locked(void **state)
{
    pthread_t thread;
    void *result;

    (void)state;
    assert_true(zkc_sync_fd(sync_object) >= 0);
    assert_int_equal(zkc_lock_acquire_async(first, 0, counts, NULL), ZKC_OK);
    assert_int_equal(pthread_create(&thread, NULL, cancelled_in_a_call, NULL), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(sem_trywait(&told), 0); /* not before the call was over */
    assert_int_equal(does(dispatch), 1);
    zkc_lock_close(second);
    close_all();
}

static zkc_context *patience;
static int acquired;

static void *acquire_for_ever(void *argument)
{
    (void)argument;
    pthread_cancel(pthread_self());
    acquired = zkc_lock_acquire(first, patience);
    pthread_testcancel();
    return NULL;
}

static void blocked_thread_is_cancelled_by_its_context(void **state)
{
    pthread_t thread;
    void *result;

    (void)state;
    acquired = -1000;
    assert_int_equal(zkc_context_new(NULL, &patience), ZKC_OK);
    assert_int_equal(pthread_create(&thread, NULL, acquire_for_ever, NULL), 0);
    zkc_context_cancel(patience);
    pthread_join(thread, &result);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_int_equal(acquired, ZKC_ECANCELED); /* the call came back first */
    zkc_context_free(patience);
    zkc_lock_close(second);
    close_all();
}

static void *close_for_good(void *argument)
{
    (void)argument;
    pthread_cancel(pthread_self());
    acquired = zkc_sync_close(sync_object);
    pthread_testcancel();
    return NULL;
}

static void cancelled_thread_closes(void **state)
{
    pthread_t thread;

    (void)state;
    zkc_lock_close(first);
    zkc_lock_close(second);
    acquired = -1000;
    assert_int_equal(pthread_create(&thread, NULL, close_for_good, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(acquired, ZKC_OK);
}

#define TEST(function) cmocka_unit_test_setup(function, open_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(close_waits_for_its_own_callbacks_only),
        TEST(close_waits_for_its_own_callback),
        TEST(callback_that_ends_the_thread_of_callbacks),
        TEST(callback_that_ends_a_thread_that_dispatches),
        TEST(cancelled_thread_leaves_nothing_locked),
        TEST(blocked_thread_is_cancelled_by_its_context),
        TEST(cancelled_thread_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
