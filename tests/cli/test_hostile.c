/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord where whoever started it, or what surrounds it, is careless or hostile. One server. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "habitat.h"
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#define SOON deadline_in_ms(60000)
#define LOCKS "/micro/sync/lock/"

/* The role: a script, in a habitat. */
static int script_main_in(int argc, char **argv)
{
    habitat_enter(argv[0]);
    return command_script_main(argc - 1, argv + 1);
}

static struct child *script(const char *text)
{
    struct child *child = child_start("script", nodes, text, NULL);

    assert_non_null(child);
    return child;
}

/* ---- what was inherited ---- */

/* The role: as "zkcoord", with a signal ignored that says how children end. */
static int careless_main(int argc, char **argv)
{
    signal(SIGCHLD, SIG_IGN);
    return command_main(argc, argv);
}

static void children_ignored(void **state)
{
    (void)state;
    command_finish(child_start("careless", nodes, "lock", "c", "sh", "-c", "exit 7", NULL), 7);
}

/* The command finds them closed, and not in use for something of ours. */
static void closed_descriptors(void **state)
{
    struct child *child =
        script("$Z lock d -- sh -c 'for n in 0 1 2; do test ! -e /proc/$$/fd/$n || exit 9; done; "
               "exit 4' <&- >&- 2>&-; echo status $?; $Z ls >&-; echo ls $?");

    (void)state;
    command_expect(child, "status 4");
    command_expect(child, "cannot write");
    command_expect(child, "ls 74");
    command_finish(child, 0);
}

/* tee, say: a child by exec, which is none of the command's, and lives until its input ends. */
static void children_from_before(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct child *child =
            script("exec 3>&1; exec $Z lock b -- echo > >(cat >/dev/null; echo alive >&3)");

        command_expect(child, "alive");
        child_free(child);
    }
}

/* As PID 1 has them of strangers: here of what zkcoord was before. */
static void orphans_are_reaped(void **state)
{
    struct child *child =
        script("sleep 1 & exec $Z lock o -- sh -c \"while [ -e /proc/$! ]; do sleep 0.05; done; "
               "exit 4\"");

    (void)state;
    command_finish(child, 4);
}

/* One that was killed stands before them, and is left alone. */
static void orphans_are_reaped_behind_a_dead_second(void **state)
{
    struct child *child = script(
        "t=$(mktemp); (sleep 1 & echo $! >$t; exec sleep 0.2) & exec $Z lock o -- sh -c \""
        "kill -KILL \\$(cut -d' ' -f4 /proc/\\$PPID/stat); until [ -s $t ]; do sleep 0.05; done; "
        "while [ -e /proc/\\$(cat $t) ]; do sleep 0.05; done; rm $t; exit 4\"");

    (void)state;
    command_finish(child, 4);
}

/* ---- too little of something ---- */

static void nowhere_to_write(void **state)
{
    struct child *child = script("for v in version 'ls --json' 'leader x'; do "
                                 "$Z $v >/dev/full; echo status $?; done");

    (void)state;
    for (int i = 0; i < 3; i++) {
        command_expect(child, "cannot write");
        command_expect(child, "status 74");
    }
    command_finish(child, 0);
}

static void few_descriptors(void **state)
{
    struct child *child = script("for n in {5..24}; do (ulimit -n $n; $Z lock f -n -- sh -c 'exit "
                                 "4'); s=$?; [ $s = 4 ] || [ $s = 70 ] || echo BAD $n: $s; done; "
                                 "echo last $s");
    char line[512] = "";

    (void)state;
    while (strcmp(line, "last 4") != 0) {
        assert_true(child_read_line(child, line, sizeof line, SOON));
        if (strstr(line, "BAD"))
            fail_msg("%s", line);
    }
    command_finish(child, 0);
}

/* The system says why, and so do we. */
static void what_the_system_refuses(void **state)
{
    struct child *child = script("for n in {4..16}; do (ulimit -n $n; $Z ls); done");

    (void)state;
    command_expect(child, "the operating system refused a resource: Too many open files");
    child_free(child);
}

static void a_host_name_that_is_not_utf8(void **state)
{
    struct child *child =
        script("unshare -ru bash -c 'printf \"h\\377t\" >/proc/sys/kernel/hostname && exec $Z lock "
               "h -- $Z ls h' || echo cannot");
    char line[1024];

    (void)state;
    assert_true(child_read_line(child, line, sizeof line, SOON));
    if (strncmp(line, "KIND", 4) != 0 && strncmp(line, "zkcoord", 7) != 0) {
        child_free(child); /* not allowed to have a host name of its own */
        skip();
    }
    command_expect(child, "holds  h?t-");
    command_finish(child, 0);
}

