/* SPDX-License-Identifier: Apache-2.0 */
#include "run/context.h"
#include "base/mem.h"
#include "run/clock.h"
#include "run/thread.h"

#include <errno.h>

int zkc_context_new(zkc_sync *sync, zkc_context **ret_context)
{
    zkc_context *context;

    if (ret_context == NULL)
        return ZKC_EINVAL;
    context = mem_zalloc(sizeof *context);
    if (context == NULL)
        return ZKC_ENOMEM;
    context->sync = sync;
    atomic_init(&context->deadline, INT64_MAX);
    *ret_context = context;
    return ZKC_OK;
}

void zkc_context_free(zkc_context *context)
{
    mem_free(context);
}

zkc_sync *zkc_context_sync(const zkc_context *context)
{
    return context == NULL ? NULL : context->sync;
}

int zkc_context_set_timeout_ms(zkc_context *context, int64_t timeout_ms)
{
    int64_t now = clock_now();

    if (context == NULL)
        return ZKC_EINVAL;
    if (timeout_ms < 0 || timeout_ms > (INT64_MAX - now) / 1000000)
        atomic_store(&context->deadline, INT64_MAX);
    else
        atomic_store(&context->deadline, now + timeout_ms * 1000000);
    return ZKC_OK;
}

/* Atomics and one system call: safe in a signal handler. */
void zkc_context_cancel(zkc_context *context)
{
    int saved = errno;

    if (context == NULL)
        return;
    atomic_store(&context->cancelled, true);
    atomic_fetch_add(&context->word, 1);
    word_wake(&context->word);
    errno = saved;
}

int zkc_context_error(const zkc_context *context)
{
    if (context == NULL)
        return ZKC_OK;
    if (atomic_load(&context->cancelled))
        return ZKC_ECANCELED;
    return clock_now() >= atomic_load(&context->deadline) ? ZKC_ETIMEDOUT : ZKC_OK;
}

int64_t context_deadline(const zkc_context *context)
{
    return context == NULL ? INT64_MAX : atomic_load(&context->deadline);
}
