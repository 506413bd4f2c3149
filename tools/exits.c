/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"

#include <errno.h>
#include <zkcoord/zkcoord.h>

int exit_of(int error)
{
    switch (error) {
    case ZKC_EINVAL:
        return STATUS_USAGE;
    case ZKC_EUNREACHABLE:
        return STATUS_UNREACHABLE;
    case ZKC_EAUTH:
    case ZKC_EACCES:
        return STATUS_DENIED;
    case ZKC_ETIMEDOUT:
    case ZKC_EBUSY:
    case ZKC_ENOLEADER:
        return STATUS_NOT_OBTAINED;
    case ZKC_ELEASE:
    case ZKC_EEXPIRED:
    case ZKC_EDELETED:
        return STATUS_LOST;
    default:
        return STATUS_INTERNAL;
    }
}

int exit_of_exec(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EAGAIN: /* no process for it */
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return STATUS_INTERNAL;
    default:
        return STATUS_CANNOT_RUN;
    }
}
