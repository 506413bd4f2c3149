/*
 * libzookeeper ends the program when it cannot make its threads; so whether they can be made is
 * tried out first. The simulator has its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_ZK_ZK_THREADS_H
#define ZKC_ZK_ZK_THREADS_H

/*
 * Makes so many threads, ends them again, and returns 0; or -1 with errno. What is left is chance:
 * somebody else may take the last ones before they are asked for once more. Call it with all
 * signals blocked.
 */
int zk_threads_try(unsigned count);

#endif
