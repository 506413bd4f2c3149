/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a lock needs, on raw libzookeeper of either kind, trusting everybody: no lease, no
 * recovery of lost replies, no second look. A program has one session, that of recipe_begin().
 */
#ifndef ZKC_BENCH_RECIPE_H
#define ZKC_BENCH_RECIPE_H

#include <zookeeper/zookeeper.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PATH_SIZE 256

/* How answers come in. */
struct recipe_shell {
    void (*await)(sem_t *answered);
    void (*lock)(void); /* around requests; NULL where any thread may make them */
    void (*unlock)(void);
};

struct node {
    char parent[PATH_SIZE];
    char path[PATH_SIZE];  /* once it is created */
    char ahead[PATH_SIZE]; /* "": nobody */
    int error;
    sem_t answered;
    void (*listed)(struct node *n);  /* NULL: answered is posted instead */
    void (*deleted)(struct node *n); /* likewise */
    long number;
    atomic_long *left;
    struct crew *crew;
    struct node *next;
};

/* Initialises connected, which lives as long as the handle; it is posted when there is a session.
 */
zhandle_t *recipe_open(const char *nodes, int session_ms, sem_t *connected);

void recipe_begin(zhandle_t *handle, const struct recipe_shell *shell);

int make_directory(const char *path);
void prepare(struct node *n, const char *parent);
void join(struct node *n);  /* creates and lists, both in one flush where libzookeeper does */
void leave(struct node *n); /* deletes */

/* As driver.h says. */
int recipe_cycle(const char *path, long n, int64_t *ret_ns);
int recipe_threads(const char *prefix, long k, long n, int64_t *ret_ns);
int recipe_async(const char *prefix, long k, long n, int64_t *ret_ns);

#endif
