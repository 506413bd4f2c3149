/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a belief ended, as its owner saw it. */
enum ending { UNKNOWN, RELEASED, REVOKED };

struct entry {
    struct belief belief;
    size_t who;
    enum ending ending; /* whoever releases what is over already has lost it */
};

struct witness {
    char name[64];
    struct life life;
};

struct healing {
    int64_t at, bound;
};

struct judge {
    struct witness *witnesses;
    struct entry *entries;
    struct healing *healings;
    size_t witness_count, entry_count, healing_count;
    struct verdict verdict;
};

/* Room for one more. */
static void *grow(void *array, size_t count, size_t size)
{
    void *grown = array;

    if ((count & (count - 1)) == 0)
        grown = realloc(array, (count ? 2 * count : 1) * size);
    if (!grown)
        abort();
    return grown;
}

struct judge *judge_new(void)
{
    struct judge *j = calloc(1, sizeof(*j));

    if (!j)
        abort();
    return j;
}

void judge_free(struct judge *j)
{
    free(j->witnesses);
    free(j->entries);
    free(j->healings);
    free(j);
}

static const char *name_of(const struct judge *j, size_t who)
{
    return j->witnesses[who].name;
}

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

/* ---- reading ---- */

static void take_belief(void *arg, const struct belief *b)
{
    struct judge *j = arg;

    j->entries = grow(j->entries, j->entry_count, sizeof(*j->entries));
    j->entries[j->entry_count++] =
        (struct entry){.belief = *b, .who = j->witness_count - 1, .ending = UNKNOWN};
}

/* Of the contender that is being read. */
static struct entry *newest(struct judge *j)
{
    struct entry *e = j->entry_count ? &j->entries[j->entry_count - 1] : NULL;

    return e && e->who == j->witness_count - 1 ? e : NULL;
}

static void take_note(void *arg, enum journal_word word, int64_t at, int64_t number)
{
    struct judge *j = arg;
    struct entry *e = newest(j);

    if (word == JOURNAL_ERROR) {
        j->verdict.errors++;
        fprintf(stderr, "error: %s, at %.3f ms: %" PRId64 "\n", name_of(j, j->witness_count - 1),
                ms(at), number);
    }
    if (!e || e->ending != UNKNOWN)
        return;
    if (word == JOURNAL_REVOKED)
        e->ending = REVOKED;
    else if (word == JOURNAL_RELEASE && number == e->belief.token)
        e->ending = e->belief.over == 0 || at <= e->belief.over ? RELEASED : REVOKED;
}

void judge_add(struct judge *j, const char *name, const char *journal, struct life life)
{
    static const struct journal_reader reader = {take_belief, take_note};
    struct witness *w;

    j->witnesses = grow(j->witnesses, j->witness_count, sizeof(*j->witnesses));
    w = &j->witnesses[j->witness_count++];
    *w = (struct witness){.life = life};
    snprintf(w->name, sizeof(w->name), "%s", name);
    if (journal_read(journal, &reader, j))
        return;
    j->verdict.errors++;
    fprintf(stderr, "error: the journal of %s cannot be read\n", name);
}

void judge_healed(struct judge *j, int64_t at, int64_t bound)
{
    j->healings = grow(j->healings, j->healing_count, sizeof(*j->healings));
    j->healings[j->healing_count++] = (struct healing){.at = at, .bound = bound};
}

void judge_left(struct judge *j, const char *node)
{
    j->verdict.ghosts++;
    fprintf(stderr, "ghost: %s\n", node);
}

/* ---- judging ---- */

