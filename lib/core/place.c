/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place.h"
#include "base/mem.h"

#include <string.h>

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t end_length = strlen(end);

    return end_length <= length && strcmp(text + length - end_length, end) == 0;
}

/* With so much room behind the texts, which end at *ret_end. */
static struct place *make(const char *parent, const char *id, size_t room, char **ret_end)
{
    size_t length = strlen(parent);
    bool apart = id != NULL && !ends_with(parent, length, id); /* it stands encoded in the parent */
    size_t id_size = apart ? strlen(id) + 1 : 0;
    struct place *place = mem_alloc(sizeof *place + length + 1 + id_size + room);

    if (place == NULL)
        return NULL;
    place->references = 1;
    place->id = (uint16_t)(id == NULL ? 0 : apart ? length + 1 : length - strlen(id));
    memcpy(place->parent, parent, length + 1);
    if (apart)
        memcpy(place->parent + length + 1, id, id_size);
    *ret_end = place->parent + length + 1 + id_size;
    return place;
}

void place_set(struct place *place, zkc_dialect dialect, enum mode mode, const struct rule *rule)
{
    place->dialect = dialect;
    place->mode = mode;
    place->rule = rule;
}

static struct place *with(struct place *place, const void *data, size_t length)
{
    place_set(place, ZKC_DIALECT_LOCK, MODE_ALONE, NULL);
    place->data = data;
    place->length = (uint32_t)length;
    return place;
}

struct place *place_new(const char *parent, const char *id, const void *data, size_t length)
{
    char *copy;
    struct place *place = make(parent, id, length, &copy);

    if (place == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, data, length);
    return with(place, copy, length);
}

struct place *place_borrow(const char *parent, const char *id, const void *data, size_t length)
{
    char *end;
    struct place *place = make(parent, id, 0, &end);

    return place == NULL ? NULL : with(place, data, length);
}

struct place *place_ref(struct place *place)
{
    place->references++;
    return place;
}

void place_unref(struct place *place)
{
    if (place != NULL && --place->references == 0)
        mem_free(place);
}
