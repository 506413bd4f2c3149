/*
 * A leader that works while its descriptor `revoked` is not readable; it resigns after N (5) rounds
 * of work or on SIGTERM.
 *   cc 03_leader.c $(pkg-config --cflags --libs zkcoord) -o 03_leader && ./03_leader [N]
 *
 * Run several at once: the next leads when one resigns or dies. Exits with 0 after it led and
 * resigned, 2 if it was revoked, 3 if SIGTERM came before it was elected, 1 after an error.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <zkcoord/zkcoord.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static zkc_context *context; /* cancelled on SIGTERM; set before the handler is installed */

static void on_terminate(int number)
{
    (void)number;
    zkc_context_cancel(context);
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, zkc_strerror(error));
    return error == ZKC_ECANCELED ? 3 : 1;
}

static int lead(zkc_elected *elected, long rounds)
{
    struct pollfd revoked = {.fd = zkc_elected_revoked_fd(elected), .events = POLLIN};
    int error;

    if (revoked.fd < 0)
        return failed("revoked", revoked.fd);
    printf("elected, fencing token %" PRId64 "\n", zkc_elected_token(elected));
    for (long round = 1; round <= rounds && zkc_context_error(context) == ZKC_OK; round++) {
        if (poll(&revoked, 1, 200) > 0)
            return failed("revoked", zkc_elected_revoked_reason(elected)), 2;
        printf("round %ld\n", round);
    }
    error = zkc_elected_resign(elected, NULL); /* not with the context: that may be cancelled */
    if (error == ZKC_OK)
        puts("resigned");
    return error == ZKC_OK ? 0 : failed("resign", error);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_terminate};
    zkc_options options;
    zkc_sync *sync = NULL;
    zkc_leader *leader = NULL;
    zkc_elected *elected = NULL;
    int status, error = zkc_context_new(NULL, &context);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (error != ZKC_OK || sigaction(SIGTERM, &action, NULL) != 0)
        return failed("prepare", error != ZKC_OK ? error : ZKC_ESYSTEM);
    puts("standing for election");
    ZKC_INIT(&options);
    options.name_space = "/zkcoord-examples";
    if ((error = zkc_sync_open(&options, context, &sync)) != ZKC_OK)
        status = failed("connect", error);
    else if ((error = zkc_leader_open(sync, "cleaner", NULL, &leader)) != ZKC_OK)
        status = failed("open", error);
    else if ((error = zkc_leader_elect(leader, context, &elected)) != ZKC_OK)
        status = failed("elect", error);
    else
        status = lead(elected, argc > 1 ? strtol(argv[1], NULL, 10) : 5);
    zkc_elected_close(elected);
    zkc_leader_close(leader);
    zkc_sync_close(sync);
    return status; /* the context lives as long as the handler */
}
