/* Simulated lines have more to offer. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKC_CONTRACT_DRIVER_SIM_H
#define ZKC_CONTRACT_DRIVER_SIM_H

#include "driver.h"

#include "cluster.h"

struct line *line_open_to(const char *addresses);
struct machine *line_machine(struct line *line);

#endif
