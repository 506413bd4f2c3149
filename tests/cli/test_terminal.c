/* SPDX-License-Identifier: Apache-2.0 */
/* zkcoord at a terminal, under an interactive shell: job control, progress, questions. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "harness.h"
#include "keeper.h"
#include "server.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SOON deadline_in_ms(60000)
#define CTRL_C "\003"
#define CTRL_D "\004"
#define CTRL_U "\025"
#define CTRL_Z "\032"

/* ---- a shell at a terminal ---- */

struct shell {
    int terminal;
    pid_t pid;
    size_t used;
    char seen[65536]; /* since the last thing that was expected */
};

/* The role: the terminal is our input; the shell is the leader of a session that has it. */
static int shell_main(int argc, char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        if (argc < 2 || ioctl(0, TIOCSCTTY, 0) != 0 || dup2(0, 2) != 2)
            _exit(99);
        setenv("ZKCOORD_NODES", argv[0], 1);
        setenv("Z", argv[1], 1);
        setenv("PS1", "[$?]> ", 1); /* says how the last command ended */
        execlp("bash", "bash", "--norc", "--noprofile", "--noediting", "-i", NULL);
        _exit(99);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static void type(struct shell *shell, const char *text)
{
    assert_int_equal(write(shell->terminal, text, strlen(text)), (ssize_t)strlen(text));
}

static void read_some(struct shell *shell, int64_t deadline)
{
    struct pollfd source = {.fd = shell->terminal, .events = POLLIN};
    size_t room = sizeof shell->seen - 1 - shell->used;
    ssize_t length;

    if (room == 0 || poll(&source, 1, deadline_left_ms(deadline)) <= 0)
        return;
    length = read(shell->terminal, shell->seen + shell->used, room);
    if (length > 0)
        shell->used += (size_t)length;
    shell->seen[shell->used] = '\0';
}

static void expect(struct shell *shell, const char *text)
{
    int64_t deadline = SOON;
    const char *found;
    size_t gone;

    while ((found = strstr(shell->seen, text)) == NULL) {
        if (deadline_passed(deadline))
            fail_msg("'%s' did not appear, but:\n%s", text, shell->seen);
        read_some(shell, deadline);
    }
    gone = (size_t)(found - shell->seen) + strlen(text);
    memmove(shell->seen, shell->seen + gone, shell->used - gone + 1);
    shell->used -= gone;
}

static int open_shell(void **state)
{
    static struct shell shell;
    char path[64];
    const char *const words[] = {command_self(), "--role=shell", nodes, command_path(), NULL};
    int slave;

    memset(&shell, 0, sizeof shell);
    shell.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (shell.terminal < 0 || grantpt(shell.terminal) != 0 || unlockpt(shell.terminal) != 0 ||
        ptsname_r(shell.terminal, path, sizeof path) != 0)
        return -1;
    slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    shell.pid = keeper_spawn(words, slave);
    close(slave);
    *state = &shell;
    type(&shell, "set -b; echo shell $((40 + 2))\n"); /* tell of jobs at once */
    expect(&shell, "shell 42");
    expect(&shell, "[0]> ");
    return shell.pid > 0 ? 0 : -1;
}

static int close_shell(void **state)
{
    struct shell *shell = *state;

    close(shell->terminal); /* hangs up */
    if (!keeper_wait(shell->pid, NULL, deadline_in_ms(10000)))
        keeper_signal(shell->pid, SIGKILL);
    return 0;
}

/* The prompt is back, with the status of the last command. */
static void expect_status(struct shell *shell, int status)
{
    char text[32];

    snprintf(text, sizeof text, "[%d]> ", status);
    expect(shell, text);
}

/* ---- job control ---- */

static void stopped_and_continued(void **state)
{
    type(*state, "$Z lock c --ttl 10 -- sed -u 's/^/got /'\nfirst line\n");
    expect(*state, "got first line");
    type(*state, CTRL_Z);
    expect(*state, "Stopped");
    expect_status(*state, 148);
    type(*state, "jobs\n");
    expect(*state, "Stopped");
    expect_status(*state, 0);
    type(*state, "fg\n");
    expect(*state, "lock c");
    type(*state, "second line\n");
    expect(*state, "got second line");
    type(*state, CTRL_D);
    expect_status(*state, 0);
}

/* With exec: dash loses an interrupt that comes between its fork() and the exec of its child. */
static void interrupted(void **state)
{
    type(*state, "$Z lock i -- sh -c 'echo run''ning; exec sleep 1000'\n");
    expect(*state, "running\r");
    type(*state, CTRL_C);
    expect_status(*state, 130);
    assert_true(probe_wait_children(probe, "/micro/sync/lock/i", 0, SOON));
}

/* Others are in the job as well: the command gets the terminal when it asks for it. */
static void in_a_pipeline(void **state)
{
    type(*state, "$Z lock p -- cat | sed 's/^/got /'; echo done ${PIPESTATUS[0]}\n");
    type(*state, "a line\n" CTRL_D);
    expect(*state, "got a line");
    expect(*state, "done 0");
}

static void a_shell_with_jobs_of_its_own(void **state)
{
    type(*state, "$Z lock s -- bash --norc --noprofile --noediting -i\n");
    type(*state, "echo inner $((1 + 1))\n");
    expect(*state, "inner 2");
    type(*state, "sed -u 's/^/got /'\na line\n");
    expect(*state, "got a line");
    type(*state, CTRL_Z);
    expect(*state, "Stopped");
    type(*state, "exit\nexit\n"); /* the first one warns of the job */
    type(*state, "echo outer $((2 + 2))\n");
    expect(*state, "outer 4");
}

static void in_the_background(void **state)
{
    type(*state, "$Z lock b -- sh -c 'echo working; read a; echo got $a' &\n");
    expect(*state, "working\r");
    expect(*state, "Stopped"); /* it reads from the terminal */
    type(*state, "fg\n");
    expect(*state, "lock b");
    type(*state, "input\n");
    expect(*state, "got input");
    expect_status(*state, 0);
}

/* A subshell that is gone: no shell could ever give this job the terminal. */
static void orphaned(void **state)
{
    type(*state, "( $Z lock o -- sh -c 'cat; echo ca''t $?' </dev/tty & )\n");
    expect(*state, "Input/output error");
    expect(*state, "cat 1");
    assert_true(probe_wait_children(probe, "/micro/sync/lock/o", 0, SOON));
}

/* Later commands do not take the input away from the shell. */
static void orphaned_again_and_again(void **state)
{
    type(*state, "T=$(mktemp); ( $Z elect o --backoff 0.05 -- sh -c 'read a && echo sto''len; "
                 "echo turn is ov''er' </dev/tty & echo $! >$T )\n");
    for (int i = 0; i < 3; i++)
        expect(*state, "turn is over");
    type(*state, "echo outer $((2 + 2))\n");
    expect(*state, "outer 4");
    expect(*state, "turn is over");
    type(*state, "P=$(cat $T); rm $T; kill $P; while kill -0 $P; do sleep 0.1; done; "
                 "echo en''ded\n");
    expect(*state, "ended");
}

/* Not by a shell that watches over its jobs: bash would do it itself. */
static void modes_are_restored(void **state)
{
    type(*state, "sh -c '$Z lock r -- sh -c \"stty raw; kill -KILL \\$\\$\"; "
                 "stty -a | grep -q -e -icanon && echo still ra''w || echo co''oked'\n");
    expect(*state, "\ncooked");
}

/* A command that ends by itself when it is told to had no time for that either. */
static void modes_are_restored_after_a_loss(void **state)
{
    type(*state,
         "sh -c '$Z lock l -- bash -c \"trap \\\"exit 3\\\" TERM; stty raw -echo; echo ra''w "
         "now; sleep 1000 & wait\"; stty -a | grep -q -e -icanon && echo still ra''w || "
         "echo co''oked'\n");
    expect(*state, "raw now");
    assert_int_equal(RUN("break", "l", "-y"), 0);
    expect(*state, "cooked");
}

/* ---- what a person sees ---- */

static void progress_while_waiting(void **state)
{
    struct child *holder = hold("lock", "w");
    char text[64];

    type(*state, "$Z lock w -- echo it is m''ine\n");
    expect(*state, "lock 'w': waiting, 1 ahead; held by ");
    snprintf(text, sizeof text, "-%d, in line since", (int)child_pid(holder));
    expect(*state, text);
    type(*state, CTRL_C);
    expect_status(*state, 130);
    type(*state, "$Z lock w -q -- echo it is m''ine\n");
    assert_true(probe_wait_children(probe, "/micro/sync/lock/w", 2, SOON));
    let_go(holder);
    expect(*state, "it is mine");
}

/* The one ahead may be called as we are: it is in another container. */
static void progress_knows_itself(void **state)
{
    static const char directory[] = "/micro/sync/lock/twin";
    char path[256], made[256], host[128] = "", data[256], text[256];
    long pid;

    assert_int_equal(probe_make_path(probe, directory), ZOK);
    snprintf(path, sizeof path, "%s/x-lock-", directory);
    assert_int_equal(probe_create(probe, path, "", ZOO_EPHEMERAL | ZOO_SEQUENCE, made, sizeof made),
                     ZOK);
    type(*state, "$Z lock twin true & echo pid $!.\n");
    expect(*state, "\npid ");
    while (strchr(((struct shell *)*state)->seen, '.') == NULL)
        read_some(*state, SOON);
    pid = strtol(((struct shell *)*state)->seen, NULL, 10);
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    snprintf(data, sizeof data, "{\"id\":\"%s-%ld\"}", host, pid);
    assert_int_equal(probe_set(probe, made, data), ZOK);
    type(*state, "fg\n");
    snprintf(text, sizeof text, "lock 'twin': waiting, 1 ahead; held by %s-%ld,", host, pid);
    expect(*state, text);
    type(*state, CTRL_C);
    expect_status(*state, 130);
    assert_int_equal(probe_delete_tree(probe, directory), ZOK);
}

/* What is said takes the place of the line that shows how the waiting goes. */
static void progress_makes_room(void **state)
{
    type(*state, "$Z lock u --nodes 127.0.0.1:1 -w 4 true\n");
    expect(*state, "lock 'u': waiting; ZooKeeper does not answer");
    expect(*state, "\r\033[2Kzkcoord: lock 'u': no ZooKeeper server can be reached");
    expect_status(*state, 69);
}

static void break_asks(void **state)
{
    struct child *holder = hold("lock", "k");

    type(*state, "$Z break k\n");
    expect(*state, "the holder is ");
    expect(*state, "[y/N]");
    type(*state, "n\n");
    expect(*state, "nothing was done");
    expect_status(*state, 1);
    type(*state, "$Z break k\n");
    expect(*state, "[y/N]");
    type(*state, CTRL_D);
    expect(*state, "\nzkcoord: nothing was done");
    type(*state, "$Z break k\n");
    expect(*state, "[y/N]");
    type(*state, "y\n");
    expect_status(*state, 0);
    assert_int_equal(command_end(holder), 75);
    child_free(holder);
}

/* The rest of one answer is none to the next question. */
static void one_line_answers_one_question(void **state)
{
    struct child *first = START("lock", "many", "-s", HOLDING);
    struct child *second = START("lock", "many", "-s", HOLDING);

    command_expect(first, "held");
    command_expect(second, "held");
    type(*state, "$Z break many; echo status $?\n");
    expect(*state, "[y/N] ");
    type(*state, "no, not yet -- yes, later\n");
    expect(*state, "nothing was done to it");
    expect(*state, "[y/N] ");
    type(*state, "n\n");
    expect(*state, "status 1");
    let_go(first);
    let_go(second);
}

static void ls_in_place(void **state)
{
    struct child *holder;

    type(*state, "$Z ls look --watch\n");
    expect(*state, "\033[H\033[J");
    holder = hold("lock", "look");
    expect(*state, "\033[H\033[J");
    expect(*state, "look  holds  ");
    let_go(holder);
    expect(*state, "\033[H\033[J");
    type(*state, CTRL_C);
    expect_status(*state, 130);
}

/* The head stays on the screen when there is more than it takes. */
static void ls_on_a_small_screen(void **state)
{
    const struct winsize size = {.ws_row = 3, .ws_col = 60};
    struct child *holder = command_start(nodes, "lock", "full", "sh", "-c", "echo held; cat", NULL);
    struct child *waiters[2];
    struct shell *shell = *state;

    command_expect(holder, "held");
    for (int i = 0; i < 2; i++)
        waiters[i] = command_start(nodes, "lock", "full", "true", NULL);
    assert_true(probe_wait_children(probe, "/micro/sync/lock/full", 3, SOON));
    assert_int_equal(ioctl(shell->terminal, TIOCSWINSZ, &size), 0);
    type(shell, "$Z ls full --watch\n");
    expect(shell, "\033[H\033[J\033[?7lKIND  ");
    expect(shell, "\033[?7hand 3 more\r\n");
    type(shell, CTRL_C);
    expect_status(shell, 130);
    child_signal(holder, SIGTERM);
    command_end(holder);
    child_free(holder);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(command_end(waiters[i]), 0);
        child_free(waiters[i]);
    }
}

