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

/* What the sync says of itself outlives all tickets, and is the same for all of them. */
static struct place *make(const zkc_sync *sync, const char *parent, const char *id,
                          const void *data, size_t length, zkc_dialect dialect)
{
    if (data == NULL)
        return place_borrow(parent, id, sync->identity, sync->identity_length, dialect);
    return place_new(parent, id, data, length, dialect);
}

struct place *place_make(const zkc_sync *sync, const char *kind, const char *id, const char *path,
                         const void *data, size_t length, zkc_dialect dialect)
{
    struct place *place;
    char *parent;

    if (path != NULL)
        return make(sync, path, NULL, data, length, dialect);
    parent = path_join(sync->name_space, kind, id);
    if (parent == NULL)
        return NULL;
    place = make(sync, parent, id, data, length, dialect);
    mem_free(parent);
    return place;
}
