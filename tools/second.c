/* SPDX-License-Identifier: Apache-2.0 */
#include "second.h"
#include "clock.h"
#include "guardian.h"
#include "orders.h"
#include "say.h"
#include "urgency.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE (5000 * MS) /* with a process that does not end */

static void fail(int socket)
{
    const struct report report = {REPORT_READY, -errno};

    if (send(socket, &report, sizeof report, MSG_NOSIGNAL) < 0)
        _exit(2);
    _exit(1);
}

/* A guardian that ends by itself leaves nobody. */
static bool ended_well(pid_t guardian)
{
    int status;

    while (waitpid(guardian, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* With zkcoord gone nobody writes what is queued, and we write only what cannot block. */
static void say_left(const struct family *family, pid_t zkcoord, pid_t left)
{
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
    char text[FAMILY_NAME_SIZE];

    if (getppid() != zkcoord) {
        if (poll(&output, 1, 0) != 1)
            return;
        say_into(-1);
    }
    for (pid_t one = 0; (one = family_next_left(family, left, one)) != 0;)
        say("%s cannot be killed", family_name(one, text, sizeof text));
}

/* The elders are below zkcoord, and not below us. */
static struct family without_elders(struct family family)
{
    family.elders = (struct processes){0};
    return family;
}

void second(const struct plan *plan, const struct family *zkcoords, int socket)
{
    const struct family own = without_elders(*zkcoords), *family = &own;
    struct urgency urgency;
    pid_t guard, left, zkcoord = getppid();

    /* A group of its own, and the guardian's: what stops zkcoord's group does not stop us. */
    if (setpgid(0, 0) != 0 || !family_adopt())
        fail(socket);
    guard = fork();
    if (guard == 0)
        guardian(plan, family, socket);
    if (guard < 0)
        fail(socket);
    close(socket);
    /* Whoever reads what the command writes does not wait for us. */
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    prctl(PR_SET_NAME, "zkc-second");
    urgency_raise(&urgency);
    left = ended_well(guard) ? 0 : family_end(family, PATIENCE);
    cgroup_remove(&family->cgroup); /* if zkcoord is there it does the same */
    if (left != 0)
        say_left(family, zkcoord, left);
    _exit(left != 0);
}