static int by_beginning(const void *a, const void *b)
{
    const struct belief *x = &((const struct entry *)a)->belief;
    const struct belief *y = &((const struct entry *)b)->belief;

    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : (x->token > y->token) - (x->token < y->token);
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void print_pair(const struct judge *j, const char *what, const struct entry *old,
                       const struct entry *new)
{
    fprintf(stderr,
            "%s: %s with token %" PRId64 " until %.3f ms, %s with token %" PRId64
            " from %.3f ms (%.3f ms)\n",
            what, name_of(j, old->who), old->belief.token, ms(old->belief.last),
            name_of(j, new->who), new->belief.token, ms(new->belief.first),
            ms(new->belief.first - old->belief.last));
}

/* Among the beliefs so far: the one that lasted longest, and the longest of anybody else. */
struct lasting {
    const struct entry *longest, *second;
};

static void extend(struct lasting *l, const struct entry *e)
{
    if (!l->longest || e->belief.last > l->longest->belief.last) {
        if (l->longest && l->longest->who != e->who)
            l->second = l->longest;
        l->longest = e;
    } else if (e->who != l->longest->who &&
               (!l->second || e->belief.last > l->second->belief.last)) {
        l->second = e;
    }
}

static const struct entry *lasting_other(const struct lasting *l, size_t who)
{
    return l->longest && l->longest->who == who ? l->second : l->longest;
}

struct margins {
    int64_t *sizes;
    unsigned count;
    int64_t sure;
};

static void add_margin(struct margins *m, const struct belief *old, const struct belief *new)
{
    m->sizes[m->count++] = new->first - old->last;
    if (new->before - old->last < m->sure)
        m->sure = new->before - old->last;
}

/* What was seen so far of those that share, and of those that do not. */
struct history {
    const struct entry *top; /* with the largest token */
    struct lasting lasting;
};

static bool shares(const struct judge *j, const struct entry *e)
{
    return j->witnesses[e->who].life.shares;
}

static bool excludes(const struct judge *j, const struct entry *a, const struct entry *b)
{
    return !shares(j, a) || !shares(j, b);
}

static void check_token(struct judge *j, const struct entry *top, const struct entry *e)
{
    if (!top || e->belief.token > top->belief.token)
        return;
    j->verdict.disorders++;
    print_pair(j, "disorder", top, e);
}

static void check_overlap(struct judge *j, const struct entry *old, const struct entry *new)
{
    if (!old || old->belief.last < new->belief.first)
        return;
    j->verdict.overlaps++;
    print_pair(j, "overlap", old, new);
}

static const struct entry *later(const struct entry *a, const struct entry *b)
{
    return !a || (b && b->belief.last > a->belief.last) ? b : a;
}

/* Compares it with all before it that it excludes; returns whose belief lasted longest. */
static const struct entry *compare_with(struct judge *j, const struct history histories[2],
                                        const struct entry *e)
{
    const struct entry *longest = NULL;

    for (int i = 0; i < 2; i++) {
        const struct history *h = &histories[i];
        if (h->top == NULL || !excludes(j, h->top, e))
            continue;
        check_token(j, h->top, e);
        longest = later(longest, lasting_other(&h->lasting, e->who));
    }
    check_overlap(j, longest, e);
    return longest;
}

static void remember(struct history *h, const struct entry *e)
{
    if (!h->top || e->belief.token > h->top->belief.token)
        h->top = e;
    extend(&h->lasting, e);
}

static void compare_neighbours(struct judge *j, struct margins *takeovers, struct margins *releases)
{
    struct history histories[2] = {{NULL, {NULL, NULL}}, {NULL, {NULL, NULL}}};

    for (size_t i = 0; i < j->entry_count; i++) {
        const struct entry *e = &j->entries[i], *old = compare_with(j, histories, e);
        if (old && e[-1].who != e->who && excludes(j, &e[-1], e))
            add_margin(old->ending == RELEASED ? releases : takeovers, &old->belief, &e->belief);
        remember(&histories[shares(j, e)], e);
    }
}

static void measure(struct margins *m, unsigned *count, int64_t *least, int64_t *median)
{
    *count = m->count;
    *least = *median = INT64_MAX;
    if (m->count == 0)
        return;
    qsort(m->sizes, m->count, sizeof(*m->sizes), by_size);
    *least = m->sizes[0];
    *median = m->sizes[m->count / 2];
}

static void compare(struct judge *j)
{
    struct margins takeovers = {calloc(j->entry_count + 1, sizeof(int64_t)), 0, INT64_MAX};
    struct margins releases = {calloc(j->entry_count + 1, sizeof(int64_t)), 0, INT64_MAX};
    struct verdict *v = &j->verdict;

    if (!takeovers.sizes || !releases.sizes)
        abort();
    compare_neighbours(j, &takeovers, &releases);
    measure(&takeovers, &v->takeovers, &v->least_takeover, &v->median_takeover);
    measure(&releases, &v->releases, &v->least_release, &v->median_release);
    v->sure_takeover = takeovers.sure;
    free(takeovers.sizes);
    free(releases.sizes);
}

/* When its first turn after that began; INT64_MAX: never. */
static int64_t next_turn(const struct judge *j, size_t who, int64_t at)
{
    for (size_t i = 0; i < j->entry_count; i++) {
        if (j->entries[i].who == who && j->entries[i].belief.first >= at)
            return j->entries[i].belief.first;
    }
    return INT64_MAX;
}

static bool lives(const struct life *life, const struct healing *h)
{
    return life->born <= h->at && (life->died == 0 || life->died >= h->at + h->bound);
}

static void find_starved(struct judge *j, const struct healing *h)
{
    for (size_t who = 0; who < j->witness_count; who++) {
        int64_t turn = next_turn(j, who, h->at);
        if (!lives(&j->witnesses[who].life, h))
            continue;
        if (turn == INT64_MAX || turn - h->at > h->bound) {
            j->verdict.starved++;
            fprintf(stderr, "starved: %s had no turn within %.0f ms after %.3f ms\n",
                    name_of(j, who), ms(h->bound), ms(h->at));
        } else if (turn - h->at > j->verdict.longest_wait) {
            j->verdict.longest_wait = turn - h->at;
        }
    }
}

struct verdict judge_decide(struct judge *j)
{
    if (j->entry_count == 0) {
        j->verdict.errors++;
        fprintf(stderr, "error: nobody ever held\n");
    } else {
        qsort(j->entries, j->entry_count, sizeof(*j->entries), by_beginning);
    }
    compare(j);
    for (size_t i = 0; i < j->healing_count; i++)
        find_starved(j, &j->healings[i]);
    j->verdict.contenders = (unsigned)j->witness_count;
    j->verdict.beliefs = (unsigned)j->entry_count;
    return j->verdict;
}

unsigned verdict_wrongs(const struct verdict *v)
{
    return v->overlaps + v->disorders + v->starved + v->ghosts + v->errors;
}

void verdict_print(const struct verdict *v, const char *title)
{
    printf("%s: %u beliefs of %u contenders", title, v->beliefs, v->contenders);
    if (v->takeovers)
        printf("; %u takeovers, margin least %.1f ms (surely %.1f), median %.1f", v->takeovers,
               ms(v->least_takeover), ms(v->sure_takeover), ms(v->median_takeover));
    if (v->releases)
        printf("; %u releases, margin least %.2f ms, median %.2f", v->releases,
               ms(v->least_release), ms(v->median_release));
    printf("; longest wait %.0f ms; %u wrong\n", ms(v->longest_wait), verdict_wrongs(v));
}
