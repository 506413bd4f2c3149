/*
 * Lists of servers: what is accepted means the same when written out again, and libzookeeper's form
 * of it can be taken apart as libzookeeper does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/endpoints.h"
#include "core/nodes.h"
#include "core/path.h"
#include "fuzz.h"

static void equal(const struct server_list *a, const struct server_list *b)
{
    REQUIRE(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        REQUIRE(strcmp(a->at[i].host, b->at[i].host) == 0);
        REQUIRE(a->at[i].port == b->at[i].port);
    }
}

static void is_sane(const struct server_list *list)
{
    REQUIRE(list->count >= 1 && list->count <= NODES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        REQUIRE(list->at[i].host[0] != '\0');
        REQUIRE(strpbrk(list->at[i].host, "[]/, \t\r\n") == NULL);
        REQUIRE(list->at[i].port >= 1 && list->at[i].port <= 65535);
    }
}

static void is_path(const char *chroot)
{
    if (chroot != NULL)
        REQUIRE(path_valid(chroot) && chroot[1] != '\0' && strchr(chroot, ',') == NULL);
}

static char *written(const struct server_list *list, const char *chroot, const char *around)
{
    size_t size = 1 + (chroot == NULL ? 0 : strlen(chroot) + strlen(around)), used = 0;
    char *text;

    for (size_t i = 0; i < list->count; i++)
        size += strlen(list->at[i].host) + 2 * strlen(around) + sizeof "[]:65535,";
    text = malloc(size);
    REQUIRE(text != NULL);
    for (size_t i = 0; i < list->count; i++) {
        bool brackets = strchr(list->at[i].host, ':') != NULL;
        used += (size_t)snprintf(text + used, size - used, "%s%s%s%s%s:%u%s", i > 0 ? "," : "",
                                 around, brackets ? "[" : "", list->at[i].host, brackets ? "]" : "",
                                 list->at[i].port, around);
    }
    if (chroot != NULL)
        snprintf(text + used, size - used, "%s%s", chroot, around);
    return text;
}

static void means_the_same_again(const struct server_list *list, const char *chroot,
                                 const char *around)
{
    char *text = written(list, chroot, around), *same = NULL;
    struct server_list again;
    const char *why = NULL;

    REQUIRE(nodes_parse(text, &again, &same, &why) == 0);
    equal(list, &again);
    REQUIRE((chroot == NULL) == (same == NULL));
    REQUIRE(chroot == NULL || strcmp(chroot, same) == 0);
    mem_free(same);
    nodes_clear(&again);
    free(text);
}

static bool lists(const struct server_list *list, const char *host, unsigned long port)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].host, host) == 0 && list->at[i].port == port)
            return true;
    return false;
}

/* At the last colon, as libzookeeper does; no address twice. */
static void is_read_by_the_client(const struct server_list *list)
{
    struct endpoints endpoints = {NULL, 0};

    REQUIRE(endpoints_set(&endpoints, list) == 0);
    REQUIRE(endpoints.count >= 1 && endpoints.count <= list->count);
    for (size_t i = 0; i < endpoints.count; i++) {
        char *colon = strrchr(endpoints.at[i], ':');
        for (size_t k = 0; k < i; k++)
            REQUIRE(strcmp(endpoints.at[k], endpoints.at[i]) != 0);
        REQUIRE(colon != NULL);
        *colon = '\0';
        REQUIRE(lists(list, endpoints.at[i], strtoul(colon + 1, NULL, 10)));
        *colon = ':';
    }
    endpoints_clear(&endpoints);
}

static void fails_cleanly(const char *text, int expected)
{
    struct server_list list;
    const char *why = NULL;
    char *chroot = NULL;
    int result = -2;

    for (long n = 1; result == -2; n++) {
        REQUIRE(mem_live() == 0);
        mem_fail_after(n);
        result = nodes_parse(text, &list, &chroot, &why);
        mem_fail_after(0);
    }
    REQUIRE(result == expected);
    if (result == 0) {
        nodes_clear(&list);
        mem_free(chroot);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct server_list list = {NULL, 12345};
    const char *why = NULL;
    char *chroot = NULL;
    int result = nodes_parse(text, &list, &chroot, &why);

    if (result == 0) {
        REQUIRE(why == NULL);
        is_sane(&list);
        is_path(chroot);
        means_the_same_again(&list, chroot, "");
        means_the_same_again(&list, chroot, " \t");
        is_read_by_the_client(&list);
        nodes_all_numeric(&list);
        nodes_clear(&list);
        mem_free(chroot);
    } else {
        REQUIRE(result == -1 && list.count == 12345 && chroot == NULL && why != NULL &&
                strlen(why) > 10);
    }
    REQUIRE(mem_live() == 0);
    fails_cleanly(text, result);
    free(text);
    REQUIRE(mem_live() == 0);
    return 0;
}
