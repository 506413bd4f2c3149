/* SPDX-License-Identifier: Apache-2.0 */
#include "run/place.h"
#include "base/mem.h"
#include "core/path.h"

int place_check(const char *id, const char *path, const void *data, size_t length, int64_t dialect)
{
    if ((id == NULL) == (path == NULL))
        return ZKC_EINVAL;
    if (id != NULL && !path_id_valid(id))
        return ZKC_EINVAL;
    if (path != NULL && (!path_valid(path) || path[1] == '\0'))
        return ZKC_EINVAL;
    if (length > ZKC_DATA_MAX || (data == NULL && length > 0))
        return ZKC_EINVAL;
    if (dialect < ZKC_DIALECT_LOCK || dialect > ZKC_DIALECT_KAZOO)
        return ZKC_EINVAL;
    return ZKC_OK;
}

struct place *place_make(const zkc_sync *sync, const char *kind, const char *id, const char *path,
                         const void *data, size_t length, zkc_dialect dialect)
{
    char *parent = path != NULL ? mem_strdup(path) : path_join(sync->name_space, kind, id);
    struct place *place;

    if (parent == NULL)
        return NULL;
    if (data == NULL) {
        data = sync->identity;
        length = sync->identity_length;
    }
    place = place_new(parent, data, length, dialect);
    mem_free(parent);
    return place;
}
