/* SPDX-License-Identifier: Apache-2.0 */
#include "run/client.h"
#include "base/mem.h"
#include "run/clock.h"

#include <stdio.h>
#include <string.h>

#define LOG_LINES_MAX 256

/* ---- lifetime ---- */

int client_init(zkc_sync *sync)
{
    sync->host = (struct host){.sync = sync,
                               .mutex = &sync->mutex,
                               .ref = client_ref,
                               .unref = client_unref,
                               .enter = client_enter,
                               .leave = client_leave,
                               .log = client_log};
    sync->helpers.host = &sync->host;
    pthread_mutex_init(&sync->mutex, NULL);
    condition_init(&sync->changed);
    reaper_init(&sync->reaper, &sync->helpers);
    if (dispatch_init(&sync->dispatch, &sync->host) != 0 || fork_guard_open(&sync->guard) != 0)
        return ZKC_ESYSTEM;
    return ZKC_OK;
}

void client_ref(zkc_sync *sync)
{
    atomic_fetch_add(&sync->references, 1);
}

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

static void free_acl(zkc_sync *sync)
{
    for (size_t i = 0; i < sync->acl_count; i++) {
        mem_free((char *)(uintptr_t)sync->acl[i].scheme);
        mem_free((char *)(uintptr_t)sync->acl[i].id);
    }
    mem_free(sync->acl);
}

static void client_free(zkc_sync *sync)
{
    sync->work.free(sync);
    dispatch_destroy(&sync->dispatch);
    reaper_destroy(&sync->reaper);
    fork_guard_close(&sync->guard);
    nodes_clear(&sync->servers);
    free_acl(sync);
    wipe(sync->auth);
    mem_free(sync->auth_scheme);
    mem_free(sync->name_space);
    mem_free(sync->root);
    mem_free(sync->chroot);
    mem_free(sync->identity);
    condition_destroy(&sync->changed);
    pthread_mutex_destroy(&sync->mutex);
    mem_free(sync);
}

void client_unref(zkc_sync *sync)
{
    int cancel;

    if (atomic_fetch_sub(&sync->references, 1) != 1)
        return;
    cancel = thread_hold_cancel();
    client_free(sync);
    thread_allow_cancel(cancel);
}

const char *client_outside(const zkc_sync *sync, const char *path)
{
    return sync->chroot == NULL ? path : path + strlen(sync->chroot);
}

/* ---- log ---- */

struct log_line {
    struct delivery delivery;
    zkc_sync *sync;
    int level;
    char text[];
};

static void free_line(struct log_line **line)
{
    mem_free(*line);
}

/* The function may throw: it leaves nothing behind then. */
static void deliver_line(struct delivery *delivery)
{
    __attribute__((cleanup(free_line))) struct log_line *line =
        container_of(delivery, struct log_line, delivery);
    zkc_sync *sync = line->sync;

    pthread_mutex_lock(&sync->mutex);
    sync->log_lines--;
    pthread_mutex_unlock(&sync->mutex);
    sync->log(sync->log_arg, (zkc_log_level)line->level, line->text);
}

void client_log_list(void *host, int level, const char *format, va_list arguments)
{
    zkc_sync *sync = host;
    struct log_line *line;
    char text[512];
    size_t size;

    if (sync->log == NULL || sync->closed || level > sync->log_level ||
        sync->log_lines >= LOG_LINES_MAX)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    size = strlen(text) + 1;
    line = mem_alloc(sizeof *line + size);
    if (line == NULL)
        return;
    delivery_init(&line->delivery, sync, deliver_line);
    line->sync = sync;
    line->level = level;
    memcpy(line->text, text, size);
    sync->log_lines++;
    dispatch_post(&sync->dispatch, &line->delivery);
}

void client_log(zkc_sync *sync, int level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    client_log_list(sync, level, format, arguments);
    va_end(arguments);
}

/* ---- entering and leaving ---- */

/* A grant that the clock has ended is over for whatever is asked next. */
static void ask_clock(zkc_sync *sync)
{
    const struct list *sessions = &sync->core.sessions;

    for (struct list *link = sessions->next; link != sessions; link = link->next)
        session_ask_clock(container_of(link, struct session, link));
}

/* A thread that ended in between would leave the mutex locked for ever. */
void client_enter(zkc_sync *sync)
{
    int cancel = thread_hold_cancel();

    pthread_mutex_lock(&sync->mutex);
    sync->host.cancel = cancel;
    sync->core.now = clock_now();
    ask_clock(sync);
}

void client_pass(zkc_sync *sync)
{
    sync->work.serve(sync);
    runner_want(&sync->runner, core_next_timer(&sync->core));
}

void client_leave(zkc_sync *sync)
{
    int cancel = sync->host.cancel;

    client_pass(sync);
    if (sync->closing)
        condition_wake_all(&sync->changed);
    pthread_mutex_unlock(&sync->mutex);
    thread_allow_cancel(cancel);
}

bool client_is_child(const zkc_sync *sync)
{
    return fork_guard_child(&sync->guard);
}

int client_begin(zkc_sync *sync)
{
    if (sync == NULL)
        return ZKC_EINVAL;
    if (client_is_child(sync))
        return ZKC_EFORK;
    client_enter(sync);
    if (!sync->closing)
        return ZKC_OK;
    client_leave(sync);
    return ZKC_ECLOSED;
}

int client_begin_blocking(zkc_sync *sync)
{
    int error = client_begin(sync);

    if (error != ZKC_OK || !dispatch_in_callback(&sync->dispatch))
        return error;
    client_leave(sync);
    return ZKC_ECALLBACK;
}
