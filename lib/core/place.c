/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place.h"
#include "base/mem.h"

#include <string.h>

struct place *place_new(const char *parent, const void *data, size_t length, zkc_dialect dialect)
{
    struct place *place = mem_zalloc(sizeof *place);

    if (place == NULL)
        return NULL;
    place->references = 1;
    place->dialect = dialect;
    place->length = length;
    place->parent = mem_strdup(parent);
    place->data = mem_alloc(length + 1);
    if (place->parent == NULL || place->data == NULL) {
        place_unref(place);
        return NULL;
    }
    if (length > 0)
        memcpy(place->data, data, length);
    return place;
}

struct place *place_ref(struct place *place)
{
    place->references++;
    return place;
}

void place_unref(struct place *place)
{
    if (place == NULL || --place->references > 0)
        return;
    mem_free(place->parent);
    mem_free(place->data);
    mem_free(place);
}
