/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"
#include "exits.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* In one write, so that lines of several processes do not mix. */
static void line(const char *hint, const char *format, va_list arguments)
{
    char text[1024];
    int length;

    vsnprintf(text, sizeof text, format, arguments);
    length = dprintf(STDERR_FILENO, "zkcoord: %s%s\n", text, hint);
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

    va_start(arguments, format);
    line("\nTry 'zkcoord help'.", format, arguments);
    va_end(arguments);
    return STATUS_USAGE;
}
