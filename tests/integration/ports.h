/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loopback ports that stay ours while nobody listens on them.
 *
 * Two traps are avoided. A port from the kernel's ephemeral range may be taken, while the server
 * is down, as the local port of any outgoing connection; a client that keeps trying to reach the
 * dead server sooner or later even connects to itself. And another test running beside us could
 * be given the same number. So ports come from below that range, and a bound socket that never
 * listens keeps each of them: servers (Java sets SO_REUSEADDR) can listen beside it.
 */
#ifndef ZKC_TESTS_PORTS_H
#define ZKC_TESTS_PORTS_H

#include <stdint.h>

/* Returns a TCP socket bound to 127.0.0.1 and *port; close() gives the port back. Or -1. */
int port_reserve(uint16_t *port);

/* Connects to "127.0.0.1:port" without waiting; the socket is non-blocking. Or -1 and errno. */
int port_connect(const char *address);

#endif
