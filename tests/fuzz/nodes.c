/*
 * Lists of servers: what is accepted means the same when written out again, and libzookeeper's form
 * of it can be taken apart as libzookeeper does.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/nodes.h"
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

static char *written(const struct server_list *list, const char *around)
{
    size_t size = 1, used = 0;
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
    return text;
}

static void means_the_same_again(const struct server_list *list, const char *around)
{
    char *text = written(list, around);
    struct server_list again;
    const char *why = NULL;

    REQUIRE(nodes_parse(text, &again, &why) == 0);
    equal(list, &again);
    nodes_clear(&again);
    free(text);
}

/* At the last colon, as libzookeeper does; the first is repeated where that makes them odd. */
static void is_read_by_the_client(const struct server_list *list)
{
    char *formatted = nodes_format(list), *text = formatted;
    size_t count = 0;

    REQUIRE(formatted != NULL);
    REQUIRE(!nodes_disjoint(formatted, formatted) && nodes_disjoint(formatted, ""));
    for (char *entry; (entry = strsep(&text, ",")) != NULL; count++) {
        char *colon = strrchr(entry, ':');
        REQUIRE(colon != NULL);
        *colon = '\0';
        REQUIRE(strcmp(entry, list->at[count % list->count].host) == 0);
        REQUIRE(strtoul(colon + 1, NULL, 10) == list->at[count % list->count].port);
    }
    REQUIRE(count % 2 == 1 && count - list->count <= 1);
    mem_free(formatted);
}

static void fails_cleanly(const char *text, int expected)
{
    struct server_list list;
    const char *why = NULL;
    int result = -2;

    for (long n = 1; result == -2; n++) {
        REQUIRE(mem_live() == 0);
        mem_fail_after(n);
        result = nodes_parse(text, &list, &why);
        mem_fail_after(0);
    }
    REQUIRE(result == expected);
    if (result == 0)
        nodes_clear(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct server_list list = {NULL, 12345};
    const char *why = NULL;
    int result = nodes_parse(text, &list, &why);

    if (result == 0) {
        REQUIRE(why == NULL);
        is_sane(&list);
        means_the_same_again(&list, "");
        means_the_same_again(&list, " \t");
        is_read_by_the_client(&list);
        nodes_all_numeric(&list);
        nodes_clear(&list);
    } else {
        REQUIRE(result == -1 && list.count == 12345 && why != NULL && strlen(why) > 10);
    }
    REQUIRE(mem_live() == 0);
    fails_cleanly(text, result);
    free(text);
    REQUIRE(mem_live() == 0);
    return 0;
}
