/* SPDX-License-Identifier: Apache-2.0 */
/* go-zookeeper's Lock. */
#include "pair.h"

/* It refuses any child that does not end in '-' and a number. */
static const struct pair lock = {.ours = "lock", .language = "go", .theirs = "lock"};

static const struct pair unsound = {.ours = "lock-as-kazoo", .language = "go", .theirs = "lock"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&lock);
    failed += pair_test_failing(&unsound);
    pairs_stop();
    return failed != 0;
}
