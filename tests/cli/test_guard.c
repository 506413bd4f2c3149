/* SPDX-License-Identifier: Apache-2.0 */
/* The guardian without ZooKeeper: a process group that outlives nobody who should look after it. */
#include <stdbool.h>

#include "clock.h"
#include "guard.h"
#include "habitat.h"

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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON_MS 20000
#define MANY_MS 200000 /* for a thousand processes, one after the other */
#define ROUNDS 100
#define FAR (clock_ns() + 3600000 * MS)

/* Both ignore SIGTERM; the second one is a grandchild of the guardian. */
#define COMMAND "trap '' TERM; sleep 1000 & echo; exec sleep 1000"

/* The second one has left the command's process group and its session. */
#define AWAY "trap '' TERM; setsid sleep 1000 & echo; exec sleep 1000"

struct stage {
    pid_t zkcoord;
    pid_t second;
    pid_t guardian;
    int life;  /* what the command has as its output: at its end when nobody of it is left */
    char said; /* the first that came from there */
};

/* In turn: zkcoord, the guardian's second, the guardian. */
static pid_t only_child(pid_t pid)
{
    char path[64];
    FILE *file;
    int child = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file != NULL)
        fclose(file);
    return child;
}

static void act(char *text, const struct limits *limits, int output, pid_t *ret_second)
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
    const char *problem;

    if (dup2(output, STDOUT_FILENO) < 0 || close(output) != 0 ||
        !guard_start(&guard, &plan, &problem))
        _exit(1);
    *ret_second = guard.second;
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

static void clear(const struct stage *stage)
{
    close(stage->life);
    kill(stage->zkcoord, SIGKILL);
    assert_int_equal(waitpid(stage->zkcoord, NULL, 0), stage->zkcoord);
}

