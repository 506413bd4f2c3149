/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_zoo_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- making requests ---- */

/* As isValidPath() in zookeeper.c. */
static bool is_bad_component(const char *start, size_t length)
{
    return length == 0 || (length == 1 && start[0] == '.') ||
           (length == 2 && start[0] == '.' && start[1] == '.');
}

static bool is_valid_path(const char *path, bool sequential)
{
    if (path == NULL || path[0] != '/')
        return false;
    for (const char *c = path; *c != '\0'; c++)
        if ((unsigned char)*c < 0x1f)
            return false;
    for (const char *start = path + 1; *start != '\0' || start == path + 1;) {
        size_t length = strcspn(start, "/");
        bool last = start[length] == '\0';
        if (last && length == 0)
            return start == path + 1 || sequential;
        if (is_bad_component(start, length))
            return false;
        if (last)
            return true;
        start += length + 1;
    }
    return sequential;
}

/* A call that has passed the check of the state just before the end is queued behind the last
 * cleanup: nobody answers it before the handle is closed. */
static bool is_refused(const zhandle_t *zh)
{
    return zoo_unrecoverable(zh) && (!zh->ending || world_chance(500));
}

int zoo_begin(zhandle_t *zh, const char *path, int flags, enum op op, struct request **ret)
{
    struct request *request;

    if (zh == NULL || !is_valid_path(path, (flags & ZOO_SEQUENCE) != 0))
        return ZBADARGUMENTS;
    if (is_refused(zh))
        return ZINVALIDSTATE;
    if (zh->closing || cluster_submission_fails(zh->machine))
        return ZMARSHALLINGERROR;
    request = arena_alloc(sizeof *request);
    request->operation.op = op;
    request->operation.path = arena_copy(path, (int)strlen(path));
    request->operation.version = -1;
    request->operation.flags = flags;
    *ret = request;
    return ZOK;
}

struct entry *zoo_entry(enum completion completion, const void *data)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (entry == NULL)
        abort();
    entry->completion = completion;
    entry->data = data;
    return entry;
}

int zoo_submit(zhandle_t *zh, struct request *request, struct entry *entry)
{
    request->xid = entry->xid = ++zh->xid;
    entry->request = request;
    queue_put(&zh->sent, entry);
    if (zh->outgoing_count == zh->outgoing_capacity) {
        zh->outgoing_capacity = zh->outgoing_capacity > 0 ? 2 * zh->outgoing_capacity : 16;
        zh->outgoing = realloc(zh->outgoing, (size_t)zh->outgoing_capacity * sizeof *zh->outgoing);
    }
    zh->outgoing[zh->outgoing_count++] = request;
    zoo_wake(zh);
    return ZOK;
}

/* ---- writes ---- */

static void set_data(struct operation *operation, const char *value, int length)
{
    operation->data = value != NULL ? arena_copy(value, length) : NULL;
    operation->length = value != NULL ? length : -1;
}

int zoo_acreate2(zhandle_t *zh, const char *path, const char *value, int valuelen,
                 const struct ACL_vector *acl, int mode, string_stat_completion_t completion,
                 const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = zoo_begin(zh, path, mode, OP_CREATE, &request);

    if (rc != ZOK)
        return rc;
    set_data(&request->operation, value, valuelen);
    request->operation.acl = acl_of(acl);
    entry = zoo_entry(ON_STRING_STAT, data);
    entry->call.string_stat = completion;
    return zoo_submit(zh, request, entry);
}

int zoo_adelete(zhandle_t *zh, const char *path, int version, void_completion_t completion,
                const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = zoo_begin(zh, path, 0, OP_DELETE, &request);

    if (rc != ZOK)
        return rc;
    request->operation.version = version;
    entry = zoo_entry(ON_VOID, data);
    entry->call.nothing = completion;
    return zoo_submit(zh, request, entry);
}

/* ---- several at once ---- */

/* The codes of proto.h in libzookeeper. */
enum { OP_CODE_CREATE = 1, OP_CODE_DELETE = 2, OP_CODE_SET = 5, OP_CODE_CHECK = 13 };

void zoo_check_op_init(zoo_op_t *op, const char *path, int version)
{
    memset(op, 0, sizeof *op);
    op->type = OP_CODE_CHECK;
    op->check_op.path = path;
    op->check_op.version = version;
}

void zoo_create_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                        const struct ACL_vector *acl, int mode, char *path_buffer,
                        int path_buffer_len)
{
    memset(op, 0, sizeof *op);
    op->type = OP_CODE_CREATE;
    op->create_op.path = path;
    op->create_op.data = value;
    op->create_op.datalen = valuelen;
    op->create_op.acl = acl;
    op->create_op.flags = mode;
    op->create_op.buf = path_buffer;
    op->create_op.buflen = path_buffer_len;
}

void zoo_delete_op_init(zoo_op_t *op, const char *path, int version)
{
    memset(op, 0, sizeof *op);
    op->type = OP_CODE_DELETE;
    op->delete_op.path = path;
    op->delete_op.version = version;
}

void zoo_set_op_init(zoo_op_t *op, const char *path, const char *buffer, int buflen, int version,
                     struct Stat *stat)
{
    memset(op, 0, sizeof *op);
    op->type = OP_CODE_SET;
    op->set_op.path = path;
    op->set_op.data = buffer;
    op->set_op.datalen = buflen;
    op->set_op.version = version;
    op->set_op.stat = stat;
}

