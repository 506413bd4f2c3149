/*
 * The guardian: a process of its own above the command. It knows nothing of
 * ZooKeeper. It starts the command, passes signals on, and ends the command with all its
 * descendants in time: when told to, when no new time limit came before the old one, or when
 * zkcoord is gone. That zkcoord is stopped, or its network dead, only means that no new limit
 * comes. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_GUARDIAN_H
#define ZKCOORD_TOOLS_GUARDIAN_H

#include "family.h"
#include "plan.h"

/* Becomes the guardian; speaks orders.h over the socket. Does not return. */
void guardian(const struct plan *plan, const struct family *family, int socket)
    __attribute__((noreturn));

#endif
