/* SPDX-License-Identifier: Apache-2.0 */
/* The world itself: order, clocks, pauses, deaths, fibers. */
#include "world.h"

#include "base/mem.h"
#include "run/alarm.h"
#include "run/clock.h"
#include "run/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static char order[64];

static void note(void *arg)
{
    strncat(order, arg, sizeof order - strlen(order) - 1);
}

static void run_until(int64_t limit)
{
    while (world_step(limit))
        ;
}

static int begin(void **state)
{
    (void)state;
    order[0] = '\0';
    world_begin(1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end();
    return 0;
}

static void events_come_in_order(void **state)
{
    uint64_t cancelled;

    (void)state;
    event_at(NULL, 20, note, "c");
    event_at(NULL, 10, note, "a");
    cancelled = event_at(NULL, 15, note, "x");
    event_at(NULL, 10, note, "b");
    event_at(NULL, 40, note, "d");
    event_cancel(&cancelled);
    run_until(30);
    assert_string_equal(order, "abc");
    assert_true(world_now() == 30);
    run_until(50);
    assert_string_equal(order, "abcd");
}

static void clocks_drift(void **state)
{
    struct machine *fast = machine_new("fast", 5 * SIM_SECOND, 10000);
    struct machine *slow = machine_new("slow", 0, -10000);

    (void)state;
    run_until(100 * SIM_SECOND);
    assert_true(machine_clock(fast) == 106 * SIM_SECOND);
    assert_true(machine_clock(slow) == 99 * SIM_SECOND);
}

static void pauses_put_off(void **state)
{
    struct machine *machine = machine_new("m", 0, 0);

    (void)state;
    machine_pause(machine);
    event_at(machine, 10, note, "a");
    event_at(machine, 20, note, "b");
    run_until(100);
    assert_string_equal(order, "");
    machine_resume(machine);
    run_until(200);
    assert_string_equal(order, "ab");
}

static int woken;

static void wait_twice(void *arg)
{
    woken += fiber_wait(arg, SIM_NEVER);
    woken += fiber_wait(arg, world_now() + SIM_SECOND);
    note("end");
}

static void wake(void *arg)
{
    fiber_wake_all(arg);
}

static void fibers_wait(void **state)
{
    struct machine *machine = machine_new("m", 0, 0);

    (void)state;
    woken = 0;
    fiber_start(machine, "f", wait_twice, &woken);
    event_at(machine, SIM_SECOND, wake, &woken);
    run_until(3 * SIM_SECOND);
    assert_int_equal(woken, 1);
    assert_string_equal(order, "end");
}

static void sleep_by_alarm(void *arg)
{
    int fd = alarm_open();

    alarm_set(fd, clock_now() + SIM_SECOND);
    assert_false(sim_alarm_readable(fd));
    alarm_wait(fd);
    assert_true(sim_alarm_readable(fd));
    *(int64_t *)arg = clock_now();
    alarm_close(fd);
}

static void alarms_follow_the_machine(void **state)
{
    struct machine *machine = machine_new("m", SIM_SECOND, 5000);
    int64_t woke = 0;

    (void)state;
    fiber_start(machine, "f", sleep_by_alarm, &woke);
    run_until(10 * SIM_SECOND);
    assert_true(woke >= 2 * SIM_SECOND && woke < 2 * SIM_SECOND + 10 * SIM_MS);
    assert_int_equal(machine_alarms(machine), 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct condition condition;

static void *return_argument(void *argument)
{
    pthread_mutex_lock(&mutex);
    note(argument);
    condition_wake_all(&condition);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void start_and_join(void *arg)
{
    pthread_t thread;

    (void)arg;
    assert_int_equal(thread_start(return_argument, "t", &thread), 0);
    pthread_mutex_lock(&mutex);
    assert_true(condition_wait_until(&condition, &mutex, clock_monotonic() + SIM_SECOND));
    assert_false(condition_wait_until(&condition, &mutex, clock_monotonic() + SIM_SECOND));
    pthread_mutex_unlock(&mutex);
    thread_join(thread);
    note("j");
}

static void threads_are_fibers(void **state)
{
    (void)state;
    fiber_start(machine_new("m", 0, 0), "f", start_and_join, NULL);
    run_until(10 * SIM_SECOND);
    assert_string_equal(order, "tj");
}

static void allocate(void *arg)
{
    void *one = mem_alloc(10), *two;

    (void)arg;
    machine_fail_allocation(machine_current(), 2);
    two = mem_strdup("two");
    assert_null(mem_alloc(1));
    two = mem_realloc(two, 100);
    assert_string_equal(two, "two");
    mem_free(one);
    fiber_wait(two, SIM_NEVER);
}

static void memory_goes_with_its_machine(void **state)
{
    struct machine *machine = machine_new("m", 0, 0);

    (void)state;
    fiber_start(machine, "f", allocate, NULL);
    run_until(SIM_SECOND);
    assert_int_equal(machine_blocks(machine), 1);
    machine_kill(machine);
    assert_int_equal(machine_blocks(machine), 0);
}

static void failures_end_the_run(void **state)
{
    (void)state;
    event_at(NULL, 10, note, "a");
    world_fail("because");
    world_fail("too late");
    assert_false(world_step(100));
    assert_string_equal(world_failure(), "because");
}

static void again(void *arg)
{
    event_after(NULL, world_below(2), again, arg);
}

/* What goes round in circles ends the world, and not the memory of this machine. */
static void circles_end_the_run(void **state)
{
    (void)state;
    event_after(NULL, 0, again, NULL);
    while (world_step(SIM_SECOND))
        ;
    assert_non_null(world_failure());
    assert_true(world_now() < SIM_SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_order),
        TEST(clocks_drift),
        TEST(pauses_put_off),
        TEST(fibers_wait),
        TEST(alarms_follow_the_machine),
        TEST(threads_are_fibers),
        TEST(memory_goes_with_its_machine),
        TEST(failures_end_the_run),
        TEST(circles_end_the_run),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    world_forget();
    return failed;
}
