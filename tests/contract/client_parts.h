/* What client.c and client_calls.c share. SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKC_CONTRACT_CLIENT_PARTS_H
#define ZKC_CONTRACT_CLIENT_PARTS_H

#include "contract.h"

#define DIARY_MAX 64
#define WATCHERS_MAX 16

struct watcher {
    struct client *client;
    char name[16];
};

struct promise {
    struct client *client;
    char label[32];
};

struct client {
    zhandle_t *handle;
    struct line *line;
    int timeout_ms;
    const clientid_t *id;
    int state; /* of the newest session event */
    bool heeds_sessions;
    int entries;
    char diary[DIARY_MAX][96];
    struct watcher watchers[WATCHERS_MAX];
    int watcher_count;
    struct promise promises[DIARY_MAX];
    int promise_count;
    zoo_op_result_t result; /* of checks */
};

/* A line of the diary. */
void diary_enter(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For zoo_aw…(); NULL for no watcher. */
watcher_fn watcher_fn_of(const char *watcher);
void *watcher_context(struct client *c, const char *watcher);
const char *below_root(const char *path);

#endif
