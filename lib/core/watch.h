/*
 * Who wants to hear about which znode. One table per session; libzookeeper has one registration per
 * path, whoever asked for it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_WATCH_H
#define ZKC_CORE_WATCH_H

#include "base/map.h"

#include <stdbool.h>

enum watch_event {
    WATCH_DELETED,
    WATCH_CREATED,
    WATCH_CHANGED,
    WATCH_CHILDREN,
    WATCH_LOST /* the handle that had it is gone: whatever happened is not told */
};

struct watcher;
typedef void (*watch_fn)(struct watcher *watcher, enum watch_event event);

struct watcher {
    struct map_entry entry;
    watch_fn fired; /* the watcher has left the table when this is called */
};

void watcher_init(struct watcher *watcher, watch_fn fired);

/* path is borrowed while the watcher is in the table. */
void watcher_add(struct map *watches, struct watcher *watcher, const char *path);
void watcher_remove(struct map *watches, struct watcher *watcher); /* harmless when not in it */
bool watcher_active(const struct watcher *watcher);

/* Whether one more watch may be set, for such a use. */
enum watch_use {
    WATCH_HELPFUL, /* it only saves time */
    WATCH_KEPT,    /* without it a node is checked together with others */
    WATCH_NEEDED,  /* without it somebody polls */
    WATCH_OWN      /* of the node of who holds or is next in line */
};
bool watches_room(const struct map *watches, enum watch_use use);

void watches_fire(struct map *watches, const char *path, enum watch_event event);
void watches_lose(struct map *watches); /* fires all: WATCH_LOST */

#endif
