/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE 160
#define TAIL 4096 /* far more than what follows a belief before the next one */

struct journal {
    int fd;
    off_t end;
    off_t newest; /* where the newest belief's line begins */
    pthread_mutex_t lock;
};

static const char *const words[] = {"ask", "kept", "release", "revoked", "error"};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* ---- writing ---- */

struct journal *journal_create(const char *path)
{
    struct journal *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (j->fd < 0) {
        free(j);
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    return j;
}

void journal_close(struct journal *j)
{
    pthread_mutex_destroy(&j->lock);
    close(j->fd);
    free(j);
}

/* A journal with a hole would be a lie. */
static void put(struct journal *j, const char *line, int n, off_t at)
{
    if (pwrite(j->fd, line, (size_t)n, at) != n) {
        perror("journal");
        abort();
    }
}

static void append(struct journal *j, const char *line, int n)
{
    put(j, line, n, j->end);
    j->end += n;
}

void journal_note(struct journal *j, enum journal_word word, int64_t at, int64_t number)
{
    char line[LINE];
    int n = snprintf(line, sizeof(line), "%s %" PRId64 " %" PRId64 "\n", words[word], at, number);

    pthread_mutex_lock(&j->lock);
    append(j, line, n);
    pthread_mutex_unlock(&j->lock);
}

/* Always of the same length. */
static int format(char *line, const struct belief *b)
{
    return snprintf(line, LINE,
                    "belief %20" PRId64 " %20" PRId64 " %20" PRId64 " %20" PRId64 " %20" PRId64
                    "\n",
                    b->token, b->before, b->first, b->last, b->over);
}

void journal_begin(struct journal *j, const struct belief *b)
{
    char line[LINE];
    int n = format(line, b);

    pthread_mutex_lock(&j->lock);
    j->newest = j->end;
    append(j, line, n);
    pthread_mutex_unlock(&j->lock);
}

void journal_update(struct journal *j, const struct belief *b)
{
    char line[LINE];
    int n = format(line, b);

    pthread_mutex_lock(&j->lock);
    put(j, line, n, j->newest);
    pthread_mutex_unlock(&j->lock);
}

/* ---- reading ---- */

static bool parse_belief(const char *line, struct belief *b)
{
    int length = 0;

    return sscanf(line, "belief %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
                  &b->token, &b->before, &b->first, &b->last, &b->over, &length) == 5 &&
           line[length] == '\n';
}

static bool parse_note(const char *line, enum journal_word *word, int64_t *at, int64_t *number)
{
    char text[16];
    int length = 0;

    if (sscanf(line, "%15s %" SCNd64 " %" SCNd64 "%n", text, at, number, &length) != 3 ||
        line[length] != '\n')
        return false;
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(text, words[i]) == 0) {
            *word = (enum journal_word)i;
            return true;
        }
    }
    return false;
}

static bool read_line(const char *line, const struct journal_reader *reader, void *arg)
{
    struct belief b;
    enum journal_word word;
    int64_t at, number;

    if (parse_belief(line, &b))
        reader->belief(arg, &b);
    else if (parse_note(line, &word, &at, &number))
        reader->note(arg, word, at, number);
    else
        return false;
    return true;
}

bool journal_read(const char *path, const struct journal_reader *reader, void *arg)
{
    char line[LINE];
    FILE *f = fopen(path, "re");
    bool ok = f != NULL;

    while (ok && fgets(line, sizeof(line), f))
        ok = read_line(line, reader, arg);
    if (f)
        fclose(f);
    return ok;
}

struct newest {
    struct belief belief;
    bool known, kept;
};

static void take_belief(void *arg, const struct belief *b)
{
    *(struct newest *)arg = (struct newest){.belief = *b, .known = true};
}

static void take_note(void *arg, enum journal_word word, int64_t at, int64_t number)
{
    struct newest *n = arg;

    (void)at;
    n->kept = n->known && (n->kept || (word == JOURNAL_KEPT && number == n->belief.token));
}

/* Into text[TAIL + 1]. */
static bool read_tail(const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    ssize_t n = size >= 0 ? pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0) : -1;

    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

bool journal_newest(const char *path, struct belief *b, bool *kept)
{
    static const struct journal_reader reader = {take_belief, take_note};
    struct newest newest = {.known = false};
    char text[TAIL + 1];

    if (!read_tail(path, text))
        return false;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char copy[LINE];
        snprintf(copy, sizeof(copy), "%.*s\n", (int)(end - line), line);
        read_line(copy, &reader, &newest); /* the first one may lack its beginning */
    }
    *b = newest.belief;
    *kept = newest.kept;
    return newest.known;
}
