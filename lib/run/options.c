/* SPDX-License-Identifier: Apache-2.0 */
#include "run/options.h"
#include "base/mem.h"
#include "core/path.h"
#include "core/payload.h"
#include "run/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A server hangs up on a packet of more than 1 MiB (jute.maxbuffer), again and again after each
 * reconnection. A create carries path, data and the whole list; the credential has a packet of its
 * own.
 */
#define AUTH_MAX ((size_t)64 * 1024)
#define ACL_MAX ((size_t)256 * 1024)

/* The log function runs inside zkc_sync_open() here: there is no sync object yet to deliver it. */
static int refuse(const zkc_options *options, const char *why)
{
    if (options->log != NULL)
        options->log(options->log_arg, ZKC_LOG_ERROR, why);
    return ZKC_EINVAL;
}

static int copy_text(char **ret_copy, const char *text)
{
    *ret_copy = mem_strdup(text);
    return *ret_copy == NULL ? ZKC_ENOMEM : ZKC_OK;
}

static int take_nodes(zkc_sync *sync, const zkc_options *options)
{
    const char *nodes = options->nodes;
    const char *why = NULL;
    char text[256];
    int error;

    if (nodes == NULL)
        nodes = getenv("ZKCOORD_NODES"); /* NOLINT(concurrency-mt-unsafe): we never setenv() */
    if (nodes == NULL || (options->nodes == NULL && *nodes == '\0'))
        nodes = ZKC_DEFAULT_NODES;
    error = nodes_parse(nodes, &sync->servers, &sync->chroot, &why);
    if (error == 0)
        return ZKC_OK;
    if (error == -2)
        return ZKC_ENOMEM;
    snprintf(text, sizeof text, "%s: %s",
             options->nodes != NULL ? "option nodes" : "environment variable ZKCOORD_NODES", why);
    return refuse(options, text);
}

static int take_namespace(zkc_sync *sync, const zkc_options *options)
{
    const char *name_space =
        options->name_space != NULL ? options->name_space : ZKC_DEFAULT_NAMESPACE;

    if (!path_valid(name_space))
        return refuse(options, "option name_space: not an absolute znode path such as /my/app");
    sync->root = path_under(sync->chroot, name_space);
    return sync->root == NULL ? ZKC_ENOMEM : copy_text(&sync->name_space, name_space);
}

static int take_auth(zkc_sync *sync, const zkc_options *options)
{
    if ((options->auth_scheme == NULL) != (options->auth == NULL))
        return refuse(options, "options auth_scheme and auth go together");
    if (options->auth_scheme == NULL)
        return ZKC_OK;
    if (*options->auth_scheme == '\0' || !path_utf8_valid(options->auth_scheme))
        return refuse(options, "option auth_scheme: empty, or not UTF-8");
    if (strlen(options->auth_scheme) + strlen(options->auth) > AUTH_MAX)
        return refuse(options, "options auth_scheme and auth: longer than 64 KiB");
    if (strcmp(options->auth_scheme, "digest") == 0 && strchr(options->auth, ':') == NULL)
        return refuse(options, "option auth: digest needs user:password");
    if (copy_text(&sync->auth_scheme, options->auth_scheme) != ZKC_OK)
        return ZKC_ENOMEM;
    return copy_text(&sync->auth, options->auth);
}

static bool acl_usable(const zkc_acl *acl)
{
    return acl->scheme != NULL && *acl->scheme != '\0' && acl->id != NULL && acl->permissions > 0 &&
           acl->permissions <= ZKC_PERM_ALL && path_utf8_valid(acl->scheme) &&
           path_utf8_valid(acl->id);
}

static int take_acl(zkc_sync *sync, const zkc_options *options)
{
    static const zkc_acl everyone = {ZKC_PERM_ALL, "world", "anyone"};
    static const zkc_acl ours = {ZKC_PERM_ALL, "auth", ""};
    const zkc_acl *acl = options->acl_count > 0         ? options->acl
                         : options->auth_scheme != NULL ? &ours
                                                        : &everyone;
    size_t count = options->acl_count > 0 ? options->acl_count : 1, bytes = 0;

    if (options->acl_count > 1024 || (options->acl_count > 0 && options->acl == NULL))
        return refuse(options, "option acl: NULL with a count, or too many entries");
    sync->acl = mem_zalloc(count * sizeof *sync->acl);
    if (sync->acl == NULL)
        return ZKC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!acl_usable(&acl[i]))
            return refuse(options, "option acl: an entry without permissions, scheme or id, or "
                                   "with a text that is not UTF-8");
        bytes += strlen(acl[i].scheme) + strlen(acl[i].id);
        if (bytes > ACL_MAX)
            return refuse(options, "option acl: larger than 256 KiB");
        sync->acl[i].permissions = acl[i].permissions;
        sync->acl_count = i + 1;
        sync->acl[i].scheme = mem_strdup(acl[i].scheme);
        sync->acl[i].id = mem_strdup(acl[i].id);
        if (sync->acl[i].scheme == NULL || sync->acl[i].id == NULL)
            return ZKC_ENOMEM;
    }
    return ZKC_OK;
}

