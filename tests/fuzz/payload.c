/*
 * The bytes of a contender's znode: whatever they are they give a sane node or none, a node that
 * was read can be written, and what is written reads back. SPDX-License-Identifier: Apache-2.0
 */
#include "core/payload.h"
#include "core/path.h"
#include "fuzz.h"

#define PAIRS_MAX 32

static const char *value_of(const zkc_node *node, const char *key)
{
    const char *value = NULL;

    for (size_t i = 0; i < node->metadata_count; i++) {
        if (strcmp(node->metadata[i].key, key) != 0)
            continue;
        REQUIRE(value == NULL);
        value = node->metadata[i].value;
    }
    return value;
}

static void equal(const zkc_node *a, const zkc_node *b)
{
    REQUIRE(strcmp(a->id, b->id) == 0 && strcmp(a->address, b->address) == 0);
    REQUIRE(a->port == b->port && a->metadata_count == b->metadata_count);
    for (size_t i = 0; i < a->metadata_count; i++) {
        const char *value = value_of(b, a->metadata[i].key);
        REQUIRE(value != NULL && strcmp(value, a->metadata[i].value) == 0);
    }
}

static void is_sane(const zkc_node *node)
{
    REQUIRE(node->size == sizeof *node && path_utf8_valid(node->id) &&
            path_utf8_valid(node->address));
    REQUIRE(node->port >= 0 && node->port <= 65535);
    REQUIRE((node->metadata == NULL) == (node->metadata_count == 0));
    for (size_t i = 0; i < node->metadata_count; i++) {
        REQUIRE(path_utf8_valid(node->metadata[i].key));
        REQUIRE(path_utf8_valid(node->metadata[i].value));
    }
}

/* EINVAL is right for what is too long only; nothing else is wrong with such a node. */
static void is_written_and_read(const zkc_node *node, size_t bytes)
{
    zkc_node *again = NULL;
    size_t length = 0;
    char *text = NULL;
    int result = payload_encode(node, &text, &length);

    if (result == ZKC_EINVAL) {
        REQUIRE(6 * bytes > PAYLOAD_WRITE_MAX / 2 && text == NULL);
        return;
    }
    REQUIRE(result == ZKC_OK && strlen(text) == length && length <= PAYLOAD_WRITE_MAX);
    REQUIRE(payload_decode(text, length, &again) == ZKC_OK && again != NULL);
    equal(node, again);
    mem_free(again);
    mem_free(text);
}

static void reads(const uint8_t *data, size_t size)
{
    char *exact = malloc(size > 0 ? size : 1);
    zkc_node *node;

    REQUIRE(exact != NULL);
    memcpy(exact, data, size);
    REQUIRE(payload_decode(exact, size, &node) == ZKC_OK);
    free(exact); /* the node has copies */
    if (node == NULL)
        return;
    is_sane(node);
    is_written_and_read(node, size);
    mem_free(node);
}

static bool may_be_written(const zkc_node *node)
{
    bool good = path_utf8_valid(node->id) && path_utf8_valid(node->address);

    for (size_t i = 0; i < node->metadata_count; i++) {
        const zkc_pair *pair = &node->metadata[i];
        good = good && path_utf8_valid(pair->key) && path_utf8_valid(pair->value);
        for (size_t k = 0; k < i; k++)
            good = good && strcmp(node->metadata[k].key, pair->key) != 0;
    }
    return good && node->port >= 0 && node->port <= 65535;
}

/* Id, address, port, then keys and values: one on each line. */
static void writes(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line, *out = NULL;
    zkc_pair pairs[PAIRS_MAX];
    zkc_node node;
    size_t length;

    ZKC_INIT(&node);
    node.id = fuzz_line(&rest);
    node.address = fuzz_line(&rest);
    line = fuzz_line(&rest);
    node.port = line != NULL ? strtoll(line, NULL, 10) : 0;
    node.metadata = pairs;
    while (node.metadata_count < PAIRS_MAX && (line = fuzz_line(&rest)) != NULL) {
        zkc_pair *pair = &pairs[node.metadata_count++];
        char *value = fuzz_line(&rest);
        pair->key = line;
        pair->value = value != NULL ? value : "";
    }
    if (node.address == NULL)
        node.address = "";
    if (may_be_written(&node))
        is_written_and_read(&node, size);
    else
        REQUIRE(payload_encode(&node, &out, &length) == ZKC_EINVAL && out == NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reads(data, size);
    writes(data, size);
    REQUIRE(mem_live() == 0);
    return 0;
}
