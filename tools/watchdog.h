/*
 * The service manager's watchdog: sd_watchdog_enabled(3).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_WATCHDOG_H
#define ZKCOORD_TOOLS_WATCHDOG_H

#include <stdint.h>

struct watchdog {
    int timer;     /* readable when an answer is due; -1: nobody asks for one */
    int64_t pause; /* from one to the next, ns */
};

/* Takes what is meant for us out of the environment: a command is not to answer, too. */
void watchdog_open(struct watchdog *watchdog);

void watchdog_answer(const struct watchdog *watchdog);

#endif
