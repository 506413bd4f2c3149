/*
 * A leader in an epoll loop: one thread of ours, nothing blocks once connected. The library's
 * callbacks run inside zkc_sync_dispatch(), a timer paces five rounds of work, then it resigns.
 *   cc 04_epoll.c $(pkg-config --cflags --libs zkcoord) -o 04_epoll && ./04_epoll
 * Exits with 0 if it led and resigned, else with 1. SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int epoll, timer, rounds, result = 1; /* 1: go on */
static zkc_elected *elected;                 /* NULL until we lead */

static void finish(void *what, int error)
{
    printf("%s: %s\n", (char *)what, zkc_strerror(error));
    result = error;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        finish("watch", ZKC_ESYSTEM);
}

static void next_round(void) /* sets the timer, which is unreadable until then; or resigns */
{
    struct itimerspec pause = {.it_value = {.tv_nsec = rounds < 5 ? 200000000 : 0}};
    printf("%d rounds of work done\n", rounds);
    if (timerfd_settime(timer, 0, &pause, NULL) != 0 ||
        (rounds++ == 5 && zkc_elected_resign_async(elected, finish, "resigned") != ZKC_OK))
        finish("not resigned", ZKC_ESYSTEM);
}

static void on_elected(void *arg, int error, zkc_elected *won)
{
    elected = won;
    if (error != ZKC_OK) {
        finish(arg, error);
    } else {
        watch(zkc_elected_revoked_fd(elected));
        next_round();
    }
}

static void on_ready(zkc_sync *sync, int fd)
{
    if (fd == timer)
        next_round();
    else if (fd != zkc_sync_fd(sync))
        finish("revoked", zkc_elected_revoked_reason(elected));
    else if (zkc_sync_dispatch(sync) < 0) /* runs on_elected() and, at last, finish() */
        finish("dispatch", ZKC_ECLOSED);
}

int main(void)
{
    zkc_sync *sync = NULL;
    zkc_leader *leader = NULL;
    int error;

    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC));
    if ((error = zkc_sync_open(NULL, NULL, &sync)) != ZKC_OK ||
        (error = zkc_leader_open(sync, "cleaner", NULL, &leader)) != ZKC_OK ||
        (error = zkc_leader_elect_async(leader, 60000, on_elected, "elect")) != ZKC_OK)
        finish("open", error);
    else
        watch(zkc_sync_fd(sync));
    for (struct epoll_event event; result > 0;)
        if (epoll_wait(epoll, &event, 1, -1) == 1)
            on_ready(sync, event.data.fd);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    return zkc_sync_close(sync) == ZKC_OK && result == ZKC_OK ? 0 : 1;
}
