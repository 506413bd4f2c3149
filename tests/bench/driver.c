/* SPDX-License-Identifier: Apache-2.0 */
#include "driver.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX 5

/* ---- clock, output ---- */

int64_t driver_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void __attribute__((format(printf, 2, 0)))
say_line(const char *before, const char *format, va_list arguments)
{
    flockfile(stdout);
    fputs(before, stdout);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

void driver_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_line("", format, arguments);
    va_end(arguments);
}

int driver_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_line("error ", format, arguments);
    va_end(arguments);
    return -1;
}

/* ---- countdown ---- */

struct countdown {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    long left;
    int error;
};

struct countdown *countdown_new(long n)
{
    struct countdown *c = malloc(sizeof *c);

    if (c == NULL)
        abort();
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->left = n;
    c->error = 0;
    return c;
}

void countdown_done(struct countdown *c, int error)
{
    pthread_mutex_lock(&c->lock);
    if (c->error == 0)
        c->error = error;
    if (--c->left == 0)
        pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

int countdown_wait(struct countdown *c)
{
    int error;

    pthread_mutex_lock(&c->lock);
    while (c->left > 0)
        pthread_cond_wait(&c->changed, &c->lock);
    error = c->error;
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return error;
}

/* ---- commands ---- */

struct session {
    const struct driver *driver;
    const char *nodes;
    int session_ms;
};

static void unsupported(void)
{
    driver_fail("unsupported");
}

static void timed(int result, int64_t began)
{
    if (result == 0)
        driver_say("ok %lld", (long long)(driver_now() - began));
}

static void say_times(const int64_t *ns, long n)
{
    flockfile(stdout);
    fputs("ok", stdout);
    for (long i = 0; i < n; i++)
        printf(" %lld", (long long)ns[i]);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

static void cycle(const struct driver *driver, const char *path, long n)
{
    int64_t *ns = calloc((size_t)n, sizeof *ns);

    if (ns != NULL && driver->cycle(path, n, ns) == 0)
        say_times(ns, n);
    free(ns);
}

/* The session of its own that this program has is closed meanwhile. */
static void sessions(const struct session *s, long n)
{
    int64_t *ns = calloc((size_t)n * 2, sizeof *ns), t;
    int result = 0;

    s->driver->close();
    for (long i = 0; ns != NULL && i < n && result == 0; i++) {
        t = driver_now();
        result = s->driver->open(s->nodes, s->session_ms);
        ns[2 * i] = driver_now() - t;
        t = driver_now();
        if (result == 0)
            s->driver->close();
        ns[2 * i + 1] = driver_now() - t;
    }
    if (result == 0 && s->driver->open(s->nodes, s->session_ms) == 0)
        say_times(ns, 2 * n);
    free(ns);
}

static void release(const struct driver *driver, long i)
{
    int64_t times[2];

    if (driver->release(i, times) == 0)
        driver_say("ok %lld %lld", (long long)times[0], (long long)times[1]);
}

static bool is(char *const *words, int count, const char *name, int wanted)
{
    return strcmp(words[0], name) == 0 && count == wanted;
}

static void carry_out(const struct session *s, char **w, int count)
{
    const struct driver *d = s->driver;
    int64_t began = driver_now(), ns;

    if (is(w, count, "cycle", 3) && d->cycle != NULL)
        cycle(d, w[1], atol(w[2]));
    else if (is(w, count, "threads", 4) && d->threads != NULL)
        (void)(d->threads(w[1], atol(w[2]), atol(w[3]), &ns) == 0 && (say_times(&ns, 1), true));
    else if (is(w, count, "async", 4) && d->async != NULL)
        (void)(d->async(w[1], atol(w[2]), atol(w[3]), &ns) == 0 && (say_times(&ns, 1), true));
    else if (is(w, count, "queue", 5) && d->queue != NULL)
        (void)(d->queue(w[1], atol(w[2]), atol(w[3]), w[4]) == 0 && (driver_say("ok"), true));
    else if (is(w, count, "release", 2) && d->release != NULL)
        release(d, atol(w[1]));
    else if (is(w, count, "hold", 3) && d->hold != NULL)
        timed(d->hold(w[1], atol(w[2])), began);
    else if (is(w, count, "drop", 1) && d->drop != NULL)
        timed(d->drop(), began);
    else if (is(w, count, "held", 2) && d->held != NULL)
        (void)d->held(atol(w[1]));
    else if (is(w, count, "sessions", 2))
        sessions(s, atol(w[1]));
    else if (is(w, count, "objects", 2) && d->objects != NULL)
        timed(d->objects(s->nodes, s->session_ms, atol(w[1])), began);
    else if (is(w, count, "watch", 2) && d->watch != NULL)
        (void)(d->watch(w[1]) == 0 && (driver_say("ok"), true));
    else
        unsupported();
}

static int split(char *line, char *words[WORDS_MAX + 1])
{
    char *rest = NULL;
    int count = 0;

    for (char *w = strtok_r(line, " \n", &rest); w != NULL && count <= WORDS_MAX;
         w = strtok_r(NULL, " \n", &rest))
        words[count++] = w;
    return count;
}

int driver_main(int argc, char **argv, const struct driver *driver)
{
    struct session s = {.driver = driver};
    char *line = NULL, *words[WORDS_MAX + 1];
    size_t size = 0;
    int count;

    if (argc != 3) {
        fprintf(stderr, "usage: %s NODES SESSION_MS\n", argv[0]);
        return 64;
    }
    s.nodes = argv[1];
    s.session_ms = atoi(argv[2]);
    if (driver->open(s.nodes, s.session_ms) != 0)
        return 1;
    driver_say("ready");
    for (;;) {
        if (driver->idle != NULL)
            driver->idle();
        if (getline(&line, &size, stdin) <= 0)
            break;
        count = split(line, words);
        if (count == 1 && strcmp(words[0], "quit") == 0)
            break;
        if (count > 0)
            carry_out(&s, words, count);
    }
    free(line);
    driver->close();
    driver_say("ok");
    return 0;
}
