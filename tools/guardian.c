/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian.h"
#include "clock.h"
#include "family.h"
#include "fuse.h"
#include "orders.h"
#include "spawn.h"
#include "urgency.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who forked while we were looking is found the next time. */
#define KILL_AGAIN (2 * MS)
#define KILL_AGAIN_MAX (256 * MS)
#define CHASES 10

/* After SIGKILL: whoever lives longer is said to be left; so long we try without zkcoord. */
#define LEFT (1000 * MS)
#define ALONE (10000 * MS)

/* Bytes in a socket, of 200 KiB or so. */
#define CROWD 32768

struct guardian {
    const struct plan *plan;
    const struct family *family;
    int socket;
    int children; /* signalfd */
    int timer;
    bool alone;    /* zkcoord is gone */
    bool active;   /* something of the command may be alive */
    bool ending;   /* SIGTERM was sent */
    pid_t command; /* 0: has ended, and its number may be somebody else's */
    int failure;   /* tells why it could not be executed; meaningless without a command */
    pid_t told;    /* its process group, once an order has sent SIGTERM there */
    int64_t grace;
    int64_t pause;  /* until the next SIGKILL; 0: there was none yet */
    int64_t killed; /* when the first SIGKILL was sent */
    pid_t left;     /* reported last as not to be killed; 0: nobody */
    struct limits limits;
    struct fuse fuse;
    struct urgency urgency;
};

/* zkcoord may be stopped, and read nothing: there is to be room for what it must know. */
static bool crowded(const struct guardian *guardian)
{
    int queued;

    return ioctl(guardian->socket, TIOCOUTQ, &queued) == 0 && queued > CROWD;
}

