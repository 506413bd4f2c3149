/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nodes.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define HOST_MAX 254 /* RFC 1035: 253 characters and perhaps the dot of the root */
#define ZONE_MAX 32
#define PORT_MAX_DIGITS 5

#define DIGITS "0123456789"
#define NAME_CHARACTERS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

static const char why_empty[] = "the list of servers is empty; write host:port,host:port";
static const char why_entry[] =
    "an entry of the list of servers is empty; remove the comma or write host:port";
_Static_assert(NODES_MAX == 64, "why_many says so");
static const char why_many[] = "more than 64 servers are listed; name fewer";
static const char why_slash[] =
    "'/' in the list of servers; write host:port only, and set a path as the namespace";
static const char why_bracket[] = "a bracket does not match; write an IPv6 address as [::1]:2181";
static const char why_ipv6[] =
    "not an IPv6 address; write host:port, or an IPv6 address as [::1]:2181";
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
    if (memchr(entry.text, '/', entry.length) != NULL)
        return why_slash;
    if (entry.text[0] == '[')
        return split_bracketed(entry, ret_host, ret_port);
    split(entry, ':', &head, &tail);
    if (tail.length > 0 && memchr(tail.text, ':', tail.length) != NULL)
        return is_ipv6(entry) ? NULL : why_ipv6;
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

int nodes_parse(const char *text, struct server_list *ret_list, const char **ret_why)
{
    struct slice all = trim((struct slice){text, strlen(text)});
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

char *nodes_format(const struct server_list *numeric)
{
    size_t count = numeric->count % 2 == 0 ? numeric->count + 1 : numeric->count;
    size_t size = 1, used = 0;
    char *text;

    if (numeric->count == 0)
        return NULL;
    for (size_t i = 0; i < count; i++)
        size += strlen(numeric->at[i % numeric->count].host) + sizeof ":65535,";
    text = mem_alloc(size);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct server_address *server = &numeric->at[i % numeric->count];
        int written = snprintf(text + used, size - used, "%s%s:%u", i > 0 ? "," : "", server->host,
                               server->port & 0xffff);
        used += (size_t)written;
    }
    return text;
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

static bool lists(const char *text, const char *address, size_t length)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        if (size == length && strncmp(text, address, length) == 0)
            return true;
        text += size + (text[size] == ',');
    }
    return false;
}

bool nodes_disjoint(const char *left, const char *right)
{
    while (*left != '\0') {
        size_t size = strcspn(left, ",");
        if (lists(right, left, size))
            return false;
        left += size + (left[size] == ',');
    }
    return true;
}
