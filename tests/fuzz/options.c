/*
 * What a user hands to zkc_sync_open(), one option on each line, its first character says which. It
 * is refused with one reason or taken with sane values; $ZKCOORD_NODES is read as the option nodes
 * is, and only in its place; a lack of memory is told and leaves nothing behind. Nothing connects:
 * this is the part that checks and copies. SPDX-License-Identifier: Apache-2.0
 */
#include "run/options.h"
#include "core/path.h"
#include "core/payload.h"
#include "fuzz.h"

#define ACL_MAX 4
#define PAIRS_MAX 8

struct input {
    zkc_options options;
    zkc_acl acl[ACL_MAX];
    zkc_service service;
    zkc_node node;
    const zkc_node *nodes[1];
    zkc_pair pairs[PAIRS_MAX];
    const char *environment;
    int reasons;
};

static void on_log(void *arg, zkc_log_level level, const char *message)
{
    struct input *input = arg;

    REQUIRE(level == ZKC_LOG_ERROR && strlen(message) > 10);
    input->reasons++;
}

/* setenv() would keep every value it ever had. */
static void set_environment(const char *nodes)
{
    static char entry[4096];

    unsetenv("ZKCOORD_NODES");
    if (nodes == NULL)
        return;
    snprintf(entry, sizeof entry, "ZKCOORD_NODES=%s", nodes);
    REQUIRE(putenv(entry) == 0);
}

static char *after(char *text, char separator)
{
    char *at = strchr(text, separator);

    if (at == NULL)
        return text + strlen(text);
    *at = '\0';
    return at + 1;
}

static void read_acl(struct input *input, char *text)
{
    zkc_acl *acl = &input->acl[input->options.acl_count];
    char *scheme = after(text, ':');

    if (input->options.acl_count == ACL_MAX)
        return;
    acl->id = after(scheme, ':');
    acl->scheme = scheme;
    acl->permissions = strtoll(text, NULL, 10);
    input->options.acl = input->acl;
    input->options.acl_count++;
}

static void read_pair(struct input *input, char *text)
{
    zkc_pair *pair = &input->pairs[input->node.metadata_count];

    if (input->node.metadata_count == PAIRS_MAX)
        return;
    pair->value = after(text, '=');
    pair->key = text;
    input->node.metadata = input->pairs;
    input->node.metadata_count++;
}

static void read_node(struct input *input, char which, char *text)
{
    if (which == 'i')
        input->node.id = text;
    else if (which == 'd')
        input->node.address = text;
    else if (which == 'p')
        input->node.port = strtoll(text, NULL, 10);
    else if (which == 'm')
        read_pair(input, text);
    else
        return;
    input->options.service = &input->service;
    input->service.nodes = input->nodes;
    input->service.node_count = 1;
}

static void read_option(struct input *input, char which, char *text)
{
    zkc_options *options = &input->options;

    switch (which) {
    case 'n':
        options->nodes = text;
        break;
    case 'e':
        input->environment = text;
        break;
    case 's':
        options->name_space = text;
        break;
    case 'h':
        options->auth_scheme = text;
        break;
    case 'a':
        options->auth = text;
        break;
    case 'A':
        read_acl(input, text);
        break;
    case 't':
        options->session_timeout_ms = strtoll(text, NULL, 10);
        break;
    case 'c':
        options->connect_timeout_ms = strtoll(text, NULL, 10);
        break;
    case 'l':
        options->log_level = strtoll(text, NULL, 10);
        break;
    case 'S':
        input->service.name = text;
        options->service = &input->service;
        break;
    default:
        read_node(input, which, text);
    }
}

static void read_input(struct input *input, char *text)
{
    char *line;

    memset(input, 0, sizeof *input);
    ZKC_INIT(&input->options);
    ZKC_INIT(&input->service);
    ZKC_INIT(&input->node);
    input->nodes[0] = &input->node;
    input->options.log = on_log;
    input->options.log_arg = input;
    while ((line = fuzz_line(&text)) != NULL)
        if (line[0] != '\0')
            read_option(input, line[0], line + 1);
}

/* As client_free() does. */
static void drop(zkc_sync *sync)
{
    nodes_clear(&sync->servers);
    for (size_t i = 0; i < sync->acl_count; i++) {
        mem_free((char *)(uintptr_t)sync->acl[i].scheme);
        mem_free((char *)(uintptr_t)sync->acl[i].id);
    }
    mem_free(sync->acl);
    mem_free(sync->auth_scheme);
    mem_free(sync->auth);
    mem_free(sync->name_space);
    mem_free(sync->root);
    mem_free(sync->chroot);
    mem_free(sync->identity);
}

static void lies_below(const zkc_sync *sync)
{
    const char *chroot = sync->chroot == NULL ? "" : sync->chroot;
    const char *rest = sync->root + strlen(chroot);

    REQUIRE(strncmp(sync->root, chroot, strlen(chroot)) == 0);
    REQUIRE(strcmp(rest[0] == '\0' ? "/" : rest, sync->name_space) == 0);
}

