/*
 * What the library does not use but the contract cases do.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fake_zoo_parts.h"

#include <string.h>

int zoo_state(zhandle_t *zh)
{
    return zh != NULL ? zh->state : 0;
}

int zoo_aset(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
             stat_completion_t completion, const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = zoo_begin(zh, path, 0, OP_SET, &request);

    if (rc != ZOK)
        return rc;
    request->operation.data = arena_copy(buffer, buflen);
    request->operation.length = buffer != NULL ? buflen : -1;
    request->operation.version = version;
    entry = zoo_entry(ON_STAT, data);
    entry->call.stat = completion;
    return zoo_submit(zh, request, entry);
}

int zoo_async(zhandle_t *zh, const char *path, string_completion_t completion, const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = zoo_begin(zh, path, 0, OP_SYNC, &request);

    if (rc != ZOK)
        return rc;
    entry = zoo_entry(ON_STRING, data);
    entry->call.string = completion;
    return zoo_submit(zh, request, entry);
}
