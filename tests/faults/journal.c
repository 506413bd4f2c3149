/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT 118
#define LINE \
    128 /* text, blank, checksum, newline; divides a page: no write is cut where one ends */
#define TAIL 8192 /* far more than what follows a belief before the next one */

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

static uint32_t checksum(const char *text)
{
    uint32_t sum = 2166136261u; /* FNV-1a */

    for (int i = 0; i < TEXT; i++)
        sum = (sum ^ (unsigned char)text[i]) * 16777619u;
    return sum;
}

/* A journal with a hole would be a lie. */
static void put(struct journal *j, const char *text, off_t at)
{
    char line[LINE + 1];

    snprintf(line, sizeof(line), "%-*s %08" PRIx32 "\n", TEXT, text, 0);
    snprintf(line + TEXT, sizeof(line) - TEXT, " %08" PRIx32 "\n", checksum(line));
    if (pwrite(j->fd, line, LINE, at) != LINE) {
        perror("journal");
        abort();
    }
}

static void append(struct journal *j, const char *text)
{
    put(j, text, j->end);
    j->end += LINE;
}

void journal_note(struct journal *j, enum journal_word word, int64_t at, int64_t number)
{
    char text[TEXT + 1];

    snprintf(text, sizeof(text), "%s %" PRId64 " %" PRId64, words[word], at, number);
    pthread_mutex_lock(&j->lock);
    append(j, text);
    pthread_mutex_unlock(&j->lock);
}

static void format(char *text, const struct belief *b)
{
    snprintf(text, TEXT + 1,
             "belief %20" PRId64 " %20" PRId64 " %20" PRId64 " %20" PRId64 " %20" PRId64, b->token,
             b->before, b->first, b->last, b->over);
}

void journal_begin(struct journal *j, const struct belief *b)
{
    char text[TEXT + 1];

    format(text, b);
    pthread_mutex_lock(&j->lock);
    j->newest = j->end;
    append(j, text);
    pthread_mutex_unlock(&j->lock);
}

void journal_update(struct journal *j, const struct belief *b)
{
    char text[TEXT + 1];

    format(text, b);
    pthread_mutex_lock(&j->lock);
    put(j, text, j->newest);
    pthread_mutex_unlock(&j->lock);
}

/* ---- reading ---- */

static bool ends(const char *text, int length)
{
    return strspn(text + length, " ") == strlen(text + length);
}

static bool parse_belief(const char *text, struct belief *b)
{
    int length = 0;

    return sscanf(text, "belief %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
                  &b->token, &b->before, &b->first, &b->last, &b->over, &length) == 5 &&
           ends(text, length);
}

static bool parse_note(const char *text, enum journal_word *word, int64_t *at, int64_t *number)
{
    char name[16];
    int length = 0;

    if (sscanf(text, "%15s %" SCNd64 " %" SCNd64 "%n", name, at, number, &length) != 3 ||
        !ends(text, length))
        return false;
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(name, words[i]) == 0) {
            *word = (enum journal_word)i;
            return true;
        }
    }
    return false;
}

/* Copies the text of a line that was written to its end. */
static bool take_text(const char *line, char *text)
{
    char end[LINE - TEXT + 1];

    snprintf(end, sizeof(end), " %08" PRIx32 "\n", checksum(line));
    snprintf(text, TEXT + 1, "%.*s", TEXT, line);
    return memcmp(line + TEXT, end, LINE - TEXT) == 0;
}

static bool read_line(const char *line, const struct journal_reader *reader, void *arg)
{
    char text[TEXT + 1];
    struct belief b;
    enum journal_word word;
    int64_t at, number;

    if (!take_text(line, text))
        return false;
    if (parse_belief(text, &b))
        reader->belief(arg, &b);
    else if (parse_note(text, &word, &at, &number))
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
    size_t n = 0;

    while (ok && (n = fread(line, 1, LINE, f)) == LINE)
        ok = read_line(line, reader, arg);
    if (f)
        fclose(f);
    return ok && n == 0;
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

/* The newest lines, whole as far as their length goes: how many. */
static size_t read_tail(const char *path, char *lines)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) / LINE * LINE : 0;
    ssize_t n = size > 0 ? pread(fd, lines, TAIL, size > TAIL ? size - TAIL : 0) : 0;

    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n / LINE : 0;
}

/* False as well if a line is just being written: whoever waits looks again. */
bool journal_newest(const char *path, struct belief *b, bool *kept)
{
    static const struct journal_reader reader = {take_belief, take_note};
    struct newest newest = {.known = false};
    char lines[TAIL];
    size_t count = read_tail(path, lines);

    for (size_t i = 0; i < count; i++) {
        if (!read_line(lines + i * LINE, &reader, &newest))
            return false;
    }
    *b = newest.belief;
    *kept = newest.kept;
    return newest.known;
}