static void ls_follows_a_resize(void **state)
{
    const struct winsize small = {.ws_row = 3, .ws_col = 60}, large = {.ws_row = 24, .ws_col = 80};
    struct child *holder = hold("lock", "wide"), *leader = hold("elect", "wide");
    struct shell *shell = *state;

    assert_int_equal(ioctl(shell->terminal, TIOCSWINSZ, &small), 0);
    type(shell, "$Z ls --watch wide\n");
    expect(shell, "\033[H\033[J\033[?7lKIND  ");
    expect(shell, "and 2 more\r\n");
    assert_int_equal(ioctl(shell->terminal, TIOCSWINSZ, &large), 0);
    expect(shell, "\033[H\033[J\033[?7lKIND  ");
    expect(shell, "wide  leads  ");
    type(shell, CTRL_C);
    expect_status(shell, 130);
    let_go(holder);
    let_go(leader);
}

/* ---- completion ---- */

#define COMPLETION_MAX 512

static bool installed(const char *shell)
{
    char command[64];

    snprintf(command, sizeof command, "command -v %s >/dev/null", shell);
    return system(command) == 0; /* NOLINT(cert-env33-c): a constant */
}

static const char *top(void)
{
    const char *given = getenv("top_srcdir");

    return given ? given : "..";
}

