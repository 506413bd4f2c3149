/*
 * The name of our own node: its uuid and number are kept, its path is written when it is needed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/ticket_parts.h"

#include <string.h>

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
    char *end = stpcpy(path, parent_of(ticket->place));

    *end++ = '/';
    return (size_t)(end - path) +
           name_format(end, ticket->place->dialect, ticket->place->mode, ticket->random);
}

void ticket_write_path(const struct ticket *ticket, char *path)
{
    name_format_sequence(path + write_prefix(ticket, path), ticket->sequence);
}

bool ticket_is_at(const struct ticket *ticket, const char *path)
{
    const char *parent = parent_of(ticket->place);
    size_t length = strlen(parent);
    char name[NAME_PREFIX_MAX + NAME_SEQUENCE_MAX];

    name_format_sequence(
        name + name_format(name, ticket->place->dialect, ticket->place->mode, ticket->random),
        ticket->sequence);
    return strncmp(path, parent, length) == 0 && path[length] == '/' &&
           strcmp(path + length + 1, name) == 0;
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

/* The number behind our prefix as a server writes it; false: name is not our prefix and a number.
 */
static bool read_sequence(const struct ticket *ticket, const char *name, int32_t *ret_sequence)
{
    const char *own = ticket_own_name(ticket);
    size_t prefix = ticket->bid->prefix_length - (size_t)(own - ticket->bid->path);
    char text[NAME_SEQUENCE_MAX + 1];
    struct name parsed;

    if (strncmp(name, own, prefix) != 0 || !name_parse(name, &parsed))
        return false;
    *ret_sequence = (int32_t)parsed.sequence;
    name_format_sequence(text, *ret_sequence);
    return strcmp(name + prefix, text) == 0;
}

bool ticket_may_be_ours(const struct ticket *ticket, const char *name)
{
    int32_t sequence;

    return read_sequence(ticket, name, &sequence);
}

bool ticket_set_name(struct ticket *ticket, const char *name)
{
    int32_t sequence;

    if (!read_sequence(ticket, name, &sequence))
        return false;
    ticket->sequence = sequence;
    name_format_sequence(ticket->bid->path + ticket->bid->prefix_length, sequence);
    return true;
}

const char *ticket_own_name(const struct ticket *ticket)
{
    return strrchr(ticket->bid->path, '/') + 1;
}