static void no_proc(void **state)
{
    struct child *child = script("unshare -rm true || exit 77; unshare -rm sh -c 'mount -t tmpfs "
                                 "none /proc && exec $Z lock p -- true'");

    (void)state;
    command_expect(child, "/proc is not mounted");
    command_finish(child, 70);
}

/* There somebody else has our number, or nobody. */
static void somebody_elses_proc(void **state)
{
    struct child *child = script("exec unshare -rpf $Z lock p -- true");

    (void)state;
    command_expect(child, "another PID namespace");
    command_finish(child, 70);
}

static void proc_is_covered_meanwhile(void **state)
{
    struct child *child;
    char text[160];

    (void)state;
    snprintf(text, sizeof text,
             "exec unshare -rm $Z lock p -- sh -c 'mount -t tmpfs none /proc; echo covered; "
             "setsid sleep %s & sleep 0.2'",
             command_mark());
    child = script(text);
    command_expect(child, "covered");
    command_finish(child, 0);
    command_nobody(command_mark());
}

/* ---- somebody who may not be killed ---- */

/* The role: a program of root's with the set-user-ID bit, which becomes root altogether. What is
 * left of its child is the user's. */
static int rise_main(int argc, char **argv)
{
    uid_t user = getuid();

    (void)argv;
    if (fork() == 0)
        _exit(setresuid(user, user, user) != 0);
    if (argc != 0 || setresuid(0, 0, 0) != 0)
        return 99;
    setsid();
    printf("risen %ld\n", (long)getpid());
    fflush(stdout);
    return pause();
}

static bool is_gone(void *arg)
{
    return kill(*(const pid_t *)arg, 0) != 0;
}

static pid_t read_pid(struct child *child, const char *before)
{
    char line[4096];

    while (child_read_line(child, line, sizeof line, SOON)) {
        const char *found = strstr(line, before);
        if (found != NULL)
            return (pid_t)strtol(found + strlen(before), NULL, 10);
    }
    fail_msg("nobody said: %s", before);
    return 0;
}

/* An ordinary user's zkcoord. before: the command, up to a program that may become root. */
static struct child *start_to_rise(const char *directory, const char *habitat, const char *before,
                                   const char *after)
{
    char text[512];
    struct child *child;

    snprintf(text, sizeof text, "chmod 755 %s && cp %s %s/rise && chmod 4755 %s/rise", directory,
             command_self(), directory, directory);
    command_finish(script(text), 0);
    snprintf(text, sizeof text, "exec $Z lock o --ttl 4 -- %s%s/rise --role=%s", before, directory,
             after);
    child = child_start("script-in", habitat, nodes, text, NULL);
    assert_non_null(child);
    return child;
}

/* Its command leaves two descendants that have become root's. */
static struct child *start_rising(const char *directory, const char *habitat)
{
    return start_to_rise(directory, habitat, "sh -c 'for i in 1 2; do ", "rise & done; sleep 0.5'");
}

static void read_pids(struct child *child, const char *before, pid_t pids[2])
{
    pid_t first = read_pid(child, before), second = read_pid(child, before);

    pids[0] = first < second ? first : second;
    pids[1] = first < second ? second : first;
}

/* The lock is ours for as long as one lives; we name each, and obey. */
static void another_users_descendants(void **state)
{
    char directory[64];
    struct child *child;
    pid_t risen[2], named[2];

    (void)state;
    if (!habitat_possible("u"))
        skip();
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    child = start_rising(directory, "u");
    read_pids(child, "risen ", risen);
    read_pids(child, "zkcoord: process ", named);
    assert_memory_equal(named, risen, sizeof risen);
    assert_true(probe_wait_children(probe, LOCKS "o", 1, SOON));
    child_signal(child, SIGTERM);
    read_pids(child, "zkcoord: process ", named);
    assert_memory_equal(named, risen, sizeof risen);
    command_finish(child, 128 + SIGTERM);
    for (int i = 0; i < 2; i++)
        assert_int_equal(kill(risen[i], SIGKILL), 0);
    keeper_remove_dir(directory);
}

/* Its command has become root's itself. */
struct risen {
    char directory[64];
    struct child *child;
    pid_t pid;
};

