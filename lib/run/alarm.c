/* SPDX-License-Identifier: Apache-2.0 */
#include "run/alarm.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void settime(int fd, int64_t at)
{
    struct itimerspec when = {0};

    when.it_value.tv_sec = (time_t)(at / 1000000000);
    when.it_value.tv_nsec = (long)(at % 1000000000);
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int alarm_open(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

void alarm_close(int fd)
{
    close(fd);
}

void alarm_set(int fd, int64_t at)
{
    settime(fd, at > 0 ? at : 1); /* zero would disarm */
}

void alarm_fire(int fd)
{
    settime(fd, 1);
}

void alarm_disarm(int fd)
{
    settime(fd, 0);
}

void alarm_wait(int fd)
{
    struct pollfd due = {.fd = fd, .events = POLLIN};

    poll(&due, 1, -1);
}