/* The tabulator completes what was typed by `rest`. */
static void completes(struct shell *shell, const char *typed, const char *rest)
{
    type(shell, typed);
    type(shell, "\t");
    expect(shell, rest);
    type(shell, CTRL_U "\n");
    expect(shell, "]> ");
}

static void complete_all(struct shell *shell)
{
    char line[COMPLETION_MAX];

    completes(shell, "zkcoord lea", "der");
    completes(shell, "zkcoord break --ye", "s");
    completes(shell, "zkcoord ask --elec", "tion");
    completes(shell, "zkcoord lock depl", "oy-web");
    completes(shell, "zkcoord lock --wait=5 -E 3 depl", "oy-web");
    completes(shell, "zkcoord lock -n -- depl", "oy-web");
    completes(shell, "zkcoord probe --namespace /elsewhere frin", "ge");
    completes(shell, "zkcoord ls a:", "b\\ c");
    completes(shell, "zkcoord lock deploy-web -w 5 trunca", "te");
    completes(shell, "zkcoord lock deploy-web -- ls /usr/inclu", "de/");
    completes(shell, "zkcoord dev --servers 3 -- trunca", "te");
    completes(shell, "zkcoord elect --dialect ka", "zoo");
    completes(shell, "zkcoord lock --dialect=la", "tch");
    completes(shell, "zkcoord lock --dialect latch depl", "oy-web");
    type(shell, "ZKCOORD_NODES=127.0.0.1:1\n");
    expect_status(shell, 0);
    snprintf(line, sizeof line, "zkcoord lock --nodes %s depl", nodes);
    completes(shell, line, "oy-web");
    snprintf(line, sizeof line, "zkcoord lock --nodes=%s depl", nodes);
    completes(shell, line, "oy-web");
}

