/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <sys/timerfd.h>
#include <time.h>

int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

struct timespec clock_timespec(int64_t at)
{
    struct timespec time;

    if (at < 1)
        at = 1;
    time.tv_sec = (time_t)(at / (1000 * MS));
    time.tv_nsec = (long)(at % (1000 * MS));
    return time;
}

int alarm_open(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

void alarm_set(int fd, int64_t at)
{
    struct itimerspec setting = {.it_value = clock_timespec(at)};

    if (at == NEVER)
        alarm_clear(fd);
    else
        timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL);
}

void alarm_clear(int fd)
{
    const struct itimerspec none = {0};

    timerfd_settime(fd, 0, &none, NULL);
}
