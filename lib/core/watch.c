/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watch.h"

#include <string.h>

/*
 * After a reconnection libzookeeper sends all watched paths in one packet, and a server closes the
 * connection for ever on one that is larger than its jute.maxbuffer, 1 MiB by default.
 */
#define PACKET_BUDGET ((size_t)700 * 1024)

void watcher_init(struct watcher *watcher, watch_fn fired)
{
    memset(watcher, 0, sizeof *watcher);
    list_init(&watcher->entry.link);
    watcher->fired = fired;
}

void watcher_add(struct map *watches, struct watcher *watcher, const char *path)
{
    watcher_remove(watches, watcher);
    map_insert(watches, &watcher->entry, path);
}

void watcher_remove(struct map *watches, struct watcher *watcher)
{
    map_remove(watches, &watcher->entry);
}

bool watcher_active(const struct watcher *watcher)
{
    return !list_empty(&watcher->entry.link);
}

/* Each path is sent with its length. */
bool watches_room(const struct map *watches, enum watch_use use)
{
    static const size_t tenths[] = {
        [WATCH_HELPFUL] = 5, [WATCH_KEPT] = 8, [WATCH_NEEDED] = 9, [WATCH_OWN] = 10};
    size_t packet = watches->key_bytes + 4 * watches->count;

    return packet < PACKET_BUDGET / 10 * tenths[use];
}

/* A callback may drop watchers that wait here, as if they were still in the map. */
static void fire(struct map *watches, struct list *entries, enum watch_event event)
{
    for (struct list *link = entries->next; link != entries; link = link->next)
        watches->count++;
    while (!list_empty(entries)) {
        struct map_entry *entry = container_of(entries->next, struct map_entry, link);
        struct watcher *watcher = container_of(entry, struct watcher, entry);
        map_remove(watches, entry);
        watcher->fired(watcher, event);
    }
}

void watches_fire(struct map *watches, const char *path, enum watch_event event)
{
    struct list entries;

    list_init(&entries);
    map_take(watches, path, &entries);
    fire(watches, &entries, event);
}

void watches_lose(struct map *watches)
{
    struct list entries;

    list_init(&entries);
    map_take_all(watches, &entries);
    fire(watches, &entries, WATCH_LOST);
}
