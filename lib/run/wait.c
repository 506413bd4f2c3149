/* SPDX-License-Identifier: Apache-2.0 */
#include "run/wait.h"
#include "run/thread.h"

void wait_init(struct wait *wait, zkc_context *context)
{
    list_init(&wait->link);
    wait->context = context;
    wait->result = ZKC_OK;
    atomic_init(&wait->done, 0);
}

static bool sleep_with_context(struct wait *wait, bool heed_cancel, pthread_mutex_t *mutex)
{
    zkc_context *context = wait->context;

    for (;;) {
        uint32_t seen = atomic_load(&context->word);
        if (atomic_load(&wait->done) != 0)
            break;
        if (heed_cancel && atomic_load(&context->cancelled))
            return false;
        word_sleep(&context->word, seen);
    }
    /* The waker may still be touching the context, which is freed once we return. */
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
    return true;
}

bool wait_sleep(struct wait *wait, bool heed_cancel, pthread_mutex_t *mutex)
{
    if (wait->context != NULL)
        return sleep_with_context(wait, heed_cancel, mutex);
    while (atomic_load(&wait->done) == 0)
        word_sleep(&wait->done, 0);
    return true;
}

void wait_finish(struct wait *wait, int result)
{
    zkc_context *context = wait->context;
    _Atomic uint32_t *word = context != NULL ? &context->word : &wait->done;

    list_remove(&wait->link);
    wait->result = result;
    atomic_store(&wait->done, 1);
    if (context != NULL)
        atomic_fetch_add(&context->word, 1);
    /* Without a context the sleeper may be gone by now: waking a stale address does no harm. */
    word_wake(word);
}
