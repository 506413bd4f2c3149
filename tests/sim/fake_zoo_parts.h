/*
 * Inside the simulated client library.
 *
 *   fake_zoo.c        handles, constants
 *   fake_zoo_calls.c  zoo_a*
 *   fake_zoo_more.c   those that only the contract cases use
 *   fake_zoo_io.c     the I/O thread
 *   fake_zoo_queue.c  the completion thread
 *   fake_zoo_watch.c  registered watchers
 *   fake_zoo_close.c  zookeeper_close()
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_SIM_FAKE_ZOO_PARTS_H
#define ZKC_SIM_FAKE_ZOO_PARTS_H

#include "cluster.h"
#include "cluster_client.h"

#define WATCHER_BUCKETS 32

struct watcher_call {
    watcher_fn fn;
    void *context;
};

/* Who is to be called for one event. */
struct watcher_list {
    int count;
    int capacity;
    struct watcher_call *at;
};

struct registration {
    struct registration *next;
    struct path *path;
    enum watch_table table;
    struct watcher_call call;
};

enum completion {
    ON_VOID,
    ON_STAT,
    ON_DATA,
    ON_STRING,
    ON_STRINGS,
    ON_STRING_STAT,
    ON_MULTI,
    ON_WATCH
};

/* A request without an answer yet, then an answer or event on its way to the callback. */
struct entry {
    struct entry *next;
    enum completion completion;
    union {
        void_completion_t nothing;
        stat_completion_t stat;
        data_completion_t data;
        string_completion_t string;
        strings_completion_t strings;
        string_stat_completion_t string_stat;
    } call;
    const void *data;
    int32_t xid;
    struct request *request;
    struct watcher_call watcher; /* to be registered; fn NULL: none */
    zoo_op_result_t *results;
    const zoo_op_t *ops; /* only their buffers */
    int count;
    struct outcome outcome;
    int event, state;
    const char *path;
    struct watcher_list watchers;
};

struct entry_queue {
    struct entry *first, *last;
};

struct auth {
    struct auth *next;
    const char *scheme, *text;
    void_completion_t completion; /* NULL: it has been called */
    const void *data;
};

struct _zhandle {
    zhandle_t *next, *prev; /* all */
    struct machine *machine;
    watcher_fn watcher;
    void *context;

    int servers[64]; /* resolved addresses */
    int server_count;
    int server_next;
    bool delay;

    int state;
    clientid_t client;
    bool seen;
    int timeout; /* ms */
    int64_t last_zxid;
    int64_t last_recv, last_send; /* on the machine's clock */
    struct connection *connection;
    int32_t xid;

    struct entry_queue sent;  /* not answered yet, sent or not */
    struct entry_queue ready; /* for the completion thread */
    struct request **outgoing;
    int outgoing_count, outgoing_capacity;
    struct registration *watchers[WATCHER_BUCKETS];
    struct auth *auths;

    uint64_t wake, timer, completions;
    int64_t timer_at;
    bool ending;  /* its end is decided, the event of it still under way */
    bool running; /* inside a callback */
    bool closing;
    bool close_later; /* asked for inside a callback */
    int32_t close_xid;
    int heard; /* while closing: enum heard */
};

enum heard { HEARD_NOTHING, HEARD_CLOSED, HEARD_SOMETHING };

/* fake_zoo.c */
bool zoo_unrecoverable(const zhandle_t *zh);
bool zoo_is_connected(const zhandle_t *zh);
void zoo_free(zhandle_t *zh);

/* fake_zoo_calls.c */
int zoo_begin(zhandle_t *zh, const char *path, int flags, enum op op, struct request **ret);
int zoo_submit(zhandle_t *zh, struct request *request, struct entry *entry);
struct entry *zoo_entry(enum completion completion, const void *data);

/* fake_zoo_io.c */
void zoo_wake(zhandle_t *zh);
void zoo_send(zhandle_t *zh, struct request *request);
void zoo_send_auth(zhandle_t *zh, const struct auth *auth);
void zoo_flush(zhandle_t *zh);
void zoo_fail_all(zhandle_t *zh, int rc);

/* fake_zoo_queue.c */
void queue_put(struct entry_queue *queue, struct entry *entry);
struct entry *queue_take(struct entry_queue *queue);
void zoo_complete(zhandle_t *zh, struct entry *entry);
void zoo_deliver(zhandle_t *zh, struct entry *entry);
void zoo_session_event(zhandle_t *zh, int state);
void zoo_node_event(zhandle_t *zh, int event, const char *path);
void entry_free(struct entry *entry);

/* fake_zoo_watch.c */
void watchers_add(zhandle_t *zh, const struct entry *entry, int rc);
void watchers_remove(zhandle_t *zh, struct path *path);
void watchers_collect(zhandle_t *zh, int event, const char *path, struct watcher_list *list);
int watchers_list_paths(const zhandle_t *zh, enum watch_table table, struct path ***paths);
void watchers_free(zhandle_t *zh);

/* fake_zoo_close.c */
void zoo_close_heard(zhandle_t *zh, const struct packet *packet);
void zoo_close_now(zhandle_t *zh);

#endif