static void report(const struct guardian *guardian, enum report_kind kind, int number)
{
    const struct report report = {(int32_t)kind, number};

    if (kind == REPORT_STOPPED && crowded(guardian))
        return;
    if (send(guardian->socket, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

/* ---- time ---- */

static void set_timer(const struct guardian *guardian)
{
    int64_t at = NEVER;

    if (guardian->active)
        at = guardian->ending ? guardian->limits.kill : guardian->limits.term;
    alarm_set(guardian->timer, at);
}

/* Without an answer to the next order the kernel acts; all limits only move forward. */
static void take_limits(struct guardian *guardian, const struct limits *limits)
{
    if (!guardian->active || guardian->ending)
        return;
    guardian->limits = *limits;
    fuse_set(&guardian->fuse, limits->last);
    set_timer(guardian);
}

/* ---- ending ---- */

static void end(struct guardian *guardian)
{
    int64_t soon = clock_ns() + guardian->grace;

    if (!guardian->active || guardian->ending)
        return;
    guardian->ending = true;
    if (guardian->limits.kill > soon)
        guardian->limits.kill = soon;
    set_timer(guardian);
    /* The rest of a group whose command has ended has heard that SIGTERM, too; a loss is news. */
    family_terminate(guardian->family, guardian->command,
                     guardian->command == 0 ? guardian->told : 0);
}

/* Each that we may not kill is told of once, in the order of their numbers; where there is none of
 * these, one that does not die. */
static void report_left(struct guardian *guardian, pid_t not_ours)
{
    pid_t left = not_ours;

    if (left == 0 && guardian->left == 0 && clock_ns() - guardian->killed > LEFT)
        left = family_left(guardian->family);
    if (left == 0)
        return;
    guardian->left = left;
    report(guardian, REPORT_LEFT, left);
}

/* From here on the kernel need not end us: nothing is left that it would end, and we can do more.
 */
static void kill_all(struct guardian *guardian)
{
    pid_t not_ours;

    if (guardian->pause == 0) {
        guardian->pause = KILL_AGAIN;
        guardian->killed = clock_ns();
    } else if (guardian->pause < KILL_AGAIN_MAX) {
        guardian->pause *= 2;
    }
    not_ours = family_kill(guardian->family, guardian->command, guardian->left);
    if (guardian->pause == KILL_AGAIN)
        report(guardian, REPORT_KILLED, 0);
    report_left(guardian, not_ours);
    if (guardian->alone && clock_ns() - guardian->killed > ALONE)
        _exit(1); /* our second says who is left */
    fuse_set(&guardian->fuse, NEVER);
    guardian->limits.kill = clock_ns() + guardian->pause;
    set_timer(guardian);
}

/* When there is no order in time. After a long pause SIGTERM comes late, SIGKILL does not. */
static void look_at_clock(struct guardian *guardian)
{
    int64_t now = clock_ns();

    if (!guardian->active)
        return;
    if (!guardian->ending && now >= guardian->limits.term) {
        report(guardian, REPORT_ENDING, 0);
        end(guardian);
    }
    if (guardian->ending && now >= guardian->limits.kill)
        kill_all(guardian);
}

static void deserted(struct guardian *guardian)
{
    guardian->alone = true;
    if (!guardian->active)
        _exit(0);
    guardian->ending = true;
    kill_all(guardian);
}

/* ---- orders ---- */

static void empty(struct guardian *guardian)
{
    guardian->active = false;
    fuse_clear(&guardian->fuse);
    set_timer(guardian);
    report(guardian, REPORT_EMPTY, 0);
    if (guardian->alone)
        _exit(0);
}

static void run(struct guardian *guardian, const struct order *order)
{
    const struct launch launch = {.plan = guardian->plan,
                                  .fuse = &guardian->fuse,
                                  .cgroup = &guardian->family->cgroup,
                                  .urgency = &guardian->urgency,
                                  .token = order->token,
                                  .foreground = order->number != 0,
                                  .socket = guardian->socket};
    pid_t pid;

    guardian->active = true;
    guardian->ending = false;
    guardian->pause = 0;
    guardian->grace = order->grace;
    guardian->left = 0;
    guardian->told = 0;
    take_limits(guardian, &order->limits);
    pid = spawn(&launch, &guardian->failure);
    if (pid < 0) {
        report(guardian, REPORT_FAILED, errno);
        empty(guardian);
        return;
    }
    guardian->command = pid;
    report(guardian, REPORT_STARTED, pid);
}

/*
 * A process group whose parents are in other sessions counts as orphaned, and gets EIO where others
 * are stopped. We do not lead our group, which is our second's, and can make a session. Later
 * commands have no controlling terminal that could refuse them: they read nothing.
 */
static void leave_session(void)
{
    int nothing = isatty(STDIN_FILENO) ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        close(nothing);
    }
    setsid();
}

/* Others in its group may have got the signal: whether it is another user's it tells itself. */
static bool may_signal_command(const struct guardian *guardian)
{
    return kill(guardian->command, 0) == 0 || errno != EPERM;
}

static void signal_command(struct guardian *guardian, int number)
{
    bool ends = number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGHUP;

    if (guardian->command == 0)
        return;
    if (kill(-guardian->command, number) == 0 && number == SIGTERM)
        guardian->told = guardian->command;
    if (ends && !may_signal_command(guardian))
        report(guardian, REPORT_REFUSED, guardian->command);
}

static void obey(struct guardian *guardian, const struct order *order)
{
    switch ((enum order_kind)order->kind) {
    case ORDER_RUN:
        run(guardian, order);
        break;
    case ORDER_LIMITS:
        take_limits(guardian, &order->limits);
        break;
    case ORDER_SIGNAL:
        signal_command(guardian, order->number);
        break;
    case ORDER_END:
        end(guardian);
        break;
    case ORDER_LEAVE:
        leave_session();
        break;
    }
}

static void read_orders(struct guardian *guardian)
{
    struct order order;
    ssize_t length;

    while ((length = recv(guardian->socket, &order, sizeof order, MSG_DONTWAIT)) > 0)
        obey(guardian, &order);
    if (length == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        deserted(guardian);
}

/* ---- children ---- */

static void command_changed(struct guardian *guardian, int status)
{
    int error;

    if (WIFSTOPPED(status)) {
        report(guardian, REPORT_STOPPED, WSTOPSIG(status));
        return;
    }
    error = spawn_failure(guardian->failure);
    close(guardian->failure);
    guardian->command = 0;
    if (error != 0)
        report(guardian, REPORT_FAILED, error);
    else
        report(guardian, REPORT_EXITED, status);
}

/* No child is left. Only the cgroup shows whoever was orphaned in another PID namespace. */
static void childless(struct guardian *guardian)
{
    if (cgroup_left(&guardian->family->cgroup) == 0) {
        empty(guardian);
    } else if (guardian->pause == 0) {
        guardian->ending = true;
        kill_all(guardian);
    }
}

/* What the command leaves behind ends with it. */
static void reap(struct guardian *guardian)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(guardian->children, &info, sizeof info) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
        if (pid == guardian->command)
            command_changed(guardian, status);
    if (!guardian->active)
        return;
    if (pid < 0 && errno == ECHILD)
        childless(guardian);
    else if (guardian->command == 0)
        end(guardian);
}

/* After SIGKILL: also somebody who runs away by forking. */
static void chase(struct guardian *guardian)
{
    for (int i = 0; i < CHASES && guardian->active && guardian->pause != 0; i++) {
        family_kill_children(guardian->family);
        reap(guardian);
    }
}

/* ---- life ---- */

static void prepare(struct guardian *guardian)
{
    sigset_t all, child;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    guardian->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    guardian->timer = alarm_open();
    if (guardian->children < 0 || guardian->timer < 0 || !family_adopt() ||
        !fuse_open(&guardian->fuse)) {
        report(guardian, REPORT_READY, -errno);
        _exit(1);
    }
    prctl(PR_SET_NAME, "zkc-guardian"); /* what stops zkcoord by its name does not stop us */
    urgency_raise(&guardian->urgency);
    report(guardian, REPORT_READY, getpid());
}

void guardian(const struct plan *plan, const struct family *family, int socket)
{
    struct guardian guardian = {.plan = plan, .family = family, .socket = socket};
    enum { ORDERS, CHILDREN, TIMER, SOURCES };
    struct pollfd sources[SOURCES];

    prepare(&guardian);
    sources[ORDERS] = (struct pollfd){.fd = socket, .events = POLLIN};
    sources[CHILDREN] = (struct pollfd){.fd = guardian.children, .events = POLLIN};
    sources[TIMER] = (struct pollfd){.fd = guardian.timer, .events = POLLIN};
    for (;;) {
        if (poll(sources, SOURCES, -1) < 0 && errno != EINTR)
            _exit(1);
        if (!guardian.alone)
            read_orders(&guardian);
        sources[ORDERS].fd = guardian.alone ? -1 : socket;
        reap(&guardian);
        look_at_clock(&guardian);
        chase(&guardian);
    }
}
