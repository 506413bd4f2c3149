/* SPDX-License-Identifier: Apache-2.0 */
#include "core/answer.h"

#include <zkcoord/zkcoord.h>

int answer_error(enum answer answer)
{
    switch (answer) {
    case ANSWER_OK:
        return ZKC_OK;
    case ANSWER_NO_AUTH:
    case ANSWER_AUTH_REQUIRED:
        return ZKC_EACCES;
    case ANSWER_AUTH_FAILED:
        return ZKC_EAUTH;
    case ANSWER_QUOTA:
        return ZKC_EQUOTA;
    case ANSWER_NO_MEMORY:
        return ZKC_ENOMEM;
    default:
        return ZKC_ESERVER;
    }
}

bool answer_try_again(enum answer answer)
{
    return answer == ANSWER_LOST || answer == ANSWER_REFUSED;
}
