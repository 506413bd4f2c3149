/* SPDX-License-Identifier: Apache-2.0 */
#include "core/payload.h"
#include "base/mem.h"
#include "core/path.h"

#include <jansson.h>
#include <string.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_PRESERVE_ORDER)
/* Integers as real numbers, so that one that is too large spoils its member only. */
#define LOAD_FLAGS (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* ---- encoding ---- */

static int set_text(json_t *object, const char *key, const char *text)
{
    if (!path_utf8_valid(text))
        return ZKC_EINVAL;
    /* An object or a text that could not be made is refused here. */
    if (json_object_set_new_nocheck(object, key, json_string_nocheck(text)) != 0)
        return ZKC_ENOMEM;
    return ZKC_OK;
}

static int set_pair(json_t *metadata, const zkc_pair *pair)
{
    if (pair->key == NULL || pair->value == NULL || !path_utf8_valid(pair->key))
        return ZKC_EINVAL;
    if (json_object_get(metadata, pair->key) != NULL)
        return ZKC_EINVAL;
    return set_text(metadata, pair->key, pair->value);
}

static int set_metadata(json_t *object, const zkc_node *node)
{
    json_t *metadata = json_object();
    int result = ZKC_OK;

    if (metadata == NULL)
        return ZKC_ENOMEM;
    for (size_t i = 0; i < node->metadata_count && result == ZKC_OK; i++)
        result = set_pair(metadata, &node->metadata[i]);
    if (result == ZKC_OK && json_object_set_nocheck(object, "metadata", metadata) != 0)
        result = ZKC_ENOMEM;
    json_decref(metadata);
    return result;
}

static int set_members(json_t *object, const zkc_node *node)
{
    int result = set_text(object, "id", node->id != NULL ? node->id : "");

    if (result == ZKC_OK)
        result = set_text(object, "address", node->address != NULL ? node->address : "");
    if (result == ZKC_OK &&
        json_object_set_new_nocheck(object, "port", json_integer(node->port)) != 0)
        result = ZKC_ENOMEM;
    if (result == ZKC_OK)
        result = set_metadata(object, node);
    return result;
}

static int dump(const json_t *object, char **ret_text, size_t *ret_length)
{
    size_t length = json_dumpb(object, NULL, 0, DUMP_FLAGS);
    char *text;

    if (length == 0)
        return ZKC_ENOMEM;
    if (length > PAYLOAD_WRITE_MAX)
        return ZKC_EINVAL;
    text = mem_alloc(length + 1);
    if (text == NULL)
        return ZKC_ENOMEM;
    if (json_dumpb(object, text, length, DUMP_FLAGS) != length) {
        mem_free(text);
        return ZKC_ENOMEM;
    }
    text[length] = '\0';
    *ret_text = text;
    *ret_length = length;
    return ZKC_OK;
}

int payload_encode(const zkc_node *node, char **ret_text, size_t *ret_length)
{
    json_t *object;
    int result;

    if (node->port < 0 || node->port > 65535)
        return ZKC_EINVAL;
    if (node->metadata == NULL && node->metadata_count > 0)
        return ZKC_EINVAL;
    object = json_object();
    if (object == NULL)
        return ZKC_ENOMEM;
    result = set_members(object, node);
    if (result == ZKC_OK)
        result = dump(object, ret_text, ret_length);
    json_decref(object);
    return result;
}

/* ---- decoding ---- */

struct members {
    const char *id;
    const char *address;
    int64_t port;
    json_t *metadata;
    bool any; /* whether one of them was there with the right type */
};

/* NULL when it is no text, or one that C cannot hold. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value))
        return NULL;
    return text;
}

/* -1 when it is no port number. */
static int64_t port_of(const json_t *value)
{
    double number = json_is_real(value) ? json_real_value(value) : -1;
    int64_t port;

    if (!(number >= 0 && number <= 65535))
        return -1;
    port = (int64_t)number;
    return number > (double)port ? -1 : port;
}

static void read_members(json_t *object, struct members *ret)
{
    ret->id = text_of(json_object_get(object, "id"));
    ret->address = text_of(json_object_get(object, "address"));
    ret->port = port_of(json_object_get(object, "port"));
    ret->metadata = json_object_get(object, "metadata");
    if (!json_is_object(ret->metadata))
        ret->metadata = NULL;
    ret->any = ret->id != NULL || ret->address != NULL || ret->port >= 0 || ret->metadata != NULL;
    if (ret->id == NULL)
        ret->id = "";
    if (ret->address == NULL)
        ret->address = "";
    if (ret->port < 0)
        ret->port = 0;
}

