/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"
#include "say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or '@' and a name in Linux' abstract namespace. 0: not an address. */
static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
    size_t length = strlen(name);

    if ((*name != '/' && *name != '@') || length < 2 || length >= sizeof ret->sun_path)
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, name, length);
    if (*name == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name == '/'));
}

/* A manager that has stopped reading must not stop us. */
static bool transmit(const char *name, const char *text)
{
    struct sockaddr_un address;
    socklen_t length = address_of(name, &address);
    int fd = length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    bool sent;

    if (fd < 0)
        return true; /* there is none */
    sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
                  length) >= 0;
    close(fd);
    return sent;
}

void notify(const char *format, ...)
{
    const char *name = getenv("NOTIFY_SOCKET");
    va_list arguments;
    char text[512];

    if (name == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!transmit(name, text))
        say("the service manager at %s does not listen", name);
}

void notify_alive(void)
{
    const char *name = getenv("NOTIFY_SOCKET");

    if (name != NULL)
        transmit(name, "WATCHDOG=1");
}
