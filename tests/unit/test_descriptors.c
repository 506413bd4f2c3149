/*
 * No pipe of libzookeeper is seen in the programs that this one starts, and nothing that is its own
 * is touched. Nothing listens on the address. Sockets: tests/integration/test_hazards.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "zk/zk_descriptors.h"

#include <zkcoord/zkcoord.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 1024

static bool is_pipe(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void look(bool *pipes)
{
    for (int fd = 0; fd < MANY; fd++)
        pipes[fd] = is_pipe(fd);
}

static void make_pipe(int *ends)
{
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(ends[i], F_SETFL, O_NONBLOCK), 0);
}

static zkc_sync *open_client(void)
{
    zkc_options options;
    zkc_sync *sync;

    ZKC_INIT(&options);
    options.nodes = "127.0.0.1:1";
    options.connect_timeout_ms = -1;
    assert_int_equal(zkc_sync_open(&options, NULL, &sync), ZKC_OK);
    return sync;
}

static int marked(const bool *before)
{
    int count = 0;

    for (int fd = 0; fd < MANY; fd++)
        if (is_pipe(fd) && !before[fd]) {
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
            count++;
        }
    return count;
}

static void pipes_are_not_inherited(void **state)
{
    int own[2], others[100][2];
    bool before[MANY];
    zkc_sync *sync;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        make_pipe(others[i]);
    make_pipe(own);
    close(others[10][0]); /* the next pipe's ends are far from each other */
    look(before);
    sync = open_client();
    assert_int_equal(marked(before), 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(own[i], F_GETFD), 0);
    assert_int_equal(zkc_sync_close(sync), ZKC_OK);
}

/* Other threads close theirs meanwhile, and the pipe gets the numbers. */
static void a_pipe_with_numbers_that_were_taken_is_found(void **state)
{
    struct zk_descriptors descriptors;
    int others[2], ends[2];

    (void)state;
    assert_int_equal(pipe2(others, O_CLOEXEC), 0);
    zk_descriptors_before(&descriptors);
    close(others[0]);
    close(others[1]);
    make_pipe(ends);
    assert_int_equal(ends[0], others[0]);
    zk_descriptors_after(&descriptors);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
        close(ends[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_with_numbers_that_were_taken_is_found),
        cmocka_unit_test(pipes_are_not_inherited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
