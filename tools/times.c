/* SPDX-License-Identifier: Apache-2.0 */
#include "times.h"
#include "clock.h"

#define LOOK_AGAIN (5 * MS)

int64_t times_grace(int64_t session_ms)
{
    return session_ms / 10;
}

int64_t times_grace_max(int64_t session_ms)
{
    return session_ms / 5;
}

struct limits times_limits(int64_t end, int64_t session_ms, int64_t grace_ms)
{
    struct limits limits;

    limits.last = end - session_ms * MS / 24;
    limits.kill = end - session_ms * MS / 12;
    limits.term = limits.kill - grace_ms * MS;
    return limits;
}

int64_t times_enough_ms(int64_t session_ms, int64_t grace_ms)
{
    return session_ms / 12 + grace_ms + session_ms / 24;
}

int64_t times_next_look(int64_t now, int64_t term, int64_t session_ms)
{
    int64_t usual = session_ms * MS / 16, left = (term - now) / 2;

    if (left > usual)
        left = usual;
    return now + (left > LOOK_AGAIN ? left : LOOK_AGAIN);
}
