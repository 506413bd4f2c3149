/*
 * Every promise of the design, and every failure that it names, as a story.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stories.h"

int main(void)
{
    int failed = stories_lease() + stories_revoked() + stories_queue() + stories_lost() + stories_errors();

    world_forget();
    return failed;
}