static int encode_identity(zkc_sync *sync, const zkc_options *options, const zkc_node *node)
{
    int error = payload_encode(node, &sync->identity, &sync->identity_length);

    if (error == ZKC_EINVAL)
        return refuse(options, "option service: a text of its first node is not UTF-8, a port is "
                               "not in 0..65535, or metadata has a NULL or repeated key");
    if (error == ZKC_OK && sync->identity_length > ZKC_DATA_MAX)
        return refuse(options, "option service: the node is larger than 512 KiB");
    return error;
}

/* The caller's first node, as far as this library knows it. */
static bool copy_first_node(zkc_node *node, const zkc_service *service)
{
    const zkc_node *const *nodes = service->nodes;

    return nodes != NULL && nodes[0] != NULL &&
           options_copy(node, sizeof *node, OPTIONS_END(zkc_node, metadata_count), nodes[0]);
}

static int encode_default(zkc_sync *sync, const zkc_options *options, const char *name)
{
    char host[256] = "localhost", id[320];
    zkc_node node;

    gethostname(host, sizeof host - 1);
    if (name != NULL && strlen(name) < 32)
        snprintf(id, sizeof id, "%s-%s-%ld", name, host, (long)getpid());
    else
        snprintf(id, sizeof id, "%s-%ld", host, (long)getpid());
    ZKC_INIT(&node);
    node.id = id;
    node.address = host;
    return encode_identity(sync, options, &node);
}

static int take_service(zkc_sync *sync, const zkc_options *options)
{
    zkc_service service;
    zkc_node node;

    if (options->service == NULL)
        return encode_default(sync, options, NULL);
    if (!options_copy(&service, sizeof service, OPTIONS_END(zkc_service, node_count),
                      options->service))
        return refuse(options, "option service: not from ZKC_INIT(), or of a newer header and with "
                               "something that this library lacks");
    if (service.node_count == 0)
        return encode_default(sync, options, service.name);
    if (!copy_first_node(&node, &service))
        return refuse(options, "option service: a node is NULL, not from ZKC_INIT(), or of a newer "
                               "header and with something that this library lacks");
    return encode_identity(sync, options, &node);
}

static int take_times(zkc_sync *sync, const zkc_options *options)
{
    int64_t timeout = options->session_timeout_ms;

    if (timeout < 0 || timeout > ZKC_SESSION_TIMEOUT_MAX_MS)
        return refuse(options, "option session_timeout_ms: not in 0..86400000");
    if (options->connect_timeout_ms > INT_MAX)
        return refuse(options, "option connect_timeout_ms: too long");
    sync->session_timeout_ms = timeout == 0 ? ZKC_DEFAULT_SESSION_TIMEOUT_MS : timeout;
    return ZKC_OK;
}

bool options_copy(void *copy, size_t known, size_t first, const void *options)
{
    const unsigned char *bytes = options;
    size_t size;

    memcpy(&size, options, sizeof size);
    if (size < first || size > 65536)
        return false;
    if (size < known && size % sizeof(size_t) != 0)
        return false; /* no older one ends within a member */
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return false;
    memset(copy, 0, known);
    memcpy(copy, options, size < known ? size : known);
    return true;
}

int options_take(zkc_sync *sync, const zkc_options *options)
{
    static int (*const takers[])(zkc_sync *, const zkc_options *) = {
        take_nodes, take_namespace, take_auth, take_acl, take_service, take_times};

    if (options->log_level < 0 || options->log_level > ZKC_LOG_DEBUG)
        return refuse(options, "option log_level: not one of ZKC_LOG_...");
    sync->log = options->log;
    sync->log_arg = options->log_arg;
    sync->log_level = options->log_level == 0 ? ZKC_LOG_INFO : (int)options->log_level;
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        int error = takers[i](sync, options);
        if (error != ZKC_OK)
            return error;
    }
    return ZKC_OK;
}
