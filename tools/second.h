/*
 * The guardian's second: the process between zkcoord and the guardian. It does nothing until the
 * guardian is killed, by its own fuse or by somebody; then it kills whatever the guardian had below
 * it. A guardian that gets no processor in time is killed by its fuse just when it should act, and
 * zkcoord may be stopped or killed: so somebody else must be there.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SECOND_H
#define ZKCOORD_TOOLS_SECOND_H

#include "family.h"
#include "plan.h"

/* Starts the guardian and becomes its second. Does not return. */
void second(const struct plan *plan, const struct family *zkcoords, int socket)
    __attribute__((noreturn));

#endif
