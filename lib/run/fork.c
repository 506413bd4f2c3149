/* SPDX-License-Identifier: Apache-2.0 */
#include "run/fork.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_SIZE 4096

int fork_guard_open(struct fork_guard *guard)
{
    void *page = mmap(NULL, GUARD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return -1;
    guard->mark = page;
    guard->pid = madvise(page, GUARD_SIZE, MADV_WIPEONFORK) == 0 ? 0 : (int)getpid();
    *guard->mark = 1;
    return 0;
}

void fork_guard_close(struct fork_guard *guard)
{
    if (guard->mark != NULL)
        munmap((void *)(uintptr_t)guard->mark, GUARD_SIZE);
    guard->mark = NULL;
}

bool fork_guard_child(const struct fork_guard *guard)
{
    return *guard->mark == 0 || (guard->pid != 0 && guard->pid != (int)getpid());
}
