/* SPDX-License-Identifier: Apache-2.0 */
#include "run/place.h"
#include "base/mem.h"
#include "core/path.h"

#include <string.h>

static bool names_one(const struct wish *wish)
{
    if ((wish->id == NULL) == (wish->path == NULL))
        return false;
    if (wish->id != NULL)
        return path_id_valid(wish->id);
    return path_valid(wish->path) && wish->path[1] != '\0';
}

/* Only a read-write lock has names for readers, and an election has none. */
static bool can_be_said(const struct wish *wish)
{
    if (wish->dialect < ZKC_DIALECT_LOCK || wish->dialect > ZKC_DIALECT_READ_WRITE)
        return false;
    if (wish->dialect == ZKC_DIALECT_READ_WRITE && strcmp(wish->kind, "lock") != 0)
        return false;
    return wish->shared == 0 || (wish->shared == 1 && (wish->dialect == ZKC_DIALECT_LOCK ||
                                                       wish->dialect == ZKC_DIALECT_READ_WRITE));
}

int place_check(const struct wish *wish)
{
    if (!names_one(wish) || !can_be_said(wish))
        return ZKC_EINVAL;
    if (wish->length > ZKC_DATA_MAX || (wish->data == NULL && wish->length > 0))
        return ZKC_EINVAL;
    return ZKC_OK;
}

/* What the sync says of itself outlives all tickets, and is the same for all of them. */
static struct place *make(const zkc_sync *sync, const char *parent, const struct wish *wish)
{
    const char *id = wish->path != NULL ? wish->path : wish->id;

    if (wish->data == NULL)
        return place_borrow(parent, id, sync->identity, sync->identity_length);
    return place_new(parent, id, wish->data, wish->length);
}

struct place *place_make(const zkc_sync *sync, const struct wish *wish)
{
    struct place *place;
    char *parent;

    parent = wish->path != NULL ? path_under(sync->chroot, wish->path)
                                : path_join(sync->root, wish->kind, wish->id);
    if (parent == NULL)
        return NULL;
    place = make(sync, parent, wish);
    mem_free(parent);
    if (place != NULL)
        place_set(place, (zkc_dialect)wish->dialect, wish->shared != 0 ? MODE_SHARED : MODE_ALONE,
                  wish->rule);
    return place;
}
