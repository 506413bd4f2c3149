/*
 * A descriptor that the kernel makes readable at a moment of CLOCK_BOOTTIME, even while no thread
 * of the process runs. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_RUN_ALARM_H
#define ZKC_RUN_ALARM_H

#include <stdint.h>

int alarm_open(void); /* -1 with errno */
void alarm_close(int fd);
void alarm_set(int fd, int64_t at);
void alarm_fire(int fd);   /* readable at once */
void alarm_disarm(int fd); /* not readable */
void alarm_wait(int fd);   /* sleeps until it is readable */

#endif
