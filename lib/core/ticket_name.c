/*
 * The name of our own node: its uuid and number are kept, its path is written when it is needed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/ticket_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SEQUENCE_SIZE (NAME_SEQUENCE_MAX + 1)

static const char *parent_of(const struct place *place)
{
    return strcmp(place->parent, "/") == 0 ? "" : place->parent;
}

size_t ticket_path_size(const struct place *place)
{
    return strlen(place->parent) + 1 + NAME_PREFIX_MAX + NAME_SEQUENCE_MAX;
}

/* Returns its length. */
static size_t write_prefix(const struct ticket *ticket, char *path)
{
    char name[NAME_PREFIX_MAX];

    name_format(name, ticket->place->dialect, ticket->random);
    return (size_t)sprintf(path, "%s/%s", parent_of(ticket->place), name);
}

void ticket_write_path(const struct ticket *ticket, char *path)
{
    size_t length = write_prefix(ticket, path);

    snprintf(path + length, SEQUENCE_SIZE, "%010" PRId32, ticket->sequence);
}

char *ticket_path(const struct ticket *ticket)
{
    char *path = mem_alloc(ticket_path_size(ticket->place));

    if (path != NULL)
        ticket_write_path(ticket, path);
    return path;
}

struct request *ticket_own_request(const struct ticket *ticket)
{
    struct request *request = request_with_room(ticket_path_size(ticket->place));

    if (request == NULL)
        return NULL;
    ticket_write_path(ticket, request->room);
    request->path = request->room;
    return request;
}

void ticket_new_name(struct ticket *ticket)
{
    core_random_bytes(ticket->session->core, ticket->random, sizeof ticket->random);
    ticket->bid->prefix_length = write_prefix(ticket, ticket->bid->path);
}

bool ticket_set_name(struct ticket *ticket, const char *name)
{
    char sequence[SEQUENCE_SIZE];
    struct name parsed;

    if (!name_parse(name, &parsed))
        return false;
    snprintf(sequence, sizeof sequence, "%010" PRId32, (int32_t)parsed.sequence);
    if (strcmp(name + strlen(ticket_own_name(ticket)), sequence) != 0)
        return false;
    ticket->sequence = (int32_t)parsed.sequence;
    memcpy(ticket->bid->path + ticket->bid->prefix_length, sequence, sizeof sequence);
    return true;
}

const char *ticket_own_name(const struct ticket *ticket)
{
    return strrchr(ticket->bid->path, '/') + 1;
}