/* Returns when the command and its child are there; false if they were killed before. */
static bool begins(struct stage *ret_stage, const char *command, const struct limits *limits)
{
    int ends[2];
    struct stage stage;
    ssize_t count;
    pid_t *second =
        mmap(NULL, sizeof *second, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(second, MAP_FAILED);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    stage.zkcoord = fork();
    if (stage.zkcoord == 0)
        act(strdup(command), limits, ends[1], second);
    close(ends[1]);
    stage.life = ends[0];
    assert_true(readable(stage.life));
    count = read(stage.life, &stage.said, 1);
    stage.second = *second;
    stage.guardian = only_child(stage.second);
    munmap(second, sizeof *second);
    if (count != 1)
        clear(&stage);
    *ret_stage = stage;
    return count == 1;
}

static struct stage begin_with(const char *command, const struct limits *limits)
{
    struct stage stage;

    assert_true(begins(&stage, command, limits));
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
    clear(stage);
}

/* Limits that end soon, but not before the command runs: a busy machine gets more time. */
static struct stage begin_for_a_while(const char *command, int64_t term_ms, int64_t kill_ms)
{
    struct stage stage;

    for (int64_t ms = 1000; ms < SOON_MS; ms *= 2) {
        int64_t soon = clock_ns() + ms * MS;
        struct limits limits = {soon, soon + term_ms * MS, soon + kill_ms * MS};

        if (begins(&stage, command, &limits))
            return stage;
    }
    fail_msg("the command does not begin");
    return stage;
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

/* Its fuse has ended it before it could act, and zkcoord is stopped: its second acts. */
static void guardian_killed_while_zkcoord_is_stopped(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin_with(AWAY, &limits);

    (void)state;
    kill(stage.zkcoord, SIGSTOP);
    kill(stage.guardian, SIGKILL);
    end(&stage);
}

static void both_killed_the_second_lives(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin_with(AWAY, &limits);

    (void)state;
    kill(stage.guardian, SIGSTOP);
    kill(stage.zkcoord, SIGKILL);
    kill(stage.guardian, SIGKILL);
    end(&stage);
}

static void second_killed(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin_with(AWAY, &limits);

    (void)state;
    kill(stage.second, SIGKILL);
    kill(stage.zkcoord, SIGKILL);
    end(&stage);
}

/* Stopped before, so that nobody can do anything about the death of the others. */
static void both_killed(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct limits limits = far_limits();
        struct stage stage = begin(&limits);

        kill(stage.second, SIGKILL);
        kill(stage.guardian, SIGSTOP);
        kill(stage.zkcoord, SIGSTOP);
        kill(i % 2 == 0 ? stage.zkcoord : stage.guardian, SIGKILL);
        kill(i % 2 == 0 ? stage.guardian : stage.zkcoord, SIGKILL);
        end(&stage);
    }
}

static void both_stopped(void **state)
{
    struct stage stage = begin_for_a_while(AWAY, 0, 0);

    (void)state;
    kill(stage.guardian, SIGSTOP);
    kill(stage.zkcoord, SIGSTOP);
    end(&stage);
}

static void all_stopped(void **state)
{
    struct stage stage = begin_for_a_while(COMMAND, 0, 0);

    (void)state;
    kill(stage.second, SIGSTOP);
    kill(stage.guardian, SIGSTOP);
    kill(stage.zkcoord, SIGSTOP);
    end(&stage);
    kill(stage.second, SIGKILL);
}

static void out_of_time(void **state)
{
    struct stage stage = begin_for_a_while(COMMAND, 200, 10000);

    (void)state;
    end(&stage);
}

static bool childless(pid_t pid)
{
    return only_child(pid) == 0;
}

/* zkcoord is stopped while the command stops and goes on all the time: the end is still reported.
 */
static void many_reports(void **state)
{
    struct limits limits = far_limits();
    struct stage stage = begin_with("(i=0; while [ $((i += 1)) -lt 800 ]; do kill -STOP $$; (:); "
                                    "kill -CONT $$; done) & echo; wait",
                                    &limits);
    int64_t deadline = clock_ns() + MANY_MS * MS;
    bool heard;

    (void)state;
    kill(stage.zkcoord, SIGSTOP);
    while (!childless(stage.guardian) && clock_ns() < deadline)
        poll(NULL, 0, 1);
    assert_true(childless(stage.guardian));
    kill(stage.zkcoord, SIGCONT);
    heard =
        readable(stage.life); /* it ends when it has heard of the end, and the guardian with it */
    if (!heard)
        kill(stage.zkcoord, SIGKILL);
    end(&stage);
    assert_true(heard);
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

/* ---- who was there before ---- */

/* What elders leave: each tells its number once it is an orphan, and lives until it is killed. */
struct elder {
    int orders;
    int daemons;
};

static void daemonize(int tell, pid_t parent)
{
    pid_t self;

    if (fork() != 0)
        return;
    setsid();
    while (getppid() == parent)
        sched_yield();
    self = getpid();
    if (write(tell, &self, sizeof self) == sizeof self)
        pause();
    _exit(0);
}

/* Each order makes an orphan more. */
static void live_as_elder(int orders, int tell)
{
    char byte;
    pid_t pid;

    while (read(orders, &byte, 1) == 1) {
        pid = fork();
        if (pid == 0) {
            daemonize(tell, getpid());
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    _exit(0);
}

static struct elder start_elder(void)
{
    int orders[2], daemons[2];

    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(daemons, O_CLOEXEC), 0);
    if (fork() == 0) {
        close(orders[1]);
        live_as_elder(orders[0], daemons[1]);
    }
    close(orders[0]);
    close(daemons[1]);
    return (struct elder){orders[1], daemons[0]};
}

static pid_t next_daemon(const struct elder *elder)
{
    pid_t pid = 0;

    if (write(elder->orders, "", 1) != 1 || !readable(elder->daemons) ||
        read(elder->daemons, &pid, sizeof pid) != sizeof pid)
        return 0;
    return pid;
}

/* Ends it, unless somebody has done so. */
static bool was_alive(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0 &&
           kill(pid, SIGKILL) == 0;
}

static bool reported(struct guard *guard, enum report_kind kind)
{
    struct pollfd source = {.fd = guard->socket, .events = POLLIN};
    struct report report;
    enum guard_event event;

    do {
        if (poll(&source, 1, SOON_MS) != 1)
            return false;
        event = guard_read(guard, &report);
    } while (event == GUARD_NOTHING || (event == GUARD_REPORT && report.kind != (int32_t)kind));
    return event == GUARD_REPORT;
}

/* How the command ends. */
enum ending { BY_ITSELF, WITHOUT_SECOND, BY_STOP, AFTER_GUARDIAN, ENDINGS };

static bool by_itself(enum ending ending)
{
    return ending == BY_ITSELF || ending == WITHOUT_SECOND;
}

/* life: the command's output; at its end when nobody of it is left. */
static bool ends_so(struct guard *guard, enum ending ending, int life)
{
    char byte;

    if (ending == WITHOUT_SECOND)
        kill(guard->second, SIGKILL);
    if (by_itself(ending) ? !reported(guard, REPORT_EMPTY) : read(life, &byte, 1) != 1)
        return false;
    if (ending == AFTER_GUARDIAN)
        kill(guard->guardian, SIGKILL);
    return guard_stop(guard) == 0 && readable(life) && read(life, &byte, 1) == 0;
}

static bool starts_so(struct guard *guard, enum ending ending, int output)
{
    char shell[] = "sh", option[] = "-c", away[] = AWAY, nothing[] = "exit 0";
    char *command[] = {shell, option, by_itself(ending) ? nothing : away, NULL};
    struct plan plan = {.command = command,
                        .id = "x",
                        .terminal = -1,
                        .notice = alarm_open(),
                        .asked = alarm_open()};
    struct limits limits = far_limits();
    const char *problem;
    int own = dup(STDOUT_FILENO);
    bool started = dup2(output, STDOUT_FILENO) >= 0 && guard_start(guard, &plan, &problem);

    close(output);
    dup2(own, STDOUT_FILENO);
    close(own);
    if (started)
        guard_run(guard, 1, 1000 * MS, &limits, false);
    return started;
}

/* 0 if what the elder leaves lives, and nobody of the command; in a process of its own. */
static int spares_elders(enum ending ending)
{
    struct elder elder = start_elder();
    struct guard guard;
    pid_t before, after;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0 || !starts_so(&guard, ending, ends[1]))
        return 2;
    before = next_daemon(&elder);
    if (before == 0 || !ends_so(&guard, ending, ends[0]))
        return 3;
    after = next_daemon(&elder);
    if (after == 0 || !was_alive(after))
        return 4;
    return was_alive(before) ? 0 : 1;
}

static void what_elders_leave_lives(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    for (int ending = 0; ending < ENDINGS; ending++) {
        pid = fork();
        if (pid == 0)
            _exit(spares_elders((enum ending)ending));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* ---- who cannot begin ---- */

static struct plan plan_of(char **command)
{
    return (struct plan){.command = command, .id = "x", .terminal = -1, .notice = -1, .asked = -1};
}

/* What is said with so many descriptors left: 0 nothing, 1 that there are too few, 2 else. */
static int begins_with(int descriptors)
{
    char name[] = "true";
    char *command[] = {name, NULL};
    struct plan plan = plan_of(command);
    struct guard guard;
    const char *problem;
    int next = dup(STDIN_FILENO);

    close(next);
    for (int fd = next; fd < next + descriptors; fd++)
        close(fd); /* of this test, above a gap */
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)(next + descriptors),
                                                  (rlim_t)(next + descriptors)}) != 0)
        return 2;
    if (guard_start(&guard, &plan, &problem))
        return guard_stop(&guard) == 0 ? 0 : 2;
    return strstr(problem, "ulimit -n") != NULL ? 1 : 2;
}