/* Those that the completion shall find. */
static void use_ids(void)
{
    assert_int_equal(RUN("lock", "deploy-web", "true"), 0);
    assert_int_equal(RUN("elect", "deploy-web", "--once", "true"), 0);
    assert_int_equal(RUN("lock", "a:b c", "true"), 0);
    assert_int_equal(RUN("lock", "fringe", "--namespace", "/elsewhere", "true"), 0);
}

static void bash_completes(void **state)
{
    char line[COMPLETION_MAX];

    use_ids();
    type(*state, "PATH=$(dirname $Z):$PATH TERM=dumb bash --norc --noprofile -i\n");
    expect_status(*state, 0);
    snprintf(line, sizeof line, ". '%s/tools/completion/bash/zkcoord'\n", top());
    type(*state, line);
    expect_status(*state, 0);
    complete_all(*state);
}

static void zsh_completes(void **state)
{
    char line[COMPLETION_MAX];

    if (!installed("zsh"))
        skip();
    use_ids();
    type(*state, "PATH=$(dirname $Z):$PATH PS1='[%?]> ' TERM=dumb zsh -f -i\n");
    expect_status(*state, 0);
    snprintf(line, sizeof line,
             "fpath=('%s/tools/completion/zsh' $fpath); autoload -U compinit; compinit -D\n",
             top());
    type(*state, line);
    expect_status(*state, 0);
    complete_all(*state);
}