static void copy_op(const zoo_op_t *op, struct operation *operation)
{
    const char *path = op->check_op.path; /* the first member of each */

    operation->path = arena_copy(path, (int)strlen(path));
    switch (op->type) {
    case OP_CODE_CREATE:
        operation->op = OP_CREATE;
        operation->acl = acl_of(op->create_op.acl);
        operation->flags = op->create_op.flags;
        set_data(operation, op->create_op.data, op->create_op.datalen);
        break;
    case OP_CODE_DELETE:
        operation->op = OP_DELETE;
        operation->version = op->delete_op.version;
        break;
    case OP_CODE_SET:
        operation->op = OP_SET;
        operation->version = op->set_op.version;
        set_data(operation, op->set_op.data, op->set_op.datalen);
        break;
    default:
        operation->op = OP_CHECK;
        operation->version = op->check_op.version;
        break;
    }
}

static bool are_valid(int count, const zoo_op_t *ops)
{
    for (int i = 0; i < count; i++) {
        bool creates = ops[i].type == OP_CODE_CREATE;
        if (creates && ops[i].create_op.flags == ZOO_CONTAINER)
            world_fail("a container inside a multi: libzookeeper would abort");
        if (!is_valid_path(ops[i].check_op.path,
                           creates && (ops[i].create_op.flags & ZOO_SEQUENCE) != 0))
            return false;
    }
    return true;
}

int zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
               void_completion_t completion, const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = are_valid(count, ops) ? zoo_begin(zh, "/", 0, OP_MULTI, &request) : ZBADARGUMENTS;

    if (rc != ZOK)
        return rc;
    request->count = count;
    request->operations = arena_alloc((size_t)count * sizeof *request->operations);
    entry = zoo_entry(ON_MULTI, data);
    for (int i = 0; i < count; i++)
        copy_op(&ops[i], &request->operations[i]);
    entry->ops = memcpy(arena_alloc((size_t)count * sizeof *ops), ops, (size_t)count * sizeof *ops);
    entry->results = results;
    entry->count = count;
    entry->call.nothing = completion;
    return zoo_submit(zh, request, entry);
}

/* ---- reads ---- */

static int begin_read(zhandle_t *zh, const char *path, enum op op, watcher_fn watcher,
                      void *context, struct request **request, struct entry *entry)
{
    int rc = zoo_begin(zh, path, 0, op, request);

    if (rc != ZOK) {
        entry_free(entry);
        return rc;
    }
    (*request)->watch = watcher != NULL;
    entry->watcher = (struct watcher_call){watcher, context};
    return ZOK;
}

int zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
              data_completion_t completion, const void *data)
{
    struct entry *entry = zoo_entry(ON_DATA, data);
    struct request *request;
    int rc = begin_read(zh, path, OP_GET, watcher, watcherCtx, &request, entry);

    if (rc != ZOK)
        return rc;
    entry->call.data = completion;
    return zoo_submit(zh, request, entry);
}

int zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                 stat_completion_t completion, const void *data)
{
    struct entry *entry = zoo_entry(ON_STAT, data);
    struct request *request;
    int rc = begin_read(zh, path, OP_EXISTS, watcher, watcherCtx, &request, entry);

    if (rc != ZOK)
        return rc;
    entry->call.stat = completion;
    return zoo_submit(zh, request, entry);
}

int zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                       strings_completion_t completion, const void *data)
{
    struct entry *entry = zoo_entry(ON_STRINGS, data);
    struct request *request;
    int rc = begin_read(zh, path, OP_CHILDREN, watcher, watcherCtx, &request, entry);

    if (rc != ZOK)
        return rc;
    entry->call.strings = completion;
    return zoo_submit(zh, request, entry);
}

/* The prototype says pointer to a function pointer, the library calls the function itself. */
int zoo_aremove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local,
                            void_completion_t *completion, const void *data)
{
    struct request *request;
    struct entry *entry;
    int rc = zoo_begin(zh, path, 0, OP_REMOVE_WATCHES, &request);

    (void)local;
    if (rc != ZOK)
        return rc;
    if (wtype != ZWATCHTYPE_ANY)
        world_fail("zoo_aremove_all_watches: only ZWATCHTYPE_ANY is simulated");
    entry = zoo_entry(ON_VOID, data);
    entry->call.nothing = (void_completion_t)(uintptr_t)completion;
    return zoo_submit(zh, request, entry);
}

/* ---- credentials ---- */

int zoo_add_auth(zhandle_t *zh, const char *scheme, const char *cert, int certLen,
                 void_completion_t completion, const void *data)
{
    struct auth *auth, **end = &zh->auths;

    if (zoo_unrecoverable(zh) || zh->state == 0)
        return ZINVALIDSTATE;
    auth = arena_alloc(sizeof *auth);
    auth->scheme = arena_copy(scheme, (int)strlen(scheme));
    auth->text = arena_copy(cert, certLen);
    auth->completion = completion;
    auth->data = data;
    while (*end != NULL)
        end = &(*end)->next;
    *end = auth;
    if (zh->connection != NULL && zoo_is_connected(zh))
        zoo_send_auth(zh, auth);
    return ZOK;
}
