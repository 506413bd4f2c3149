/*
 * Cases: each does things to ZooKeeper through libzookeeper's calls and notes what came of it. The
 * notes must be the same on real servers, on simulated ones, and as recorded in outcomes.txt.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CONTRACT_CONTRACT_H
#define ZKC_CONTRACT_CONTRACT_H

#include "driver.h"

#define THREADED
#include <zookeeper/zookeeper.h>

#include <stddef.h>
#include <stdint.h>

/* ---- cases ---- */

struct test {
    const char *name;
    char *text; /* the notes */
    size_t length, size;
    struct line *line;
    struct client *own;   /* a client for everything that needs no faults */
    struct client *other; /* likewise */
    char root[64];        /* a path of its own */
    bool ensemble;
};

struct contract {
    const char *name;
    void (*run)(struct test *t);
    bool ensemble_only;
};
extern const struct contract contracts[]; /* ends with a NULL name */

void note(struct test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *code_name(int rc);

/* A path below the root; of the newest eight. */
const char *at(struct test *t, const char *name);

/* Runs one; the notes are the caller's to free. */
char *contract_run(const struct contract *c, bool ensemble);

/* A line of the case's own, or a client of its own on such a line; closed when the case is over. */
struct line *a_line(struct test *t, int server);
struct client *a_client(struct test *t, struct line *line, int timeout_ms); /* connected */

/* ---- clients ---- */

#define STEADY_MS 4000 /* for sessions that should not be lost */
#define BRIEF_MS 1600  /* for those that should; silence is noticed after two thirds */
#define PATIENCE_MS 20000

/* Clients keep a diary: of events, and of what was asked for without waiting. */
struct client *client_new(struct line *line, int timeout_ms, const clientid_t *id);
void client_close(struct client *c);
zhandle_t *client_handle(struct client *c);
bool client_wait_state(struct client *c, int state); /* the newest session event */
bool client_connected(struct client *c);
void diary_clear(struct client *c);
bool diary_wait(struct client *c, int entries);
int diary_entries(struct client *c);
void diary_note(struct test *t, struct client *c);   /* and clear it */
void diary_sorted(struct test *t, struct client *c); /* where the order means nothing */
void diary_sessions(struct client *c, bool heed);    /* whether session events go there; no */

struct answer {
    bool done;
    int rc;
    struct Stat stat;
    char path[128];
    char data[64];
    int length;
    int count;
    char names[16][64]; /* sorted */
};

/* These wait for their answer. `watcher` is what it is called in the diary; NULL: none. */
int do_create(struct client *c, const char *path, const char *data, int mode, struct answer *a);
int do_create_acl(struct client *c, const char *path, const struct ACL_vector *acl);
int do_delete(struct client *c, const char *path, int version);
int do_set(struct client *c, const char *path, const char *data, int version, struct answer *a);
int do_get(struct client *c, const char *path, const char *watcher, struct answer *a);
int do_exists(struct client *c, const char *path, const char *watcher, struct answer *a);
int do_list(struct client *c, const char *path, const char *watcher, struct answer *a);
int do_check(struct client *c, const char *path, int version);
int do_sync(struct client *c, const char *path);
int do_unwatch(struct client *c, const char *path);
int do_multi(struct client *c, int count, const zoo_op_t *ops, zoo_op_result_t *results);

/* These do not: the diary tells "<label>: <code>". They return what the call did. */
int later_create(struct client *c, const char *label, const char *path, int mode);
int later_delete(struct client *c, const char *label, const char *path);
int later_set(struct client *c, const char *label, const char *path, const char *data);
int later_get(struct client *c, const char *label, const char *path, const char *watcher);
int later_list(struct client *c, const char *label, const char *path);
int later_check(struct client *c, const char *label, const char *path);
int later_sync(struct client *c, const char *label, const char *path);

/* Answered behind the caller's back, perhaps never. */
void begin_exists(struct client *c, const char *path, struct answer *a);

/* Notes what the node has, and returns the code. */
int note_data(struct test *t, struct client *c, const char *path);

void wait_long(int ms); /* lets time pass that means something to servers */
bool wait_gone(struct client *c, const char *path); /* until it does not exist */
bool wait_there(struct client *c, const char *path);

#endif
