/*
 * The list of servers as the user wrote it: "host:port,host,[::1]:2181/chroot". Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_NODES_H
#define ZKC_CORE_NODES_H

#include <stdbool.h>
#include <stddef.h>

#define NODES_MAX 64
#define NODES_DEFAULT_PORT 2181

struct server_address {
    char *host;    /* without brackets, perhaps with %zone; mem_alloc'd, owned by the list */
    unsigned port; /* 1..65535 */
};

struct server_list {
    struct server_address *at; /* mem_alloc'd */
    size_t count;
};

/*
 * Splits and checks: hosts are names, IPv4 or bracketed or bare IPv6 addresses (of which all is the
 * address: a port needs brackets); blanks around entries are dropped; the port defaults to
 * NODES_DEFAULT_PORT. The first '/' begins the chroot, which goes for all servers: a path as
 * path_valid() has it, mem_alloc'd, without a comma; NULL for none, or "/". 0; -1 when the text is
 * not such a list, with a static explanation in *ret_why that says what to do; -2 without memory.
 */
int nodes_parse(const char *text, struct server_list *ret_list, char **ret_chroot,
                const char **ret_why);

/* Whether every host is already a numeric address; true for an empty list. */
bool nodes_all_numeric(const struct server_list *list);

void nodes_clear(struct server_list *list); /* frees; a zeroed list is a valid empty one */

#endif
