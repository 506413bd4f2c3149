/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"
#include "clock.h"
#include "family.h"
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHASES 10

/*
 * Whoever became zkcoord by exec may have had children: born earlier than the guardian, they are
 * none of its. The clock that says so has ticks of 10 ms.
 */
static bool let_elders_be(void)
{
    int elders = family_signal(0, 0);

    if (elders > 0)
        poll(NULL, 0, 20);
    return elders >= 0;
}

bool guard_start(struct guard *guard, const struct plan *plan)
{
    int ends[2];

    /* We adopt what the guardian leaves, should it be killed. */
    if (!let_elders_be() || !family_adopt() ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    guard->busy = false;
    guard->pid = fork();
    if (guard->pid == 0) {
        close(ends[0]);
        guardian(plan, ends[1]);
    }
    close(ends[1]);
    guard->socket = ends[0];
    if (guard->pid < 0)
        return false;
    guard->birth = family_birth(guard->pid);
    return true;
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
    guard->busy = true;
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

enum guard_event guard_read(struct guard *guard, struct report *ret)
{
    ssize_t length = recv(guard->socket, ret, sizeof *ret, MSG_DONTWAIT);

    if (length == sizeof *ret) {
        guard->busy = guard->busy && ret->kind != REPORT_EMPTY;
        return GUARD_REPORT;
    }
    return length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? GUARD_NOTHING
                                                                                     : GUARD_GONE;
}

/* Everybody is dead when nobody is found, or nobody is left to wait for; only then. */
static void sweep(const struct guard *guard)
{
    int pause_ms = 1;

    for (;;) {
        int found = family_signal(SIGKILL, guard->birth);
        pid_t pid;

        for (int i = 0; i < CHASES; i++) {
            family_signal_children(SIGKILL, guard->birth);
            while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                ;
        }
        if (found == 0 || pid < 0)
            return;
        poll(NULL, 0, pause_ms);
        if (pause_ms < 256)
            pause_ms *= 2;
    }
}

void guard_kill(const struct guard *guard)
{
    kill(guard->pid, SIGKILL);
}

void guard_stop(struct guard *guard)
{
    guard_kill(guard);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(guard->socket);
    if (guard->busy)
        sweep(guard);
}
