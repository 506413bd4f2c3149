/*
 * The descriptor of a program's own event loop, where the library is linked with
 * --wrap=eventfd,eventfd_write,eventfd_read,close: an alarm that has fired is one that is readable.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include "run/alarm.h"

#include <sys/eventfd.h>

int __wrap_eventfd(unsigned count, int flags);
int __wrap_eventfd_write(int fd, eventfd_t value);
int __wrap_eventfd_read(int fd, eventfd_t *ret_value);
int __wrap_close(int fd);

int __wrap_eventfd(unsigned count, int flags)
{
    int fd = alarm_open();

    (void)flags;
    if (fd >= 0 && count > 0)
        alarm_fire(fd);
    return fd;
}

int __wrap_eventfd_write(int fd, eventfd_t value)
{
    (void)value;
    alarm_fire(fd);
    return 0;
}

int __wrap_eventfd_read(int fd, eventfd_t *ret_value)
{
    *ret_value = sim_alarm_readable(fd);
    alarm_disarm(fd);
    return 0;
}

int __wrap_close(int fd)
{
    alarm_close(fd);
    return 0;
}
