/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian without ZooKeeper: a process group that outlives nobody who should look after it. */
#include <stdbool.h>

#include "clock.h"
#include "guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON_MS 20000
#define ROUNDS 100
#define FAR (clock_ns() + 3600000 * MS)

/* Both ignore SIGTERM; the second one is a grandchild of the guardian. */
#define COMMAND "trap '' TERM; sleep 1000 & echo; exec sleep 1000"

struct stage {
    pid_t zkcoord;
    pid_t guardian;
    int life;  /* what the command has as its output: at its end when nobody of it is left */
    char said; /* the first that came from there */
};

static void act(char *text, const struct limits *limits, int output, pid_t *ret_guardian)
{
    char shell[] = "sh", option[] = "-c";
    char *command[] = {shell, option, text, NULL};
    struct plan plan = {.command = command,
                        .id = "x",
                        .terminal = -1,
                        .notice = alarm_open(),
                        .asked = alarm_open()};
    struct guard guard;
    struct report report;

    if (dup2(output, STDOUT_FILENO) < 0 || !guard_start(&guard, &plan))
        _exit(1);
    *ret_guardian = guard.pid;
    close(output);
    close(STDOUT_FILENO);
    guard_run(&guard, 1, 1000 * MS, limits, false);
    for (;;) {
        struct pollfd source = {.fd = guard.socket, .events = POLLIN};

        poll(&source, 1, -1);
        switch (guard_read(&guard, &report)) {
        case GUARD_GONE:
            pause();
            break;
        case GUARD_REPORT:
            if (report.kind == REPORT_EMPTY)
                _exit(0);
            break;
        case GUARD_NOTHING:
            break;
        }
    }
}

static bool readable(int fd)
{
    struct pollfd source = {.fd = fd, .events = POLLIN};

    return poll(&source, 1, SOON_MS) == 1;
}

/* Returns when the command and its child are there. */
static struct stage begin_with(const char *command, const struct limits *limits)
{
    int ends[2];
    struct stage stage;
    pid_t *guardian =
        mmap(NULL, sizeof *guardian, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(guardian, MAP_FAILED);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    stage.zkcoord = fork();
    if (stage.zkcoord == 0)
        act(strdup(command), limits, ends[1], guardian);
    close(ends[1]);
    stage.life = ends[0];
    assert_true(readable(stage.life));
    assert_int_equal(read(stage.life, &stage.said, 1), 1);
    stage.guardian = *guardian;
    munmap(guardian, sizeof *guardian);
    return stage;
}

static struct stage begin(const struct limits *limits)
{
    return begin_with(COMMAND, limits);
}

static void end(const struct stage *stage)
{
    char byte;

    assert_true(readable(stage->life));
    assert_int_equal(read(stage->life, &byte, 1), 0);
    close(stage->life);
    kill(stage->zkcoord, SIGKILL);
    assert_int_equal(waitpid(stage->zkcoord, NULL, 0), stage->zkcoord);
}

static struct limits far_limits(void)
{
    return (struct limits){FAR, FAR, FAR};
}

static void zkcoord_killed(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin(&limits);

    (void)state;
    kill(stage.zkcoord, SIGKILL);
    end(&stage);
}

static void guardian_killed(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin(&limits);

    (void)state;
    kill(stage.guardian, SIGKILL);
    end(&stage);
}

/* Stopped before, so that neither can do anything about the death of the other. */
static void both_killed(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct limits limits = far_limits();
        struct stage stage = begin(&limits);

        kill(stage.guardian, SIGSTOP);
        kill(stage.zkcoord, SIGSTOP);
        kill(i % 2 == 0 ? stage.zkcoord : stage.guardian, SIGKILL);
        kill(i % 2 == 0 ? stage.guardian : stage.zkcoord, SIGKILL);
        end(&stage);
    }
}

