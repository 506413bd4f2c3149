/* SPDX-License-Identifier: Apache-2.0 */
/* go-zookeeper's Lock. */
#include "pair.h"

/* It refuses any child that does not end in '-' and a number, and sees a sequence in each. */
static const struct pair lock = {
    .ours = "lock",
    .language = "go",
    .theirs = "lock",
    .hostile = {"-9999999999", "x-99999999999", "%s%n-99999999999", "\xc3\xa4-99999999999"},
};

/* Three languages at one path. */
static const struct pair three = {
    .ours = "lock",
    .language = "go",
    .theirs = "lock",
    .third_language = "java",
    .third = "mutex",
    .hostile = {"x-99999999999", "\xc3\xa4-99999999999"},
};

/* It may not read our node, to watch it. */
static const struct pair refused = {.ours = "lock-of-user", .language = "go", .theirs = "lock"};

static const struct pair unsound = {.ours = "lock-as-kazoo", .language = "go", .theirs = "lock"};

int main(int argc, char **argv)
{
    int failed;

    pairs_start(argc, argv);
    failed = pair_test(&lock);
    failed += pair_test(&three);
    failed += pair_test_failing(&unsound);
    failed += pair_test_failing(&refused);
    pairs_stop();
    return failed != 0;
}
