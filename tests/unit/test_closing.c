/*
 * What is closed under a call that is about to return. Nothing listens on the address: the calls
 * wait for ever.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "run/client.h"

#include <zkcoord/zkcoord.h>

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static sem_t all_closed;

/* Of the caller: what it does once everything was closed needs a reference of its own. */
static _Thread_local bool calling, late;
static _Thread_local int references;
static int astray; /* how often it took the mutex without */

void __real_client_ref(zkc_sync *sync);
void __wrap_client_ref(zkc_sync *sync);
void __real_client_unref(zkc_sync *sync);
void __wrap_client_unref(zkc_sync *sync);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

void __wrap_client_ref(zkc_sync *sync)
{
    references++;
    __real_client_ref(sync);
}

void __wrap_client_unref(zkc_sync *sync)
{
    if (calling && !late)
        sem_wait(&all_closed);
    late = calling;
    references--;
    __real_client_unref(sync);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (late && references == 0) {
        astray++;
        return 0; /* it is no mutex any more */
    }
    return __real_pthread_mutex_lock(mutex);
}

static void *list(void *argument)
{
    zkc_contenders *contenders = NULL;

    calling = true;
    return (void *)(intptr_t)zkc_lock_contenders(argument, NULL, &contenders);
}

static size_t count_members(zkc_sync *sync)
{
    size_t count = 0;

    pthread_mutex_lock(&sync->mutex);
    for (const struct list *link = sync->members.next; link != &sync->members; link = link->next)
        count++;
    pthread_mutex_unlock(&sync->mutex);
    return count;
}

static void a_listing_outlives_what_it_was_asked_of(void **state)
{
    zkc_options options;
    zkc_sync *sync;
    zkc_lock *lock;
    pthread_t thread;
    void *result;

    (void)state;
    ZKC_INIT(&options);
    options.nodes = "127.0.0.1:1";
    options.connect_timeout_ms = -1;
    sem_init(&all_closed, 0, 0);
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    assert_int_equal(zkc_lock_open(sync, "x", NULL, &lock), ZKC_OK);
    assert_int_equal(pthread_create(&thread, NULL, list, lock), 0);
    while (count_members(sync) < 2)
        sched_yield();
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
    zkc_lock_close(lock);
    sem_post(&all_closed);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, ZKC_ECLOSED);
    assert_int_equal(astray, 0);
    sem_destroy(&all_closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_outlives_what_it_was_asked_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