static void both_stopped(void **state)
{
    int64_t soon = clock_ns() + 1500 * MS;
    struct limits limits = {soon, soon, soon};
    struct stage stage = begin(&limits);

    (void)state;
    kill(stage.guardian, SIGSTOP);
    kill(stage.zkcoord, SIGSTOP);
    end(&stage);
}

static void out_of_time(void **state)
{
    int64_t soon = clock_ns() + 1500 * MS; /* by then the command runs, on a busy machine, too */
    struct limits limits = {soon, soon + 200 * MS, soon + 10000 * MS};
    struct stage stage = begin(&limits);

    (void)state;
    end(&stage);
}

static bool childless(pid_t pid)
{
    char path[64];
    FILE *file;
    bool none;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "re");
    none = file == NULL || fgetc(file) == EOF;
    if (file != NULL)
        fclose(file);
    return none;
}

/* zkcoord is stopped while the command stops and goes on all the time: the end is still reported.
 */
static void many_reports(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin_with("(i=0; while [ $((i += 1)) -lt 800 ]; do kill -STOP $$; (:); "
                                    "kill -CONT $$; done) & echo; wait",
                                    &limits);
    int64_t deadline = clock_ns() + SOON_MS * MS;

    (void)state;
    kill(stage.zkcoord, SIGSTOP);
    while (!childless(stage.guardian) && clock_ns() < deadline)
        poll(NULL, 0, 1);
    kill(stage.zkcoord, SIGCONT);
    if (!readable(stage.life)) /* it ends when it has heard of the end, and the guardian with it */
        kill(stage.zkcoord, SIGKILL);
    end(&stage);
    assert_true(clock_ns() < deadline);
}

/* The role: chains of processes, each in a session of its own, which ends when the next lives. */
static int run_away(void)
{
    int64_t stop = clock_ns() + 60000 * MS;

    signal(SIGTERM, SIG_IGN);
    if (write(STDOUT_FILENO, "", 1) != 1)
        return 1;
    for (int chains = 0; chains < 3; chains++) {
        if (fork() != 0)
            continue;
        while (clock_ns() < stop && fork() == 0)
            setsid();
        _exit(0);
    }
    return pause();
}

/* ---- on a busy machine ---- */

static int say_policy(void)
{
    char policy = (char)('0' + sched_getscheduler(0));

    return write(STDOUT_FILENO, &policy, 1) == 1 ? pause() : 1;
}

/* What this process may have, the guardian has. */
static int policy_allowed(void)
{
    const struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(sched_setscheduler(0, SCHED_RR, &least) == 0 ? SCHED_RR : SCHED_OTHER);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void self_with(const char *argument, char *command, size_t size)
{
    char self[1024] = "";

    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(command, size, "exec '%s' %s", self, argument);
}

static void goes_first(void **state)
{
    struct limits limits = far_limits();
    struct stage stage;
    char command[1100];

    (void)state;
    self_with("say-policy", command, sizeof command);
    stage = begin_with(command, &limits);
    print_message("the guardian runs with policy %d\n", sched_getscheduler(stage.guardian));
    assert_int_equal(sched_getscheduler(stage.guardian), policy_allowed());
    assert_int_equal(stage.said, '0' + sched_getscheduler(0));
    kill(stage.zkcoord, SIGKILL);
    end(&stage);
}

static void runaways(void **state)
{
    char command[1100];

    (void)state;
    self_with("run-away", command, sizeof command);
    for (int i = 0; i < 10; i++) {
        struct limits limits = far_limits();
        struct stage stage = begin_with(command, &limits);

        kill(stage.zkcoord, SIGKILL);
        end(&stage);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zkcoord_killed), cmocka_unit_test(guardian_killed),
        cmocka_unit_test(both_killed),    cmocka_unit_test(both_stopped),
        cmocka_unit_test(out_of_time),    cmocka_unit_test(many_reports),
        cmocka_unit_test(runaways),       cmocka_unit_test(goes_first),
    };

    if (argc > 1)
        return strcmp(argv[1], "run-away") == 0 ? run_away() : say_policy();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