static void begin_risen(struct risen *risen)
{
    if (!habitat_possible("u"))
        skip();
    assert_int_equal(keeper_make_dir(risen->directory, sizeof risen->directory), 0);
    risen->child = start_to_rise(risen->directory, "u", "", "rise");
    risen->pid = read_pid(risen->child, "risen ");
}

/* With this signal zkcoord ends, and the command lives. */
static void end_risen(struct risen *risen)
{
    child_signal(risen->child, SIGTERM);
    command_finish(risen->child, 128 + SIGTERM);
    assert_int_equal(kill(risen->pid, SIGKILL), 0);
    keeper_remove_dir(risen->directory);
}

/* The first signal that is to end it has it named, the second ends us; no other does. */
static void a_command_that_nobody_may_kill(void **state)
{
    struct risen risen;

    (void)state;
    begin_risen(&risen);
    child_signal(risen.child, SIGUSR1);
    child_signal(risen.child, SIGTERM);
    assert_int_equal(read_pid(risen.child, "zkcoord: process "), risen.pid);
    child_signal(risen.child, SIGCONT);
    child_signal(risen.child, SIGUSR1);
    child_signal(risen.child, SIGWINCH);
    assert_false(child_wait(risen.child, NULL, deadline_in_ms(500)));
    assert_true(probe_wait_children(probe, LOCKS "o", 1, SOON));
    end_risen(&risen);
}

static void a_lost_command_that_nobody_may_kill(void **state)
{
    struct risen risen;

    (void)state;
    begin_risen(&risen);
    assert_int_equal(probe_delete_tree(probe, LOCKS "o"), 0);
    assert_int_equal(read_pid(risen.child, "zkcoord: process "), risen.pid);
    end_risen(&risen);
}

/* The role, likewise: root's process, below it another, and below that one an ordinary user's. */
static int shelter_main(int argc, char **argv)
{
    uid_t user = getuid();

    (void)argv;
    if (argc != 0 || setresuid(0, 0, 0) != 0 || setpgid(0, 0) != 0)
        return 99;
    if (fork() == 0 && fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        if (setsid() < 0 || setresuid(user, user, user) != 0)
            return 99;
        prctl(PR_SET_DUMPABLE, 1); /* as after exec */
        printf("sheltered %ld\n", (long)getpid());
        fflush(stdout);
    }
    return pause();
}

/* Linux 6.13 and later tell parents of processes that are hidden. */
static bool parents_are_told(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    uint64_t answer[8] = {1};
    bool told = ioctl(fd, _IOWR(0xFF, 11, answer), answer) == 0;

    close(fd);
    return told;
}

/* Root's process does not reap it. */
static bool is_dead(void *arg)
{
    char path[64], line[256] = "";
    const char *name_end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)*(const pid_t *)arg);
    file = fopen(path, "re");
    if (file == NULL)
        return true;
    name_end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    return name_end == NULL || name_end[2] == 'Z';
}

/* sudo(8) with a terminal of its own makes such a family. */
static void whoever_is_below_hidden_processes_is_killed(void **state)
{
    char directory[64];
    struct child *child;
    pid_t sheltered, root;

    (void)state;
    if (!habitat_possible("uh"))
        skip();
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    child = start_to_rise(directory, "uh", "sh -c '", "shelter & sleep 0.5'");
    sheltered = read_pid(child, "sheltered ");
    root = read_pid(child, "zkcoord: process ");
    if (parents_are_told())
        assert_true(wait_until(is_dead, &sheltered, SOON));
    else
        assert_false(is_dead(&sheltered));
    child_signal(child, SIGTERM);
    command_finish(child, 128 + SIGTERM);
    assert_int_equal(kill(-root, SIGKILL), 0);
    keeper_remove_dir(directory);
}

/* The kernel kills whoever is in it; and it is removed. */
static void a_cgroup_of_the_commands_own(void **state)
{
    char directory[64];
    struct child *child;
    pid_t risen[2];

    (void)state;
    if (!habitat_possible("uc"))
        skip();
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    child = start_rising(directory, "uc");
    read_pids(child, "risen ", risen);
    assert_int_equal(command_end(child), 0);
    for (int i = 0; i < 2; i++)
        assert_true(wait_until(is_gone, &risen[i], SOON));
    assert_true(habitat_remove(child_pid(child)));
    child_free(child);
    keeper_remove_dir(directory);
}

static struct child *start_in_cgroup(const char *text)
{
    struct child *child;

    if (!habitat_possible("c"))
        skip();
    child = child_start("script-in", "c", nodes, text, NULL);
    assert_non_null(child);
    return child;
}

