/**
 * @file zkcoord.h
 * @brief The only header to include: locks and leader election through Apache ZooKeeper.
 *
 * Conventions of every call
 *  - Functions that can fail return ZKC_OK (0) or a negative zkc_error code.
 *  - Outputs come last, are named ret_..., and are not touched on failure.
 *  - Times are milliseconds in int64_t. A text is UTF-8 and ends with NUL.
 *  - Every function may be called from any thread, unless it says otherwise.
 *  - A blocking call on a client inside one of its callbacks is refused with ZKC_ECALLBACK.
 *  - A callback must not be left by longjmp(). An exception or pthread_exit() also leaves the call
 *    that ran it; the client goes on.
 *  - pthread_cancel() is held off inside of every call that locks or blocks; zkc_context_cancel()
 *    ends one that blocks.
 *  - After fork() the child gets ZKC_EFORK; the parent's session is not harmed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_ZKCOORD_H
#define ZKCOORD_ZKCOORD_H

#define ZKCOORD_UMBRELLA 1
#include <zkcoord/version.h>
#include <zkcoord/base.h>
#include <zkcoord/error.h>
#include <zkcoord/context.h>
#include <zkcoord/service.h>
#include <zkcoord/sync.h>
#include <zkcoord/contender.h>
#include <zkcoord/directory.h>
#include <zkcoord/lock.h>
#include <zkcoord/leader.h>
#undef ZKCOORD_UMBRELLA

#endif
