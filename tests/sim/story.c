/*
 * What happened, as lines for a person, and as one number.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    bool keep;
    char *text;
    size_t length, room;
    uint64_t digest;
    char failure[512];
} tale;

void story_keep(bool keep)
{
    tale.keep = keep;
}

void story_begin(void)
{
    tale.length = 0;
    tale.digest = 0xcbf29ce484222325u;
    tale.failure[0] = '\0';
}

void story_end(void)
{
    free(tale.text);
    tale.text = NULL;
    tale.length = tale.room = 0;
}

void story_mix(uint64_t value)
{
    tale.digest = (tale.digest ^ value) * 0x100000001b3u;
}

static void add_line(const char *line)
{
    size_t now_ms = (size_t)(world_now() / SIM_MS);
    size_t room = 512;
    int length;

    if (tale.length + room > tale.room) {
        tale.room = 2 * tale.room + 65536;
        tale.text = realloc(tale.text, tale.room);
    }
    length = snprintf(tale.text + tale.length, room, "%5zu.%03zu %03d  %-8s %s\n", now_ms / 1000,
                      now_ms % 1000, (int)(world_now() % SIM_MS / 1000),
                      machine_name(machine_current()), line);
    for (int i = 0; i < length; i++)
        story_mix((uint8_t)tale.text[tale.length + (size_t)i]);
    tale.length += (size_t)length < room ? (size_t)length : room - 1;
}

void story(const char *format, ...)
{
    char line[440];
    va_list arguments;

    if (!tale.keep)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    add_line(line);
}

void story_print(void)
{
    fwrite(tale.text, 1, tale.length, stdout);
}

void story_write(int fd)
{
    size_t done = 0;
    ssize_t n;

    while (done < tale.length && (n = write(fd, tale.text + done, tale.length - done)) > 0)
        done += (size_t)n;
}

uint64_t world_digest(void)
{
    return tale.digest;
}

void world_fail(const char *format, ...)
{
    va_list arguments;

    if (tale.failure[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(tale.failure, sizeof tale.failure, format, arguments);
    va_end(arguments);
    story("BROKEN: %s", tale.failure);
}

const char *world_failure(void)
{
    return tale.failure[0] == '\0' ? NULL : tale.failure;
}

/* ---- a world ---- */

void world_begin(uint64_t seed)
{
    story_begin();
    events_begin();
    events_seed(seed);
    machines_begin();
    fibers_begin();
    alarms_begin();
}

void world_end(void)
{
    fibers_end();
    machines_end();
}

void world_forget(void)
{
    events_end();
    story_end();
}
