/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nodes.h"
#include "base/mem.h"
#include "core/path.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 254 /* RFC 1035: 253 characters and perhaps the dot of the root */
#define ZONE_MAX 32
#define PORT_MAX_DIGITS 5

#define DIGITS "0123456789"
#define IPV6_CHARACTERS DIGITS "abcdefABCDEF:."
#define NAME_CHARACTERS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

static const char why_empty[] = "the list of servers is empty; write host:port,host:port";
static const char why_entry[] =
    "an entry of the list of servers is empty; remove the comma or write host:port";
_Static_assert(NODES_MAX == 64, "why_many says so");
static const char why_many[] = "more than 64 servers are listed; name fewer";
static const char why_scheme[] =
    "'//' in the list of servers; write host:port,host:port, with a path such as /app at its end";
static const char why_inner[] =
    "a comma behind a path in the list of servers; write the path once, behind the last server";
static const char why_chroot[] = "the path behind the servers is none of a znode; write it as in "
                                 "host:port/app, without a '/' at the end";
static const char why_separator[] =
    "a blank or ';' stands between servers; write commas, as in host:port,host:port";
static const char why_colons[] =
    "more than one colon in an entry; write host:port with commas between servers";
static const char why_bracket[] = "a bracket does not match; write an IPv6 address as [::1]:2181";
static const char why_ipv6[] =
    "not an IPv6 address; write host:port, or an IPv6 address as [::1]:2181";
static const char why_either[] =
    "an IPv6 address, or one with a port; write [::1]:2181 or [::1:2181]";
static const char why_ipv4[] = "not an IPv4 address; write four numbers from 0 to 255, or a name";
static const char why_host[] = "the host name is missing; write host:port";
static const char why_name[] =
    "not a host name; use letters, digits, '-', '.' and '_', with commas between servers";
static const char why_port[] = "not a port; write a number from 1 to 65535 after the colon";

struct slice {
    const char *text;
    size_t length;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice slice)
{
    while (slice.length > 0 && is_blank(slice.text[0])) {
        slice.text++;
        slice.length--;
    }
    while (slice.length > 0 && is_blank(slice.text[slice.length - 1]))
        slice.length--;
    return slice;
}

static bool consists_of(struct slice slice, const char *characters)
{
    for (size_t i = 0; i < slice.length; i++)
        /* The NUL must not count as one of them. NOLINTNEXTLINE(bugprone-not-null-*) */
        if (memchr(characters, slice.text[i], strlen(characters)) == NULL)
            return false;
    return true;
}

/* Splits at the first separator; without one all is head and the tail's text is NULL. */
static void split(struct slice slice, char separator, struct slice *ret_head,
                  struct slice *ret_tail)
{
    const char *at = slice.length > 0 ? memchr(slice.text, separator, slice.length) : NULL;
    const char *end = slice.text + slice.length;

    ret_head->text = slice.text;
    ret_head->length = at != NULL ? (size_t)(at - slice.text) : slice.length;
    ret_tail->text = at != NULL ? at + 1 : NULL;
    ret_tail->length = at != NULL ? (size_t)(end - at - 1) : 0;
}

static bool is_address(struct slice host, int family)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (host.length >= sizeof text)
        return false;
    memcpy(text, host.text, host.length);
    text[host.length] = '\0';
    return inet_pton(family, text, &address) == 1;
}

/* Also with a zone: fe80::1%eth0. */
static bool is_ipv6(struct slice host)
{
    struct slice address, zone;

    split(host, '%', &address, &zone);
    if (zone.text != NULL &&
        (zone.length == 0 || zone.length > ZONE_MAX || !consists_of(zone, NAME_CHARACTERS)))
        return false;
    return is_address(address, AF_INET6);
}

static const char *check_name(struct slice host)
{
    if (host.length == 0)
        return why_host;
    if (host.length > HOST_MAX || !consists_of(host, NAME_CHARACTERS))
        return why_name;
    if (consists_of(host, DIGITS ".") && !is_address(host, AF_INET))
        return why_ipv4;
    return NULL;
}

static const char *check_port(struct slice port, unsigned *ret_port)
{
    unsigned number = 0;

    if (port.length > PORT_MAX_DIGITS || !consists_of(port, DIGITS))
        return why_port;
    for (size_t i = 0; i < port.length; i++)
        number = number * 10 + (unsigned)(port.text[i] - '0');
    if (number < 1 || number > 65535)
        return why_port;
    *ret_port = number;
    return NULL;
}

/* Other programs put these between servers, and people do. */
static bool is_several(struct slice entry)
{
    for (size_t i = 0; i < entry.length; i++)
        if (is_blank(entry.text[i]) || entry.text[i] == ';')
            return true;
    return false;
}

/* Other clients take four decimal digits at the end for a port; they may be of the address. */
static bool may_end_in_port(struct slice entry)
{
    struct slice host = entry, port;

    if (entry.length <= 5)
        return false;
    host.length -= 5;
    port = (struct slice){entry.text + host.length + 1, 4};
    return port.text[-1] == ':' && port.text[0] != '0' && consists_of(port, DIGITS) &&
           is_ipv6(host);
}

