/* SPDX-License-Identifier: Apache-2.0 */
/* Curator's LeaderLatch. */
#include "pair.h"

/*
 * It counts every child, by what follows the last "latch-", or by the whole name if there is none
 * of that; it bears only names that come after the digits so.
 */
static const struct pair pair = {
    .ours = "leader-as-latch",
    .language = "java",
    .theirs = "latch",
    .leads = "curator",
    .hostile = {"lock", "ready", "_c_", "no sequence", "x%s%n", "\xc3\xa4__lock__"},
};

/* It does not see what a LeaderSelector would write. */
static const struct pair unsound = {.ours = "leader", .language = "java", .theirs = "latch"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&pair);
    failed += pair_test_barging(&unsound);
    pairs_stop();
    return failed != 0;
}
