/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"
#include "exits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ERASE "\r\033[2K"

static atomic_bool in_place; /* the last line has no end yet */
static const char *topic;    /* the subcommand that help is offered on; or NULL */

/* In one write, so that lines of several processes do not mix. */
static void line(const char *hint, const char *format, va_list arguments)
{
    char text[1400];
    bool erase;
    int length;

    vsnprintf(text, sizeof text, format, arguments);
    /* In the background the line on the terminal is somebody else's by now. */
    erase = atomic_exchange(&in_place, false) && tcgetpgrp(STDERR_FILENO) == getpgrp();
    length = dprintf(STDERR_FILENO, "%szkcoord: %s%s\n", erase ? ERASE : "", text, hint);
    (void)length; /* nobody to tell */
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

/* One write; never wider than the terminal, or the next one could not replace it. */
void say_in_place(const char *text)
{
    struct winsize size = {.ws_col = 80};
    int columns;

    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    columns = size.ws_col > 1 ? size.ws_col - 1 : 79;
    dprintf(STDERR_FILENO, ERASE "%.*s", columns, text);
    atomic_store(&in_place, *text != '\0');
}

int say_unwritten(void)
{
    say("cannot write: %s", strerror(errno));
    return EX_IOERR;
}