static void end_in_cgroup(struct child *child)
{
    assert_int_equal(command_end(child), 0);
    assert_true(habitat_remove(child_pid(child)));
    child_free(child);
}

/* Two first processes of PID namespaces have one number: one waits, the other comes and goes. */
static void a_cgroup_is_not_anothers_of_the_same_number(void **state)
{
    struct child *child;

    (void)state;
    child = start_in_cgroup(
        "t=$(mktemp); F='unshare -pf --mount-proc'; "
        "$Z lock g -- sh -c 'echo up >$0; while [ -e $0 ]; do sleep 0.05; done' $t & "
        "until grep -q up $t; do sleep 0.01; done; "
        "$F $Z lock g -- sh -c 'grep -o /zkcoord-.* /proc/self/cgroup || echo outside' & "
        "until $Z ls g | grep -q ' 1 '; do sleep 0.01; done; $F $Z lock other true; rm $t; wait");
    command_expect(child, "/zkcoord-");
    end_in_cgroup(child);
}

/* Orphaned there, a process comes to the first of that namespace, not to us. */
static void check_left_elsewhere(const char *leave)
{
    char text[1000];
    struct child *child;

    snprintf(text, sizeof text,
             "unshare -pf sleep 1%s & until P=$(pgrep -P $!); do sleep 0.01; done; "
             "export C=$(findmnt -nt cgroup2 -o TARGET | tail -1); "
             "$Z lock n -- nsenter -t $P -p sh -c '(%s setsid sleep %s &); sleep 0.2'; "
             "pgrep -xf 'sleep %s' || echo nobody is left; kill -9 $P; wait",
             command_mark(), leave, command_mark(), command_mark());
    child = start_in_cgroup(text);
    command_expect(child, "nobody is left");
    end_in_cgroup(child);
}

static void left_in_another_pid_namespace(void **state)
{
    (void)state;
    check_left_elsewhere("");
}

/* And in a cgroup that the command makes below its own; both are removed with it. */
static void left_in_a_cgroup_of_its_own_making(void **state)
{
    (void)state;
    check_left_elsewhere("c=$C$(sed -n s/^0:://p /proc/self/cgroup); "
                         "mkdir -p $c/a/b $c/d; echo 0 >$c/a/b/cgroup.procs;");
}

/* The first leaves the cgroup, and freezes or removes it; the next ones are in it all the same. */
static void a_cgroup_that_a_turn_spoils(void **state)
{
    struct child *child;

    (void)state;
    child = start_in_cgroup(
        "export C=$(findmnt -nt cgroup2 -o TARGET | tail -1) N=$(mktemp); "
        "$Z elect s --backoff 0.05 -- bash -c '"
        "c=$C$(sed -n s/^0:://p /proc/self/cgroup); echo >>$N; echo turn $(wc -l <$N) ${c##*/}; "
        "case $(wc -l <$N) in "
        "1) echo $$ >${c%/*}/cgroup.procs; echo 1 >$c/cgroup.freeze;; "
        "2) echo $$ >${c%/*}/cgroup.procs; rmdir $c;; "
        "*) exec sleep 1000;; esac' & "
        "read -t 60; kill $!; wait; rm $N");
    for (int i = 1; i <= 3; i++) {
        char wanted[24];

        snprintf(wanted, sizeof wanted, "turn %d zkcoord-", i);
        command_expect(child, wanted);
    }
    assert_true(child_write_line(child, "end"));
    end_in_cgroup(child);
}

/* Everybody who could kill the daemon is killed or stopped; the kernel ends the namespace. */
static void a_pid_namespace_of_its_own_is_a_fence(void **state)
{
    struct child *child;
    char text[400];

    (void)state;
    snprintf(text, sizeof text,
             "exec unshare -rpf --mount-proc --kill-child $Z lock f -- sh -c '(setsid sleep %s &); "
             "read _ _ _ second _ </proc/$PPID/stat; kill -STOP $PPID $second; echo stopped; "
             "exec sleep %s'",
             command_mark(), command_mark());
    child = script(text);
    command_expect(child, "stopped");
    assert_int_equal(kill(child_pid(child), SIGKILL), 0);
    command_nobody(command_mark());
    child_free(child);
}

/* ---- somebody who does not move ---- */

static int full_socket(const char *path, int *ret_sender)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    *ret_sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(*ret_sender, (struct sockaddr *)&address, sizeof address), 0);
    while (send(*ret_sender, "", 1, 0) == 1)
        ;
    return fd;
}