/* Also where it is the guardian that lacks one. */
static void few_descriptors(void **state)
{
    int status = 0, last = 1;
    pid_t pid;

    (void)state;
    for (int descriptors = 5; descriptors < 20; descriptors++) {
        pid = fork();
        if (pid == 0)
            _exit(begins_with(descriptors));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_in_range(WEXITSTATUS(status), 0, last);
        last = WEXITSTATUS(status);
        if (descriptors == 5)
            assert_int_equal(last, 1);
    }
    assert_int_equal(last, 0);
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

/* ---- who is told ---- */

static void told(int signal)
{
    if (write(STDOUT_FILENO, "T", 1) != 1)
        _exit(signal);
}

static void wait_to_be_told(bool away)
{
    if (away)
        setsid();
    for (;;)
        pause();
}

/* The role: a process, one in its group and one in a session of its own. */
static int say_when_told(void)
{
    signal(SIGTERM, told);
    if (fork() == 0)
        wait_to_be_told(false);
    if (fork() == 0)
        wait_to_be_told(true);
    if (write(STDOUT_FILENO, "!", 1) != 1)
        return 1;
    wait_to_be_told(false);
    return 0;
}

static void each_is_told_once(void **state)
{
    struct stage stage;
    char command[1100], said[64];
    ssize_t count, all = 0;

    (void)state;
    self_with("say-when-told", command, sizeof command);
    stage = begin_for_a_while(command, 10000, 20000);
    while ((count = read(stage.life, said + all, sizeof said - (size_t)all)) > 0)
        all += count;
    clear(&stage);
    assert_int_equal(all, 3);
}

/* ---- who cannot be seen ---- */

/* As ssh-agent does it: nobody but root can see it where /proc hides what cannot be dumped. */
static void hide(void)
{
    setsid();
    prctl(PR_SET_DUMPABLE, 0);
}

/* The role: two of them, the second a child of the first. */
static int hide_away(void)
{
    if (fork() == 0) {
        hide();
        if (fork() == 0)
            hide();
        for (;;)
            pause();
    }
    if (write(STDOUT_FILENO, "", 1) != 1)
        return 1;
    return pause();
}

/* 0 if all went well. In a process of its own, which does not come back to what it was. */
static int kills_the_hidden(void)
{
    struct limits limits = far_limits();
    struct stage stage;
    int self = open("/proc/self/exe", O_RDONLY);
    char command[64];

    habitat_enter("uh");
    snprintf(command, sizeof command, "exec /proc/self/fd/%d hide-away", self);
    stage = begin_with(command, &limits);
    kill(stage.zkcoord, SIGKILL);
    end(&stage);
    return 0;
}

static void hidden_descendants_are_killed(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    if (!habitat_possible("h"))
        skip();
    pid = fork();
    if (pid == 0)
        _exit(kills_the_hidden());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- who runs away ---- */

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

static int play(const char *role)
{
    if (strcmp(role, "run-away") == 0)
        return run_away();
    if (strcmp(role, "say-when-told") == 0)
        return say_when_told();
    return strcmp(role, "hide-away") == 0 ? hide_away() : say_policy();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zkcoord_killed),
        cmocka_unit_test(guardian_killed),
        cmocka_unit_test(guardian_killed_while_zkcoord_is_stopped),
        cmocka_unit_test(second_killed),
        cmocka_unit_test(both_killed_the_second_lives),
        cmocka_unit_test(both_killed),
        cmocka_unit_test(both_stopped),
        cmocka_unit_test(all_stopped),
        cmocka_unit_test(out_of_time),
        cmocka_unit_test(what_elders_leave_lives),
        cmocka_unit_test(few_descriptors),
        cmocka_unit_test(each_is_told_once),
        cmocka_unit_test(hidden_descendants_are_killed),
        cmocka_unit_test(many_reports),
        cmocka_unit_test(runaways),
        cmocka_unit_test(goes_first),
    };

    if (argc > 1)
        return play(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
