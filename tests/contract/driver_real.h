/* What a program with real servers calls besides. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKC_CONTRACT_DRIVER_REAL_H
#define ZKC_CONTRACT_DRIVER_REAL_H

#include "driver.h"

bool driver_begin(int servers);
void driver_end(void);

#endif
