/*
 * The list of servers as the user wrote it: "host:port,host,[::1]:2181". Pure.
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
 * NODES_DEFAULT_PORT; a chroot ("/path") is refused (the namespace is for that). 0; -1 when the
 * text is not such a list, with a static explanation in *ret_why that says what to do; -2 without
 * memory.
 */
int nodes_parse(const char *text, struct server_list *ret_list, const char **ret_why);

/*
 * The text that is handed to libzookeeper: numeric addresses only, "ip:port" joined by commas; when
 * their number is even the first is repeated at the end, because the client can skip every second
 * one of an even list (ZOOKEEPER-2466). IPv6 goes without brackets: the client splits at the last
 * colon and resolves what is before it. mem_alloc'd; NULL without memory or for an empty list.
 */
char *nodes_format(const struct server_list *numeric);

/* Whether two texts of nodes_format() have no address in common. */
bool nodes_disjoint(const char *left, const char *right);

/* Whether every host is already a numeric address; true for an empty list. */
bool nodes_all_numeric(const struct server_list *list);

void nodes_clear(struct server_list *list); /* frees; a zeroed list is a valid empty one */

#endif