/* Counts the pairs of metadata that are texts and adds up the bytes they take. */
static size_t measure_pairs(json_t *metadata, size_t *size)
{
    size_t count = 0;

    for (void *i = json_object_iter(metadata); i != NULL; i = json_object_iter_next(metadata, i)) {
        const char *value = text_of(json_object_iter_value(i));
        if (value == NULL)
            continue;
        *size += sizeof(zkc_pair) + strlen(json_object_iter_key(i)) + 1 + strlen(value) + 1;
        count++;
    }
    return count;
}

static const char *place(char **out, const char *text)
{
    size_t size = strlen(text) + 1;
    char *start = memcpy(*out, text, size);

    *out += size;
    return start;
}

static void place_pairs(zkc_pair *pair, char **out, json_t *metadata)
{
    for (void *i = json_object_iter(metadata); i != NULL; i = json_object_iter_next(metadata, i)) {
        const char *value = text_of(json_object_iter_value(i));
        if (value == NULL)
            continue;
        pair->key = place(out, json_object_iter_key(i));
        pair->value = place(out, value);
        pair++;
    }
}

/* One block: the node, its pairs, then the texts. */
static zkc_node *new_node(const struct members *members)
{
    size_t size = sizeof(zkc_node) + strlen(members->id) + 1 + strlen(members->address) + 1;
    size_t count = measure_pairs(members->metadata, &size);
    zkc_node *node = mem_alloc(size);
    zkc_pair *pairs;
    char *out;

    if (node == NULL)
        return NULL;
    pairs = (zkc_pair *)(node + 1);
    out = (char *)(pairs + count);
    ZKC_INIT(node);
    node->id = place(&out, members->id);
    node->address = place(&out, members->address);
    node->port = members->port;
    node->metadata = count > 0 ? pairs : NULL;
    node->metadata_count = count;
    place_pairs(pairs, &out, members->metadata);
    return node;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Whether jansson may see this: it recurses once per level, and may be on a thread with little
 * stack. Up to the first syntax error this sees the same brackets as jansson, which stops there.
 */
static bool worth_parsing(const char *text, size_t length)
{
    size_t start = 0, depth = 0;
    bool quoted = false;

    while (start < length && is_blank(text[start]))
        start++;
    if (start == length || text[start] != '{' || length > PAYLOAD_READ_MAX)
        return false;
    for (size_t i = start; i < length; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > PAYLOAD_DEPTH_MAX)
            return false;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

static int decode_object(json_t *object, zkc_node **ret_node)
{
    struct members members;
    zkc_node *node = NULL;

    read_members(object, &members);
    if (members.any) {
        node = new_node(&members);
        if (node == NULL)
            return ZKC_ENOMEM;
    }
    *ret_node = node;
    return ZKC_OK;
}

/* ---- asking ---- */

#define PLEA_LENGTH (sizeof PAYLOAD_PLEA - 1)

bool payload_asks(const void *data, size_t length)
{
    const char *text = data;

    return length >= PLEA_LENGTH && memcmp(text, PAYLOAD_PLEA, PLEA_LENGTH) == 0 &&
           (length == PLEA_LENGTH || text[PLEA_LENGTH] == '{');
}

/* What the znode said of its owner, before it was asked or behind the plea. */
static const char *behind_plea(const void *data, size_t *length)
{
    if (!payload_asks(data, *length))
        return data;
    *length -= PLEA_LENGTH;
    return (const char *)data + PLEA_LENGTH;
}

char *payload_plea(const void *data, size_t length, bool is_node)
{
    const char *node = behind_plea(data, &length);
    char *plea;

    if (!is_node || length > PAYLOAD_WRITE_MAX || *node != '{')
        length = 0;
    plea = mem_alloc(PLEA_LENGTH + length + 1);
    if (plea == NULL)
        return NULL;
    memcpy(plea, PAYLOAD_PLEA, PLEA_LENGTH);
    if (length > 0)
        memcpy(plea + PLEA_LENGTH, node, length);
    plea[PLEA_LENGTH + length] = '\0';
    return plea;
}

/* ---- decoding ---- */

int payload_decode(const void *data, size_t length, zkc_node **ret_node)
{
    json_error_t error;
    json_t *object = NULL;
    int result;

    data = behind_plea(data, &length);
    if (worth_parsing(data, length)) {
        object = json_loadb(data, length, LOAD_FLAGS, &error);
        /* jansson leaves the text empty where it found nothing wrong but ran out of memory. */
        if (object == NULL && error.text[0] == '\0')
            return ZKC_ENOMEM;
    }
    if (object == NULL) {
        *ret_node = NULL;
        return ZKC_OK;
    }
    result = decode_object(object, ret_node);
    json_decref(object);
    return result;
}