/* An entry with several colons. */
static const char *check_bare_ipv6(struct slice entry)
{
    struct slice address, zone;

    if (may_end_in_port(entry))
        return why_either;
    if (is_ipv6(entry))
        return NULL;
    split(entry, '%', &address, &zone);
    return consists_of(address, IPV6_CHARACTERS) ? why_ipv6 : why_colons;
}

/* "[address]" or "[address]:port" */
static const char *split_bracketed(struct slice entry, struct slice *ret_host,
                                   struct slice *ret_port)
{
    struct slice inside = {entry.text + 1, entry.length - 1}, rest;

    split(inside, ']', ret_host, &rest);
    if (rest.text == NULL || (rest.length > 0 && rest.text[0] != ':'))
        return why_bracket;
    if (rest.length > 0)
        *ret_port = (struct slice){rest.text + 1, rest.length - 1};
    return is_ipv6(*ret_host) ? NULL : why_ipv6;
}

/* The port's text is NULL when the entry has none. */
static const char *split_entry(struct slice entry, struct slice *ret_host, struct slice *ret_port)
{
    struct slice head, tail;

    *ret_host = entry;
    *ret_port = (struct slice){NULL, 0};
    if (entry.length == 0)
        return why_entry;
    if (is_several(entry))
        return why_separator;
    if (entry.text[0] == '[')
        return split_bracketed(entry, ret_host, ret_port);
    split(entry, ':', &head, &tail);
    if (tail.length > 0 && memchr(tail.text, ':', tail.length) != NULL)
        return check_bare_ipv6(entry);
    *ret_host = head;
    *ret_port = tail;
    return check_name(head);
}

static int add_entry(struct server_list *list, struct slice entry, const char **ret_why)
{
    struct server_address *server = &list->at[list->count];
    struct slice host, port;
    const char *why = split_entry(entry, &host, &port);

    server->port = NODES_DEFAULT_PORT;
    if (why == NULL && port.text != NULL)
        why = check_port(port, &server->port);
    if (why != NULL) {
        *ret_why = why;
        return -1;
    }
    server->host = mem_strndup(host.text, host.length);
    if (server->host == NULL)
        return -2;
    list->count++;
    return 0;
}

static int add_all(struct server_list *list, struct slice text, const char **ret_why)
{
    int result = 0;

    while (result == 0 && text.text != NULL) {
        struct slice entry;
        split(text, ',', &entry, &text);
        result = add_entry(list, trim(entry), ret_why);
    }
    return result;
}

static size_t count_entries(struct slice text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.length; i++)
        count += text.text[i] == ',';
    return count;
}

static int take_chroot(struct slice slice, char **ret_chroot, const char **ret_why)
{
    const char *why = NULL;
    char *chroot;

    *ret_chroot = NULL;
    if (slice.length <= 1)
        return 0;
    chroot = mem_strndup(slice.text, slice.length);
    if (chroot == NULL)
        return -2;
    if (chroot[1] == '/')
        why = why_scheme;
    else if (strchr(chroot, ',') != NULL)
        why = why_inner;
    else if (!path_valid(chroot))
        why = why_chroot;
    if (why == NULL) {
        *ret_chroot = chroot;
        return 0;
    }
    mem_free(chroot);
    *ret_why = why;
    return -1;
}

static int take_servers(struct slice all, struct server_list *ret_list, const char **ret_why)
{
    struct server_list list = {NULL, 0};
    size_t count = count_entries(all);
    int result;

    if (all.length == 0 || count > NODES_MAX) {
        *ret_why = all.length == 0 ? why_empty : why_many;
        return -1;
    }
    list.at = mem_alloc(count * sizeof *list.at);
    if (list.at == NULL)
        return -2;
    result = add_all(&list, all, ret_why);
    if (result != 0) {
        nodes_clear(&list);
        return result;
    }
    *ret_list = list;
    return 0;
}

int nodes_parse(const char *text, struct server_list *ret_list, char **ret_chroot,
                const char **ret_why)
{
    struct slice all = trim((struct slice){text, strlen(text)}), servers = all, behind;
    char *chroot;
    int result;

    servers.length = strcspn(servers.text, "/");
    if (servers.length > all.length)
        servers.length = all.length;
    behind = (struct slice){all.text + servers.length, all.length - servers.length};
    result = take_chroot(behind, &chroot, ret_why);
    if (result != 0)
        return result;
    result = take_servers(trim(servers), ret_list, ret_why);
    if (result == 0)
        *ret_chroot = chroot;
    else
        mem_free(chroot);
    return result;
}

bool nodes_all_numeric(const struct server_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct slice host = {list->at[i].host, strlen(list->at[i].host)};
        if (!is_address(host, AF_INET) && !is_ipv6(host))
            return false;
    }
    return true;
}

void nodes_clear(struct server_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->at[i].host);
    mem_free(list->at);
    memset(list, 0, sizeof *list);
}
