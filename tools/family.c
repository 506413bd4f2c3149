/* SPDX-License-Identifier: Apache-2.0 */
#include "family.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHASES 10
#define LEVELS_MAX 64 /* of hidden processes, one below the other */
#define PAUSE_MAX_MS 256

/* ---- who belongs to it ---- */

static bool is_elder(const struct family *family, const struct process *process)
{
    for (size_t i = 0; i < family->elders.count; i++) {
        const struct process *elder = &family->elders.at[i];
        if (elder->pid == process->pid &&
            (elder->birth == process->birth || elder->birth == 0 || process->birth == 0))
            return true;
    }
    return false;
}

/* Children that /proc hides stand behind the others, which are in order. What an elder has below
 * it is its own. */
static void mark_children(const struct family *family, struct processes *all, size_t seen)
{
    for (size_t i = seen; i < all->count; i++) {
        struct process *same = proc_find(all, seen, all->at[i].pid);
        if (same == NULL)
            same = &all->at[i];
        same->ours = !is_elder(family, same);
    }
}

static const struct process *find(const struct processes *all, size_t seen, pid_t pid)
{
    const struct process *process = proc_find(all, seen, pid);

    for (size_t i = seen; process == NULL && i < all->count; i++)
        if (all->at[i].pid == pid)
            process = &all->at[i];
    return process;
}

/* Of those above a process the nearest that we know; 0: none. What stands between may be hidden,
 * another user's, and never end. A number may be another's by now, unless it is still a parent's.
 */
static pid_t nearest_known(const struct processes *all, size_t seen, pid_t pid, int levels)
{
    pid_t parent = proc_parent(pid), found;

    if (parent <= 0 || levels == 0)
        return 0;
    if (parent == getpid() || find(all, seen, parent) != NULL)
        return parent;
    found = nearest_known(all, seen, parent, levels - 1);
    return found != 0 && proc_parent(pid) == parent ? found : 0;
}

/* Looks above hidden parents, above each once if it is asked for again soon. False: nobody that we
 * know is there. */
static bool look_above(struct processes *all, size_t seen)
{
    struct {
        pid_t hidden, known;
    } memory[32] = {{0, 0}};
    bool found = false;

    for (size_t i = 0; i < seen; i++) {
        struct process *process = &all->at[i];
        size_t slot = (size_t)process->parent % (sizeof memory / sizeof memory[0]);

        if (process->ours || process->parent == 0 || process->parent == getpid() ||
            find(all, seen, process->parent) != NULL)
            continue;
        if (memory[slot].hidden != process->parent) {
            memory[slot].hidden = process->parent;
            memory[slot].known = nearest_known(all, seen, process->parent, LEVELS_MAX);
        }
        process->above = memory[slot].known;
        found = found || process->above != 0;
    }
    return found;
}

static bool is_below_us(const struct processes *all, size_t seen, const struct process *process)
{
    pid_t above = process->above != 0 ? process->above : process->parent;
    const struct process *known = find(all, seen, above);

    if (above != getpid() && (known == NULL || !known->ours))
        return false;
    return process->above == 0 || proc_parent(process->pid) == process->parent;
}

/* Children may stand before their parents in /proc: mark until nothing changes. */
static void mark(const struct family *family, struct processes *all, size_t seen)
{
    bool changed = true;

    mark_children(family, all, seen);
    while (changed) {
        changed = false;
        for (size_t i = 0; i < seen; i++) {
            struct process *process = &all->at[i];
            if (process->ours || !is_below_us(all, seen, process) || is_elder(family, process))
                continue;
            process->ours = changed = true;
        }
    }
}

/* Zombies, too: what looks like one may be threads that have outlived the first. Those below hidden
 * ones are not marked yet. */
static struct processes look(const struct family *family, size_t *ret_seen)
{
    struct processes all = {0};

    proc_scan(family->proc, &all);
    *ret_seen = all.count;
    proc_children(family->proc, &all);
    mark(family, &all, *ret_seen);
    return all;
}

static struct processes descendants(const struct family *family)
{
    size_t seen;
    struct processes all = look(family, &seen);

    if (look_above(&all, seen))
        mark(family, &all, seen);
    return all;
}

