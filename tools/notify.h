/*
 * Tells the service manager how we are: the protocol of sd_notify(3), over $NOTIFY_SOCKET.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_NOTIFY_H
#define ZKCOORD_TOOLS_NOTIFY_H

/* One datagram, such as "READY=1\nSTATUS=standby". Without a service manager it does nothing. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The answer to its watchdog; that it does not listen is not said each time. */
void notify_alive(void);

#endif
