/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *metadata_of(const zkc_node *node)
{
    json_t *object = json_object();

    for (size_t i = 0; i < node->metadata_count; i++)
        json_object_set_new(object, node->metadata[i].key, json_string(node->metadata[i].value));
    return object;
}

static json_t *node_of(const zkc_node *node)
{
    if (node == NULL)
        return json_null();
    return json_pack("{s:s, s:s, s:I, s:o}", "id", node->id, "address", node->address, "port",
                     (json_int_t)node->port, "metadata", metadata_of(node));
}

json_t *json_contender(const zkc_contender *contender)
{
    char session[32];
    json_t *data;

    if (contender == NULL)
        return json_null();
    snprintf(session, sizeof session, "0x%" PRIx64, (uint64_t)contender->session);
    data = NULL; /* also if it is not UTF-8 */
    if (contender->node == NULL)
        data = json_stringn(contender->data, contender->data_length);
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:o, s:o}", "position",
                     (json_int_t)contender->position, "token", (json_int_t)contender->token,
                     "since_ms", (json_int_t)contender->since_ms, "session", session, "path",
                     contender->path, "node", node_of(contender->node), "data",
                     data != NULL ? data : json_null());
}

json_t *json_contenders(const zkc_contenders *all)
{
    json_t *array = json_array();

    for (size_t i = 0; i < zkc_contenders_count(all); i++)
        json_array_append_new(array, json_contender(zkc_contenders_at(all, i)));
    return array;
}

bool json_line(json_t *value)
{
    bool good = value != NULL && json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY) == 0 &&
                putchar('\n') != EOF && fflush(stdout) == 0;

    json_decref(value);
    return good;
}
