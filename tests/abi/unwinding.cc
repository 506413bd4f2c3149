/*
 * A callback of a C++ program throws: the exception comes out of the call that ran it, and the
 * client goes on as if the callback had returned.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <zkcoord/zkcoord.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <pthread.h>
#include <thread>
#include <unistd.h>

static int calls;

static void throws(void *, int)
{
    calls++;
    throw std::runtime_error("out of a callback");
}

static void counts(void *, int)
{
    calls++;
}

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

static void complete(zkc_lock *lock, zkc_done_fn done)
{
    expect(zkc_lock_acquire_async(lock, 0, done, nullptr) == ZKC_OK, "acquire begins");
    expect(zkc_lock_cancel(lock) == ZKC_OK, "acquire is cancelled");
}

static bool caught(zkc_sync *sync)
{
    try {
        zkc_sync_dispatch(sync);
    } catch (const std::runtime_error &) {
        return true;
    }
    return false;
}

static void log_throws(void *, zkc_log_level, const char *)
{
    throw std::runtime_error("out of the log function");
}

/* Which refuses, and says so on the thread of the call. */
static void refused_openings()
{
    zkc_options options;
    zkc_sync *sync;
    int state;

    ZKC_INIT(&options);
    options.nodes = ";";
    options.log = log_throws;
    for (int i = 0; i < 3; i++) {
        bool thrown = false;
        try {
            zkc_sync_open(&options, nullptr, &sync);
        } catch (const std::runtime_error &) {
            thrown = true;
        }
        expect(thrown, "the exception is passed on");
        expect(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state) == 0 &&
                   state == PTHREAD_CANCEL_ENABLE,
               "the thread can be cancelled as before");
    }
}

int main()
{
    zkc_options options;
    zkc_sync *sync;
    zkc_lock *first, *second;

    alarm(60);
    refused_openings();
    ZKC_INIT(&options);
    options.nodes = "127.0.0.1:1";
    options.connect_timeout_ms = -1;
    expect(zkc_sync_open(&options, nullptr, &sync) == ZKC_OK, "opens");
    expect(zkc_sync_fd(sync) >= 0, "has a descriptor");
    expect(zkc_lock_open(sync, "first", nullptr, &first) == ZKC_OK, "a lock");
    expect(zkc_lock_open(sync, "second", nullptr, &second) == ZKC_OK, "a lock");
    complete(first, throws);
    complete(second, counts);
    expect(caught(sync), "the exception is passed on");
    expect(zkc_sync_dispatch(sync) == 1 && calls == 2, "the next callback runs");
    complete(first, throws);
    std::thread([&] { expect(caught(sync), "on another thread"); }).join();
    zkc_lock_close(second);
    zkc_lock_close(first);
    expect(zkc_sync_close(sync) == ZKC_OK, "closes");
    return 0;
}
