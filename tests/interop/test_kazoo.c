/* SPDX-License-Identifier: Apache-2.0 */
/* Kazoo: Lock, Election, WriteLock and ReadLock. */
#include "pair.h"

/* It looks for "__lock__" (or what it is told) and ten digits at the end of a name. */
#define HOSTILE                                                                       \
    {                                                                                 \
        "!", "lock", "-lock-", "__lock__", "no sequence", "%s%n", "\xc3\xa4__lock__0" \
    }

static const struct pair lock = {
    .ours = "lock-as-kazoo",
    .language = "python",
    .theirs = "lock",
    .hostile = HOSTILE,
};

static const struct pair election = {
    .ours = "leader-as-kazoo",
    .language = "python",
    .theirs = "election",
    .leads = "kazoo",
    .hostile = HOSTILE,
};

/* With extra_lock_patterns=("-lock-",). */
static const struct pair patterns = {
    .ours = "lock",
    .language = "python",
    .theirs = "patterns",
    .hostile = HOSTILE,
};

static const struct pair writer = {
    .ours = "lock-as-kazoo",
    .language = "python",
    .theirs = "write",
    .hostile = HOSTILE,
};

/* It does not find itself in the line, and so waits for the last of it, its own WriteLock too. */
static const struct pair reader = {.ours = "lock-as-kazoo", .language = "python", .theirs = "read"};

static const struct pair lock_unsound = {.ours = "lock", .language = "python", .theirs = "lock"};
static const struct pair election_unsound = {
    .ours = "leader", .language = "python", .theirs = "election"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&lock);
    failed += pair_test(&election);
    failed += pair_test(&patterns);
    failed += pair_test(&writer);
    failed += pair_test_barging(&lock_unsound);
    failed += pair_test_barging(&election_unsound);
    failed += pair_test_tangling(&reader);
    failed += pair_test_without_directory(&lock);
    pairs_stop();
    return failed != 0;
}
