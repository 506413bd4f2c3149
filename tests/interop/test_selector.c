/* SPDX-License-Identifier: Apache-2.0 */
/* Curator's LeaderSelector. */
#include "pair.h"

/*
 * It counts every child, by what follows the last "lock-", or by the whole name if there is none of
 * that; it bears only names that come after the digits so.
 */
static const struct pair pair = {
    .ours = "leader",
    .language = "java",
    .theirs = "selector",
    .leads = "curator",
    .hostile = {"lock", "ready", "_c_", "no sequence", "x%s%n", "\xc3\xa4__lock__"},
};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&pair);
    pairs_stop();
    return failed != 0;
}