static void service_manager(void **state)
{
    char directory[64], path[80], text[256];
    int sender, fd;
    struct child *child;

    (void)state;
    assert_int_equal(keeper_make_dir(directory, sizeof directory), 0);
    snprintf(path, sizeof path, "%s/notify", directory);
    fd = full_socket(path, &sender);
    snprintf(text, sizeof text, "NOTIFY_SOCKET=%s exec $Z elect n --once sh -c 'exit 4'", path);
    child = script(text);
    command_expect(child, "does not listen");
    command_finish(child, 4);
    close(sender);
    close(fd);
    keeper_remove_dir(directory);
}

static bool has_guardian(void *arg)
{
    return command_guardian(child_pid(arg)) > 0;
}

/* It got no order yet, and so no time limit: without one, it would be waited for for ever. */
static void guardian_stopped_before_the_grant(void **state)
{
    struct child *holder = hold("lock", "g");
    struct child *waiter = START("lock", "g", "--ttl", "4", "echo", "mine");
    pid_t guardian;

    (void)state;
    assert_true(probe_wait_children(probe, LOCKS "g", 2, SOON));
    assert_true(wait_until(has_guardian, waiter, SOON));
    guardian = command_guardian(child_pid(waiter));
    kill(guardian, SIGSTOP);
    let_go(holder);
    command_expect(waiter, "lost");
    command_finish(waiter, 75);
    assert_true(probe_wait_children(probe, LOCKS "g", 0, SOON));
}

/* ---- what is said ---- */

static void clear_words(void **state)
{
    struct child *child = START("lock", "-Xn", "u", "true");

    (void)state;
    command_expect(child, "no option '-X'");
    command_finish(child, 64);
    child = command_start("127.0.0.1:1", "lock", "x", "-q", "true", NULL);
    command_expect(child, "can be reached");
    command_finish(child, 69);
}

/* From the loss to the end. */
static int64_t end_with_grace(const char *grace)
{
    struct child *child = START("lock", "z", "--ttl", "20", "--grace", grace, "sh", "-c",
                                "trap '' TERM; echo ready; sleep 1000");
    int64_t began;

    command_expect(child, "ready");
    began = now_ns();
    assert_int_equal(probe_delete_tree(probe, LOCKS "z"), 0);
    command_finish(child, 75);
    return (now_ns() - began) / 1000000;
}

/* None is not the same as none given, which is 2 seconds here. A busy machine gets a few tries. */
static void no_grace(void **state)
{
    int tries = 0;

    (void)state;
    while (end_with_grace("0") >= 1900)
        assert_true(++tries < 5);
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {{"zkcoord", command_main},
                                                {"careless", careless_main},
                                                {"script", command_script_main},
                                                {"script-in", script_main_in},
                                                {"rise", rise_main},
                                                {"shelter", shelter_main},
                                                {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_ignored),
        cmocka_unit_test(closed_descriptors),
        cmocka_unit_test(children_from_before),
        cmocka_unit_test(nowhere_to_write),
        cmocka_unit_test(orphans_are_reaped),
        cmocka_unit_test(orphans_are_reaped_behind_a_dead_second),
        cmocka_unit_test(few_descriptors),
        cmocka_unit_test(no_proc),
        cmocka_unit_test(somebody_elses_proc),
        cmocka_unit_test(proc_is_covered_meanwhile),
        cmocka_unit_test(another_users_descendants),
        cmocka_unit_test(a_command_that_nobody_may_kill),
        cmocka_unit_test(a_lost_command_that_nobody_may_kill),
        cmocka_unit_test(whoever_is_below_hidden_processes_is_killed),
        cmocka_unit_test(a_cgroup_of_the_commands_own),
        cmocka_unit_test(a_cgroup_is_not_anothers_of_the_same_number),
        cmocka_unit_test(left_in_another_pid_namespace),
        cmocka_unit_test(left_in_a_cgroup_of_its_own_making),
        cmocka_unit_test(a_cgroup_that_a_turn_spoils),
        cmocka_unit_test(a_pid_namespace_of_its_own_is_a_fence),
        cmocka_unit_test(what_the_system_refuses),
        cmocka_unit_test(a_host_name_that_is_not_utf8),
        cmocka_unit_test(service_manager),
        cmocka_unit_test(guardian_stopped_before_the_grant),
        cmocka_unit_test(clear_words),
        cmocka_unit_test(no_grace),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
