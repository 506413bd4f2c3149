/* SPDX-License-Identifier: Apache-2.0 */
/* ZooKeeper's own recipes for Java: WriteLock and LeaderElectionSupport. */
#include "pair.h"

/* It sorts names that do not end in '-' and a number behind the others. */
static const struct pair lock = {
    .ours = "lock",
    .language = "java",
    .theirs = "recipe",
    .hostile = {"lock", "-", "_c_", "x-1-", "no sequence", "%s%n", "\xc3\xa4__lock__"},
};

static const struct pair unsound = {
    .ours = "lock-as-kazoo", .language = "java", .theirs = "recipe"};

/* It reads a number in each name, behind its own "n_". */
static const struct pair failing = {.ours = "leader", .language = "java", .theirs = "offer"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&lock);
    failed += pair_test_barging(&unsound);
    failed += pair_test_failing(&failing);
    pairs_stop();
    return failed != 0;
}
