/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"
#include "exits.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ERASE "\r\033[2K"
#define PATIENCE_MS 2000

static atomic_bool in_place; /* the last line has no end yet */
static atomic_uint lost;     /* messages for which there was no room */
static const char *topic;    /* the subcommand that help is offered on; or NULL */
static int inbox = -1;       /* where messages are queued; -1: they are written at once */

void say_into(int socket)
{
    inbox = socket;
}

unsigned say_dropped(void)
{
    return atomic_exchange(&lost, 0);
}

bool say_heard(void)
{
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&output, 1, PATIENCE_MS) == 1;
}

/* As one piece, so that lines of several processes do not mix. */
static bool put(const char *text)
{
    if (inbox < 0)
        return say_heard() && dprintf(STDERR_FILENO, "%s", text) >= 0;
    return send(inbox, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool queued(void)
{
    int bytes;

    return inbox >= 0 && ioctl(inbox, TIOCOUTQ, &bytes) == 0 && bytes > 0;
}

static void line(const char *hint, const char *format, va_list arguments)
{
    char text[1400], whole[SAY_MAX];
    bool erase;

    vsnprintf(text, sizeof text, format, arguments);
    /* In the background the line on the terminal is somebody else's by now. */
    erase = atomic_exchange(&in_place, false) && tcgetpgrp(STDERR_FILENO) == getpgrp();
    snprintf(whole, sizeof whole, "%szkcoord: %s%s\n", erase ? ERASE : "", text, hint);
    if (put(whole))
        return;
    atomic_fetch_add(&lost, 1);
    if (erase)
        atomic_store(&in_place, true);
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("", format, arguments);
    va_end(arguments);
}

int say_usage(const char *format, ...)
{
    va_list arguments;
    char hint[64];

    snprintf(hint, sizeof hint, "\nTry 'zkcoord help%s%s'.", topic != NULL ? " " : "",
             topic != NULL ? topic : "");
    va_start(arguments, format);
    line(hint, format, arguments);
    va_end(arguments);
    return STATUS_USAGE;
}

void say_topic(const char *verb)
{
    topic = verb;
}

/* Never wider than the terminal, or the next one could not replace it. Behind messages that
 * nobody has read yet a new state of the line is not worth a place. */
void say_in_place(const char *text)
{
    struct winsize size = {.ws_col = 80};
    char whole[SAY_MAX];
    int columns;

    if (*text != '\0' && queued())
        return;
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    columns = size.ws_col > 1 ? size.ws_col - 1 : 79;
    snprintf(whole, sizeof whole, ERASE "%.*s", columns, text);
    if (put(whole))
        atomic_store(&in_place, *text != '\0');
}

int say_unwritten(void)
{
    say("cannot write: %s", strerror(errno));
    return EX_IOERR;
}
