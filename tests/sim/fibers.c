/*
 * The threads of machines, as coroutines: one runs until it waits.
 *
 * A fiber begins on its own stack by setcontext(). From then on _longjmp() switches: it makes no
 * system call, and a run would spend half its time in those of swapcontext(). The address sanitizer
 * follows swapcontext() only.
 * SPDX-License-Identifier: Apache-2.0
 */
#undef _FORTIFY_SOURCE /* its longjmp() knows one stack only */
#include "sanitizers.h"
#include "world_parts.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if WITH_ASAN
#include <sanitizer/common_interface_defs.h>
/* At each swapcontext() it clears what it knows of the stack; from 512 KiB on by a slow mmap(). */
#define STACK_SIZE ((size_t)384 * 1024)
#else
#define STACK_SIZE ((size_t)128 * 1024)
#endif

struct fiber {
    struct list link; /* all fibers, in the order of making */
    struct list wait; /* those that wait for a key */
    struct machine *machine;
    event_fn fn;
    void *arg;
    const void *key;
    uint64_t alarm; /* the end of its wait */
    bool woken;     /* by somebody, not by time */
    bool done;
    bool joinable;
    bool begun;
    ucontext_t context;
    jmp_buf here;
    char *stack;
    char name[24];
};

static struct {
    struct list fibers, waiting;
    struct fiber *current;
    ucontext_t outside;
    jmp_buf outside_here;
    char *stacks[64]; /* to be used again */
    int spare;
#if WITH_ASAN
    const void *outside_stack;
    size_t outside_size;
#endif
} all;

/* ---- stacks ---- */

static char *take_stack(void)
{
    char *stack;

    if (all.spare > 0)
        return all.stacks[--all.spare];
    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED)
        abort();
    mprotect(stack, 4096, PROT_NONE);
    return stack;
}

static void give_stack(char *stack)
{
    if (all.spare < (int)(sizeof all.stacks / sizeof all.stacks[0]))
        all.stacks[all.spare++] = stack;
    else
        munmap(stack, STACK_SIZE);
}

static void fiber_free(struct fiber *fiber)
{
    list_remove(&fiber->link);
    list_remove(&fiber->wait);
    event_cancel(&fiber->alarm);
    give_stack(fiber->stack);
    free(fiber);
}

/* ---- switching ---- */

#if WITH_ASAN
static void leave(struct fiber *fiber, bool for_good)
{
    void *fake = NULL;

    __sanitizer_start_switch_fiber(for_good ? NULL : &fake, all.outside_stack, all.outside_size);
    all.current = NULL;
    swapcontext(&fiber->context, &all.outside);
    __sanitizer_finish_switch_fiber(fake, &all.outside_stack, &all.outside_size);
}

static void enter_stack(struct fiber *fiber)
{
    void *fake = NULL;

    __sanitizer_start_switch_fiber(&fake, fiber->stack, STACK_SIZE);
    swapcontext(&all.outside, &fiber->context);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static void arrive(void)
{
    __sanitizer_finish_switch_fiber(NULL, &all.outside_stack, &all.outside_size);
}
#else
static void leave(struct fiber *fiber, bool for_good)
{
    (void)for_good;
    all.current = NULL;
    if (_setjmp(fiber->here) == 0)
        _longjmp(all.outside_here, 1);
}

static void enter_stack(struct fiber *fiber)
{
    if (_setjmp(all.outside_here) != 0)
        return;
    if (fiber->begun)
        _longjmp(fiber->here, 1);
    fiber->begun = true;
    setcontext(&fiber->context);
}

static void arrive(void)
{
}
#endif

static void main_of_fiber(void)
{
    struct fiber *fiber = all.current;

    arrive();
    fiber->fn(fiber->arg);
    fiber->done = true;
    fiber_wake_all(fiber);
    leave(fiber, true);
}

static void enter(void *arg)
{
    struct fiber *fiber = arg;

    fiber->alarm = 0;
    all.current = fiber;
    enter_stack(fiber);
    if (fiber->done && !fiber->joinable)
        fiber_free(fiber);
}

/* ---- life ---- */

struct fiber *fiber_start(struct machine *machine, const char *name, event_fn fn, void *arg)
{
    struct fiber *fiber = calloc(1, sizeof *fiber);

    fiber->machine = machine;
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->stack = take_stack();
    snprintf(fiber->name, sizeof fiber->name, "%s", name);
    list_init(&fiber->link);
    list_init(&fiber->wait);
    list_append(&all.fibers, &fiber->link);
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_SIZE;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, main_of_fiber, 0);
    fiber->alarm = event_of_fiber(machine, world_now() + world_below(20000), enter, fiber);
    return fiber;
}

struct fiber *fiber_current(void)
{
    return all.current;
}

bool fiber_wait(const void *key, int64_t until)
{
    struct fiber *fiber = all.current;

    if (fiber == NULL)
        abort(); /* an event must not block */
    fiber->key = key;
    fiber->woken = false;
    if (key != NULL)
        list_append(&all.waiting, &fiber->wait);
    if (until != SIM_NEVER)
        fiber->alarm = event_of_fiber(fiber->machine, until, enter, fiber);
    leave(fiber, false);
    list_remove(&fiber->wait);
    return fiber->woken;
}

void fiber_sleep_until(int64_t when)
{
    fiber_wait(NULL, when);
}

void fiber_sleep(int64_t delay)
{
    fiber_wait(NULL, world_now() + delay);
}

/* A scheduler takes its time: microseconds, now and then milliseconds. */
static int64_t latency(void)
{
    return world_chance(10) ? world_below(5 * SIM_MS) : world_below(20000);
}

void fiber_wake_all(const void *key)
{
    struct list *link = all.waiting.next;

    while (link != &all.waiting) {
        struct fiber *fiber = container_of(link, struct fiber, wait);
        link = link->next;
        if (fiber->key != key)
            continue;
        list_remove(&fiber->wait);
        event_cancel(&fiber->alarm);
        fiber->woken = true;
        fiber->alarm = event_of_fiber(fiber->machine, world_now() + latency(), enter, fiber);
    }
}

void fiber_mark_joinable(struct fiber *fiber)
{
    fiber->joinable = true;
}

void fiber_join(struct fiber *fiber)
{
    while (!fiber->done)
        fiber_wait(fiber, SIM_NEVER);
    fiber_free(fiber);
}

void fiber_detach(struct fiber *fiber)
{
    fiber->joinable = false;
    if (fiber->done)
        fiber_free(fiber);
}

void fibers_begin(void)
{
    list_init(&all.fibers);
    list_init(&all.waiting);
    all.current = NULL;
}

void fibers_drop(struct machine *machine)
{
    struct list *link = all.fibers.next;

    while (link != &all.fibers) {
        struct fiber *fiber = container_of(link, struct fiber, link);
        link = link->next;
        if (fiber->machine == machine)
            fiber_free(fiber);
    }
}

/* The fiber that runs when the world fails is not among those that can be freed. */
void fibers_end(void)
{
    while (!list_empty(&all.fibers))
        fiber_free(container_of(all.fibers.next, struct fiber, link));
}
