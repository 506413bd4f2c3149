/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "ports.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOWEST 10240u
#define TRIES 200

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    return a;
}

static unsigned first_ephemeral(void)
{
    unsigned low = 32768;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (f) {
        if (fscanf(f, "%u", &low) != 1)
            low = 32768;
        fclose(f);
    }
    return low;
}

/* The seed must not decide: two tests run with the same one would fight for the same ports. */
static uint16_t candidate(void)
{
    unsigned high = first_ephemeral();
    unsigned seed = (unsigned)getpid() * 7919u + (unsigned)(now_ns() >> 8);

    if (high < LOWEST + 1000)
        return 0; /* hardly anything is below: let the kernel choose */
    return (uint16_t)(LOWEST + (unsigned)rand_r(&seed) % (high - LOWEST));
}

static int bind_to(uint16_t *port)
{
    struct sockaddr_in a = loopback(*port);
    socklen_t size = sizeof(a);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    /* Not reusable while binding, so that a reserved port is refused; reusable thereafter. */
    if (bind(fd, (struct sockaddr *)&a, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

int port_reserve(uint16_t *port)
{
    for (int i = 0; i < TRIES; i++) {
        *port = candidate();
        int fd = bind_to(port);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

int port_connect(const char *address)
{
    const char *colon = strrchr(address, ':');
    struct sockaddr_in a = loopback((uint16_t)atoi(colon ? colon + 1 : address));
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}