bool family_adopt(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* Descendants that are no elders' and no elders, as a list. */
static struct processes present(const struct family *family)
{
    struct processes all = descendants(family);
    size_t count = 0;

    for (size_t i = 0; i < all.count; i++)
        if (all.at[i].ours)
            all.at[count++] = all.at[i];
    all.count = count;
    return all;
}

bool family_open(struct family *family, const char **ret_problem)
{
    *family = (struct family){.proc = proc_open(ret_problem)};
    if (family->proc < 0)
        return false;
    if (!family_adopt()) {
        *ret_problem = "this kernel lets nobody adopt orphans (PR_SET_CHILD_SUBREAPER)";
        return false;
    }
    cgroup_open(&family->cgroup, family->proc);
    family->elders = present(family);
    return true;
}

/* It must have adopted until the end of the look, not only until its beginning. */
void family_leave_out_but(struct family *family, pid_t child)
{
    struct process adopts = {.pid = child};
    struct family others = *family;
    struct processes elders;

    others.elders = (struct processes){.at = &adopts, .count = 1};
    elders = present(&others);
    if (proc_look(family->proc, child, &adopts) && !adopts.ending) {
        free(family->elders.at);
        family->elders = elders;
    } else {
        free(elders.at);
    }
}

/* ---- signals ---- */

/* By a descriptor of the process: its number may have been given to another meanwhile. */
static int send_to_stranger(const struct family *family, const struct process *process, int signal)
{
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0), result = 0;
    struct process now;
    bool same = proc_look(family->proc, process->pid, &now) && now.birth == process->birth;

    if (same && fd >= 0)
        result = (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
    else if (same) /* a kernel before 5.3 */
        result = kill(process->pid, signal);
    if (fd >= 0)
        close(fd);
    return result;
}

/* Nobody but us waits for our children: their numbers stay theirs. */
static int send(const struct family *family, const struct process *process, int signal)
{
    return process->parent == getpid() ? kill(process->pid, signal)
                                       : send_to_stranger(family, process, signal);
}

void family_terminate(const struct family *family, pid_t group, pid_t told)
{
    bool done = group > 0 && kill(-group, SIGTERM) == 0;
    struct processes all;

    if (done)
        kill(-group, SIGCONT); /* a stopped process would not hear */
    /* A process that leaves the group before this look is told twice rather than not at all. */
    all = descendants(family);
    for (size_t i = 0; i < all.count; i++) {
        if (!all.at[i].ours || (done && all.at[i].group == group))
            continue;
        if (told == 0 || all.at[i].group != told)
            send(family, &all.at[i], SIGTERM);
        send(family, &all.at[i], SIGCONT);
    }
    free(all.at);
}

/* The one with the least number above that given that we may not kill; 0: none. */
static pid_t kill_marked(const struct family *family, const struct processes *all, pid_t above)
{
    pid_t not_ours = 0;

    for (size_t i = 0; i < all->count; i++) {
        pid_t pid = all->at[i].pid;
        if (!all->at[i].ours || send(family, &all->at[i], SIGKILL) == 0 || errno != EPERM)
            continue;
        if (pid > above && (not_ours == 0 || pid < not_ours))
            not_ours = pid;
    }
    return not_ours;
}

/* Looking above hidden ones takes longer, and does not hold up the death of the others. */
pid_t family_kill(const struct family *family, pid_t group, pid_t above)
{
    bool anybody = cgroup_kill(&family->cgroup); /* in the cgroup, another user's, too */
    struct processes all;
    pid_t not_ours;
    size_t seen;

    if (group > 0)
        kill(-group, SIGKILL);
    all = look(family, &seen);
    not_ours = kill_marked(family, &all, above);
    if (look_above(&all, seen)) {
        mark(family, &all, seen);
        not_ours = kill_marked(family, &all, above);
    }
    free(all.at);
    return anybody ? 0 : not_ours;
}

static struct processes children(const struct family *family)
{
    struct processes all = {0};

    proc_children(family->proc, &all);
    for (size_t i = 0; i < all.count; i++)
        all.at[i].ours = !is_elder(family, &all.at[i]);
    return all;
}

void family_kill_children(const struct family *family)
{
    struct processes all = children(family);

    for (size_t i = 0; i < all.count; i++)
        if (all.at[i].ours)
            kill(all.at[i].pid, SIGKILL);
    free(all.at);
}

pid_t family_left(const struct family *family)
{
    struct processes all = children(family);
    pid_t left = 0;

    for (size_t i = 0; i < all.count && left == 0; i++)
        if (all.at[i].ours)
            left = all.at[i].pid;
    free(all.at);
    return left != 0 ? left : cgroup_left(&family->cgroup);
}

/* Of those that nobody may kill each is there to be seen; of others one at least. */
pid_t family_next_left(const struct family *family, pid_t left, pid_t above)
{
    pid_t next = family_kill(family, 0, above);

    return next == 0 && above == 0 ? left : next;
}

const char *family_name(pid_t left, char *text, size_t size)
{
    if (left == CGROUP_NAMELESS)
        return "a process of the command that has no number here";
    snprintf(text, size, "process %ld of the command", (long)left);
    return text;
}

/* ---- the end ---- */

static pid_t reap(const struct family *family)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return family_left(family);
}

/* Whoever is orphaned comes to us at once: without a child there is no descendant, but for those
 * that were orphaned in another PID namespace. */
pid_t family_end(const struct family *family, int64_t patience)
{
    int64_t end = clock_ns() + patience;
    int pause_ms = 1;
    pid_t left;

    while ((left = reap(family)) != 0 && clock_ns() < end) {
        family_kill(family, 0, 0);
        for (int i = 0; i < CHASES && reap(family) != 0; i++)
            family_kill_children(family);
        poll(NULL, 0, pause_ms);
        if (pause_ms < PAUSE_MAX_MS)
            pause_ms *= 2;
    }
    return left;
}

bool family_alone(const struct family *family)
{
    struct processes all = {0};
    size_t members = 0;
    pid_t group = getpgrp();

    if (!proc_scan(family->proc, &all))
        return false;
    for (size_t i = 0; i < all.count; i++)
        members += all.at[i].group == group;
    free(all.at);
    return members == 1;
}
