/* SPDX-License-Identifier: Apache-2.0 */
#include "orphans.h"
#include "proc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>

static bool is_one_of(pid_t pid, const pid_t *but, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pid == but[i])
            return true;
    return false;
}

/* Only looks. 0: nobody has ended. */
static pid_t next(void)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid : 0;
}

/* One that is left alone stands before the others, and hides them from waitid(). */
static void reap_each(int proc, const pid_t *but, size_t count)
{
    struct processes all = {0};

    proc_children(proc, &all);
    for (size_t i = 0; i < all.count; i++)
        if (!is_one_of(all.at[i].pid, but, count))
            waitpid(all.at[i].pid, NULL, WNOHANG);
    free(all.at);
}

void orphans_reap(int proc, const pid_t *but, size_t count)
{
    pid_t pid;

    while ((pid = next()) != 0) {
        if (is_one_of(pid, but, count)) {
            reap_each(proc, but, count);
            return;
        }
        if (waitpid(pid, NULL, WNOHANG) != pid)
            return;
    }
}