static void is_sane(const zkc_sync *sync, const struct input *input)
{
    zkc_node *node = NULL;
    int64_t timeout = input->options.session_timeout_ms;

    REQUIRE(sync->servers.count >= 1 && sync->servers.count <= NODES_MAX);
    REQUIRE(path_valid(sync->name_space));
    lies_below(sync);
    REQUIRE(sync->session_timeout_ms == (timeout == 0 ? ZKC_DEFAULT_SESSION_TIMEOUT_MS : timeout));
    REQUIRE(sync->session_timeout_ms > 0 && sync->log_level >= 1 && sync->log_level <= 4);
    REQUIRE((sync->auth == NULL) == (sync->auth_scheme == NULL));
    REQUIRE(sync->acl_count == (input->options.acl_count > 0 ? input->options.acl_count : 1));
    for (size_t i = 0; i < sync->acl_count; i++)
        REQUIRE(sync->acl[i].permissions >= 1 && sync->acl[i].permissions <= ZKC_PERM_ALL);
    REQUIRE(payload_decode(sync->identity, sync->identity_length, &node) == ZKC_OK && node != NULL);
    if (input->service.node_count > 0 && input->node.id != NULL)
        REQUIRE(strcmp(node->id, input->node.id) == 0);
    mem_free(node);
}

static bool same_servers(const struct server_list *a, const struct server_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->at[i].host, b->at[i].host) != 0 || a->at[i].port != b->at[i].port)
            return false;
    return true;
}

static void are_listed(const struct server_list *servers, const char *nodes)
{
    struct server_list list;
    const char *why;
    char *chroot;

    REQUIRE(nodes_parse(nodes, &list, &chroot, &why) == 0);
    REQUIRE(same_servers(servers, &list));
    nodes_clear(&list);
    mem_free(chroot);
}

/* What the environment means, said as an option instead. */
static void reads_the_environment(const zkc_sync *sync, const struct input *input, int result)
{
    struct input other = *input;
    const char *nodes = input->environment;
    zkc_sync *twin = calloc(1, sizeof *twin);

    REQUIRE(twin != NULL);
    if (input->options.nodes != NULL)
        nodes = input->options.nodes; /* the environment does not matter */
    else if (nodes == NULL || *nodes == '\0')
        nodes = ZKC_DEFAULT_NODES;
    if (result == ZKC_OK)
        are_listed(&sync->servers, nodes);
    other.options.nodes = nodes;
    other.options.log_arg = &other;
    set_environment("not [a list");
    REQUIRE(options_take(twin, &other.options) == result);
    REQUIRE(result != ZKC_OK || same_servers(&sync->servers, &twin->servers));
    drop(twin);
    free(twin);
    set_environment(input->environment);
}

static void fails_cleanly(const struct input *input, int expected)
{
    zkc_sync *sync = malloc(sizeof *sync);
    int result = ZKC_ENOMEM;

    REQUIRE(sync != NULL);
    for (long n = 1; result == ZKC_ENOMEM; n++) {
        memset(sync, 0, sizeof *sync);
        mem_fail_after(n);
        result = options_take(sync, &input->options);
        mem_fail_after(0);
        drop(sync);
        REQUIRE(mem_live() == 0);
    }
    REQUIRE(result == expected);
    free(sync);
}

/* A struct of a later release: what we do not know must be zero. */
static void reads_later_structs(const uint8_t *data, size_t size)
{
    size_t whole = sizeof(zkc_options) + size, first = OPTIONS_END(zkc_options, log_level);
    unsigned char *later = calloc(1, whole);
    bool zero = true, fits = whole <= 65536;
    zkc_options copy;

    REQUIRE(later != NULL);
    memcpy(later, &whole, sizeof whole);
    memcpy(later + sizeof(zkc_options), data, size);
    for (size_t i = 0; i < size; i++)
        zero = zero && data[i] == 0;
    REQUIRE(options_copy(&copy, sizeof copy, first, later) == (zero && fits));
    free(later);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size < 4000 ? size : 4000);
    zkc_sync *sync = calloc(1, sizeof *sync);
    struct input input;
    int result;

    REQUIRE(sync != NULL);
    read_input(&input, text);
    set_environment(input.environment);
    result = options_take(sync, &input.options);
    REQUIRE(result == ZKC_OK || result == ZKC_EINVAL);
    REQUIRE(input.reasons == (result == ZKC_OK ? 0 : 1));
    if (result == ZKC_OK)
        is_sane(sync, &input);
    reads_the_environment(sync, &input, result);
    drop(sync);
    REQUIRE(mem_live() == 0);
    fails_cleanly(&input, result);
    reads_later_structs(data, size);
    free(sync);
    free(text);
    return 0;
}
