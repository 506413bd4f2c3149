/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"
#include "clock.h"
#include "second.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (5000 * MS) /* with a process that does not end */
#define BEGINNING_MS 10000   /* for the guardian to prepare */

static const char *reason(int error)
{
    if (error == EMFILE)
        return "no descriptor is left: raise the limit of the process (ulimit -n)";
    if (error == EAGAIN)
        return "no process can be started, or no timer: raise the limits (ulimit -u, ulimit -i)";
    return strerror(error);
}

/* The guardian's first report: it is prepared, or says why not. */
static bool is_ready(struct guard *guard, const char **ret_problem)
{
    struct pollfd source = {.fd = guard->socket, .events = POLLIN};
    struct report report;

    *ret_problem = "the guardian of the command does not begin";
    if (poll(&source, 1, BEGINNING_MS) != 1 || guard_read(guard, &report) != GUARD_REPORT ||
        report.kind != REPORT_READY)
        return false;
    if (report.number < 0)
        *ret_problem = reason(-report.number);
    guard->guardian = report.number;
    guard->empty = true;
    return report.number > 0;
}

bool guard_start(struct guard *guard, const struct plan *plan, const char **ret_problem)
{
    int ends[2];

    *guard = (struct guard){.socket = -1};
    if (!family_open(&guard->family, ret_problem))
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        *ret_problem = reason(errno);
        return false;
    }
    guard->second = fork();
    if (guard->second < 0)
        *ret_problem = reason(errno);
    if (guard->second == 0) {
        close(ends[0]);
        second(plan, &guard->family, ends[1]);
    }
    close(ends[1]);
    guard->socket = ends[0];
    if (guard->second < 0)
        return false;
    setpgid(guard->second, guard->second); /* it does the same: whoever comes first */
    return is_ready(guard, ret_problem);
}

/* Never waits: a guardian that is stopped acts by the limits that it has. */
static void order(struct guard *guard, const struct order *order)
{
    if (send(guard->socket, order, sizeof *order, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* if it is gone, reading says so */
}

void guard_run(struct guard *guard, int64_t token, int64_t grace, const struct limits *limits,
               bool foreground)
{
    guard->empty = false;
    order(guard, &(struct order){ORDER_RUN, foreground, token, grace, *limits});
}

void guard_limits(struct guard *guard, const struct limits *limits)
{
    order(guard, &(struct order){.kind = ORDER_LIMITS, .limits = *limits});
}

void guard_signal(struct guard *guard, int signal)
{
    order(guard, &(struct order){.kind = ORDER_SIGNAL, .number = signal});
}

void guard_end(struct guard *guard)
{
    order(guard, &(struct order){.kind = ORDER_END});
}

void guard_leave(struct guard *guard)
{
    order(guard, &(struct order){.kind = ORDER_LEAVE});
}

enum guard_event guard_read(struct guard *guard, struct report *ret)
{
    ssize_t length = recv(guard->socket, ret, sizeof *ret, MSG_DONTWAIT);

    if (length == sizeof *ret) {
        guard->empty = guard->empty || ret->kind == REPORT_EMPTY;
        return GUARD_REPORT;
    }
    return length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? GUARD_NOTHING
                                                                                     : GUARD_GONE;
}

/* True if it had ended by itself: then it has left nobody. */
static bool kill_second(struct guard *guard)
{
    int status = 0;
    pid_t ended;

    kill(-guard->second, SIGKILL);
    do
        ended = waitpid(guard->second, &status, 0);
    while (ended < 0 && errno == EINTR);
    guard->second = 0;
    return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One that has left the group is our child by now. Nobody else's is touched. */
static void kill_guardian(const struct guard *guard)
{
    siginfo_t info;

    if (waitid(P_PID, (id_t)guard->guardian, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return;
    kill(guard->guardian, SIGKILL);
    while (waitpid(guard->guardian, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The guardian and all that it had below it may become our children. */
void guard_kill(struct guard *guard)
{
    if (guard->second == 0)
        return;
    if (!guard->empty)
        family_leave_out_but(&guard->family, guard->second);
    if (kill_second(guard))
        guard->empty = true;
    else if (guard->empty)
        kill_guardian(guard);
    else
        family_kill_children(&guard->family);
}

pid_t guard_stop(struct guard *guard)
{
    pid_t left = 0;

    guard_kill(guard);
    close(guard->socket);
    if (!guard->empty)
        left = family_end(&guard->family, PATIENCE);
    cgroup_remove(&guard->family.cgroup);
    return left;
}
