/* SPDX-License-Identifier: Apache-2.0 */
/* Kazoo: Lock and Election. */
#include "pair.h"

/* It looks for "__lock__" (or what it is told) and ten digits at the end of a name. */
#define HOSTILE                                                                       \
    {                                                                                 \
        "!", "lock", "-lock-", "__lock__", "no sequence", "%s%n", "\xc3\xa4__lock__0" \
    }

static const struct pair lock_and_patterns = {
    .ours = "lock", .language = "python", .theirs = "patterns", .hostile = HOSTILE};
static const struct pair lock_and_lock = {
    .ours = "lock", .language = "python", .theirs = "lock", .hostile = HOSTILE};
static const struct pair leader_and_election = {.ours = "leader",
                                                .language = "python",
                                                .theirs = "election",
                                                .leads = "kazoo",
                                                .hostile = HOSTILE};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&lock_and_patterns);
    failed += pair_test_without_directory(&lock_and_patterns);
    failed += pair_test_barging(&lock_and_lock);
    failed += pair_test_barging(&leader_and_election);
    pairs_stop();
    return failed != 0;
}
