/* SPDX-License-Identifier: Apache-2.0 */
/* Curator's InterProcessReadWriteLock and our shared locks. */
#include "pair.h"

static const struct pair pair = {
    .ours = "writer",
    .ours_too = "reader",
    .language = "java",
    .theirs = "write",
    .third_language = "java",
    .third = "read",
};

/*
 * Before 5.5 Curator gives this reader a number behind whoever waits already (CURATOR-621), who is
 * granted then, its own writers too: ours comes later.
 */
static const struct pair downgraded = {
    .ours = "writer", .language = "java", .theirs = "downgraded"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test_sharing(&pair);
    failed += pair_test_downgrading(&downgraded);
    pairs_stop();
    return failed != 0;
}
