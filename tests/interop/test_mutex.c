/* SPDX-License-Identifier: Apache-2.0 */
/* Curator's InterProcessMutex and InterProcessReadWriteLock. */
#include "pair.h"

/*
 * It counts every child, by what follows the last "lock-", or by the whole name if there is none of
 * that; it bears only names that come after the digits so.
 */
static const struct pair pair = {
    .ours = "lock",
    .language = "java",
    .theirs = "mutex",
    .hostile = {"lock", "ready", "_c_", "no sequence", "x%s%n", "\xc3\xa4__lock__"},
};

/* It says that it can be revoked. */
static const struct pair revocable = {.ours = "lock", .language = "java", .theirs = "revocable"};

/* It sees nothing of ours that has no "lock-". */
static const struct pair unsound = {.ours = "lock-as-kazoo", .language = "java", .theirs = "mutex"};

/* These see each other only. */
static const struct pair reader = {.ours = "lock", .language = "java", .theirs = "read"};
static const struct pair writer = {.ours = "lock", .language = "java", .theirs = "write"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&pair);
    failed += pair_test_asking(&revocable);
    failed += pair_test_barging(&unsound);
    failed += pair_test_barging(&reader);
    failed += pair_test_barging(&writer);
    pairs_stop();
    return failed != 0;
}
