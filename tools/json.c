/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_foreign(const char *text)
{
    json_t *value = json_string(text);
    char *copy = value == NULL ? strdup(text) : NULL;

    if (copy == NULL)
        return value;
    text_tame(copy);
    value = json_string(copy);
    free(copy);
    return value;
}

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
    return json_pack("{s:I, s:I, s:I, s:s, s:o, s:o, s:o, s:b, s:b}", "position",
                     (json_int_t)contender->position, "token", (json_int_t)contender->token,
                     "since_ms", (json_int_t)contender->since_ms, "session", session, "path",
                     json_foreign(contender->path), "node", node_of(contender->node), "data",
                     data != NULL ? data : json_null(), "shared", contender->shared != 0, "holds",
                     contender->holds != 0);
}

json_t *json_contenders(const zkc_contenders *all)
{
    json_t *array = json_array();

    for (size_t i = 0; i < zkc_contenders_count(all); i++)
        json_array_append_new(array, json_contender(zkc_contenders_at(all, i)));
    return array;
}

/* Beyond ASCII there is nothing in the text but inside of strings, and DEL is nowhere else. */
static void escape(const char *text, FILE *file)
{
    size_t length;
    uint32_t code;

    for (; *text != '\0'; text += length) {
        length = text_decode(text, &code);
        if (length == 0 || text_steers(code))
            fprintf(file, "\\u%04X", length == 0 ? 0xfffdu : (unsigned)code);
        else
            fwrite(text, 1, length, file);
        length += length == 0;
    }
}

char *json_text(json_t *value)
{
    char *plain = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = NULL;
    size_t size;
    FILE *file = plain == NULL ? NULL : open_memstream(&text, &size);
    bool good = file != NULL;

    if (file != NULL) {
        escape(plain, file);
        fputc('\n', file);
        good = fclose(file) == 0;
    }
    json_decref(value);
    free(plain);
    if (good)
        return text;
    free(text);
    return NULL;
}

bool json_line(json_t *value)
{
    char *text = json_text(value);
    bool good = text != NULL && fputs(text, stdout) != EOF && fflush(stdout) == 0;

    free(text);
    return good;
}
