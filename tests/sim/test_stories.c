/*
 * Every promise of the library, and every failure that it was made for, as a story.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

int main(void)
{
    int (*const subjects[])(void) = {
        stories_lease, stories_revoked, stories_queue,   stories_lost,    stories_errors,
        stories_calls, stories_leader,  stories_servers, stories_unknown, stories_shared};
    int failed = 0;

    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        failed += subjects[i]();
    world_forget();
    return failed != 0;
}