/* It can be asked without a terminal. */
static void fish_offers(struct shell *shell, const char *typed, const char *offered)
{
    char line[2 * COMPLETION_MAX];

    snprintf(line, sizeof line,
             "fish -c 'source \"$argv[1]\"; complete -C \"$argv[2]\"' "
             "'%s/tools/completion/fish/zkcoord.fish' '%s' | sed 's/^/offers: /'\n",
             top(), typed);
    type(shell, line);
    expect(shell, offered);
    expect(shell, "]> ");
}

static void fish_completes(void **state)
{
    char line[COMPLETION_MAX];

    if (!installed("fish"))
        skip();
    use_ids();
    type(*state, "PATH=$(dirname $Z):$PATH\n");
    expect_status(*state, 0);
    fish_offers(*state, "zkcoord lea", "offers: leader");
    fish_offers(*state, "zkcoord break --ye", "offers: --yes");
    fish_offers(*state, "zkcoord ask --elec", "offers: --election");
    fish_offers(*state, "zkcoord lock depl", "offers: deploy-web\r");
    fish_offers(*state, "zkcoord lock -w 5 -- depl", "offers: deploy-web\r");
    fish_offers(*state, "zkcoord ls a:", "offers: a:b c\r");
    fish_offers(*state, "zkcoord lock deploy-web -w 5 trunca", "offers: truncate");
    fish_offers(*state, "zkcoord lock deploy-web -- ls /usr/inclu", "offers: /usr/include/");
    fish_offers(*state, "zkcoord elect --dialect ka", "offers: kazoo");
    fish_offers(*state, "zkcoord lock --dialect latch depl", "offers: deploy-web\r");
    type(*state, "ZKCOORD_NODES=127.0.0.1:1\n");
    expect_status(*state, 0);
    snprintf(line, sizeof line, "zkcoord lock --nodes=%s depl", nodes);
    fish_offers(*state, line, "offers: deploy-web\r");
}

/* An id may hold anything: a script gets it as it is, a terminal does not. */
static void names_are_tamed(void **state)
{
    type(*state, "$Z lock $'bell\\ano' true; $Z ls --names\n");
    expect(*state, "bell?no");
    type(*state, "$Z ls --names | grep -c $'bell\\ano'\n");
    expect(*state, "1\r");
}

int main(int argc, char **argv)
{
    static const struct harness_role roles[] = {
        {"zkcoord", command_main}, {"shell", shell_main}, {NULL, NULL}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopped_and_continued, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(interrupted, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(in_a_pipeline, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(a_shell_with_jobs_of_its_own, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(in_the_background, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(orphaned, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(orphaned_again_and_again, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(modes_are_restored, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(modes_are_restored_after_a_loss, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(progress_while_waiting, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(progress_knows_itself, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(progress_makes_room, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(break_asks, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(one_line_answers_one_question, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(ls_in_place, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(names_are_tamed, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(ls_follows_a_resize, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(ls_on_a_small_screen, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(bash_completes, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(zsh_completes, open_shell, close_shell),
        cmocka_unit_test_setup_teardown(fish_completes, open_shell, close_shell),
    };

    harness_start(argc, argv, roles);
    command_path();
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
