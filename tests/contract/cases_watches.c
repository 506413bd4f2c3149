/* Watches: what fires them, in which order, and what becomes of them over a reconnection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

/* Something that comes last: what did not come before it does not come. */
static void last_word(struct test *t)
{
    do_create(t->own, at(t, "last"), "", 0, NULL);
    do_exists(t->other, at(t, "last"), "last", NULL);
    do_set(t->own, at(t, "last"), "x", -1, NULL);
    do_delete(t->own, at(t, "last"), -1);
}

void watch_data(struct test *t)
{
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_get(t->other, at(t, "a"), "w", NULL);
    do_create(t->own, at(t, "a/b"), "", 0, NULL);
    do_set(t->own, at(t, "a"), "x", -1, NULL);
    do_set(t->own, at(t, "a"), "y", -1, NULL);
    note(t, "fires once: %d", diary_wait(t->other, 1));
    diary_note(t, t->other);
    do_get(t->other, at(t, "a"), "w", NULL);
    do_delete(t->own, at(t, "a/b"), -1);
    do_delete(t->own, at(t, "a"), -1);
    note(t, "deleted: %d", diary_wait(t->other, 1));
    last_word(t);
    diary_wait(t->other, 2);
    diary_note(t, t->other);
}

void watch_exists(struct test *t)
{
    note(t, "missing: %s", code_name(do_exists(t->other, at(t, "a"), "w", NULL)));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    diary_wait(t->other, 1);
    note(t, "there: %s", code_name(do_exists(t->other, at(t, "a"), "w", NULL)));
    do_set(t->own, at(t, "a"), "x", -1, NULL);
    diary_wait(t->other, 2);
    do_exists(t->other, at(t, "a"), "w", NULL);
    do_delete(t->own, at(t, "a"), -1);
    diary_wait(t->other, 3);
    last_word(t);
    diary_wait(t->other, 4);
    diary_note(t, t->other);
}

void watch_children(struct test *t)
{
    do_create(t->own, at(t, "d"), "", 0, NULL);
    do_list(t->other, at(t, "d"), "w", NULL);
    do_set(t->own, at(t, "d"), "x", -1, NULL);
    do_create(t->own, at(t, "d/a"), "", 0, NULL);
    diary_wait(t->other, 1);
    do_list(t->other, at(t, "d"), "w", NULL);
    do_set(t->own, at(t, "d/a"), "x", -1, NULL);
    do_create(t->own, at(t, "d/a/below"), "", 0, NULL);
    do_delete(t->own, at(t, "d/a/below"), -1);
    do_delete(t->own, at(t, "d/a"), -1);
    diary_wait(t->other, 2);
    do_list(t->other, at(t, "d"), "w", NULL);
    do_delete(t->own, at(t, "d"), -1);
    diary_wait(t->other, 3);
    last_word(t);
    diary_wait(t->other, 4);
    diary_note(t, t->other);
}

void watch_before_answer(struct test *t)
{
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_get(t->own, at(t, "a"), "w", NULL);
    later_set(t->own, "set", at(t, "a"), "x");
    diary_wait(t->own, 2);
    diary_note(t, t->own);
    do_get(t->own, at(t, "a"), "w", NULL);
    do_list(t->own, at(t, ""), "kids", NULL);
    later_delete(t->own, "delete", at(t, "a"));
    diary_wait(t->own, 3);
    diary_note(t, t->own);
    do_exists(t->own, at(t, "a"), "w", NULL);
    later_create(t->own, "create", at(t, "a"), ZOO_EPHEMERAL);
    diary_wait(t->own, 2);
    diary_note(t, t->own);
}

/* The answer of the read that set the watch comes before the watch's event. */
void watch_after_read(struct test *t)
{
    do_create(t->own, at(t, "a"), "", 0, NULL);
    later_get(t->own, "get", at(t, "a"), "w");
    later_set(t->own, "set", at(t, "a"), "x");
    later_get(t->own, "get again", at(t, "a"), "w");
    later_delete(t->own, "delete", at(t, "a"));
    diary_wait(t->own, 6);
    diary_note(t, t->own);
}

void watch_same_context(struct test *t)
{
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_get(t->other, at(t, "a"), "w", NULL);
    do_exists(t->other, at(t, "a"), "w", NULL);
    do_list(t->other, at(t, "a"), "w", NULL);
    do_delete(t->own, at(t, "a"), -1);
    diary_wait(t->other, 1);
    last_word(t);
    diary_wait(t->other, 2);
    note(t, "one context:");
    diary_note(t, t->other);
    do_create(t->own, at(t, "b"), "", 0, NULL);
    do_get(t->other, at(t, "b"), "w", NULL);
    do_get(t->other, at(t, "b"), "w2", NULL);
    do_set(t->own, at(t, "b"), "x", -1, NULL);
    note(t, "two contexts, two calls: %d", diary_wait(t->other, 2));
    diary_clear(t->other);
}

void watch_missing(struct test *t)
{
    note(t, "get: %s", code_name(do_get(t->other, at(t, "a"), "w", NULL)));
    note(t, "list: %s", code_name(do_list(t->other, at(t, "a"), "w", NULL)));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_delete(t->own, at(t, "a"), -1);
    last_word(t);
    diary_wait(t->other, 1);
    diary_note(t, t->other);
}

void unwatch(struct test *t)
{
    note(t, "none: %s", code_name(do_unwatch(t->other, at(t, "a"))));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_get(t->other, at(t, "a"), "w", NULL);
    do_list(t->other, at(t, "a"), "kids", NULL);
    note(t, "two: %s", code_name(do_unwatch(t->other, at(t, "a"))));
    note(t, "none any more: %s", code_name(do_unwatch(t->other, at(t, "a"))));
    do_set(t->own, at(t, "a"), "x", -1, NULL);
    do_create(t->own, at(t, "a/b"), "", 0, NULL);
    do_delete(t->own, at(t, "a/b"), -1);
    do_delete(t->own, at(t, "a"), -1);
    do_exists(t->other, at(t, "a"), "w", NULL);
    note(t, "of a missing node: %s", code_name(do_unwatch(t->other, at(t, "a"))));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    last_word(t);
    diary_wait(t->other, 1);
    diary_note(t, t->other);
    do_get(t->other, at(t, "a"), "w", NULL);
    note(t, "set anew: %s", code_name(do_set(t->own, at(t, "a"), "y", -1, NULL)));
    diary_wait(t->other, 1);
    diary_note(t, t->other);
}

void watch_ephemeral(struct test *t)
{
    struct client *c = client_new(t->line, STEADY_MS, NULL);

    client_wait_state(c, ZOO_CONNECTED_STATE);
    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    do_sync(t->own, at(t, ""));
    do_get(t->own, at(t, "e"), "w", NULL);
    do_list(t->own, at(t, ""), "kids", NULL);
    client_close(c);
    note(t, "told of its end: %d", diary_wait(t->own, 2));
    diary_note(t, t->own);
}

/* A writer waits for readers one after the other, and lists when the last that it knows has gone:
 * it sees what came before that. */
void watch_readers(struct test *t)
{
    struct client *reader = a_client(t, a_line(t, driver_leader()), STEADY_MS);
    struct answer list;

    do_create(reader, at(t, "r-1"), "", ZOO_EPHEMERAL, NULL);
    do_create(t->own, at(t, "r-2"), "", ZOO_EPHEMERAL, NULL);
    do_sync(t->other, at(t, "r-1"));
    do_get(t->other, at(t, "r-1"), "first", NULL);
    do_get(t->other, at(t, "r-2"), "second", NULL);
    do_create(reader, at(t, "r-0"), "", ZOO_EPHEMERAL, NULL);
    do_delete(reader, at(t, "r-1"), -1);
    diary_wait(t->other, 1);
    do_list(t->other, at(t, ""), NULL, &list);
    note(t, "%d children, the first is %s", list.count, list.names[0]);
    do_delete(t->own, at(t, "r-2"), -1);
    diary_wait(t->other, 2);
    diary_note(t, t->other);
}

void watch_elsewhere(struct test *t)
{
    int server = t->ensemble ? driver_follower() : 0;
    struct client *near = a_client(t, a_line(t, server), STEADY_MS);
    struct client *far = a_client(t, a_line(t, driver_leader()), STEADY_MS);

    do_create(far, at(t, "a"), "", 0, NULL);
    note(t, "sync: %s", code_name(do_sync(near, at(t, "a"))));
    note(t, "get: %s", code_name(do_get(near, at(t, "a"), "w", NULL)));
    do_set(far, at(t, "a"), "x", -1, NULL);
    diary_wait(near, 1);
    do_get(near, at(t, "a"), "w", NULL);
    do_delete(far, at(t, "a"), -1);
    diary_wait(near, 2);
    diary_note(t, near);
}

/* ---- over a reconnection ---- */

/* A client that is cut off, with the same session afterwards. */
static struct client *leave(struct test *t, struct line *line, struct client *c)
{
    (void)t;
    line_set(line, LINE_REFUSED);
    client_wait_state(c, ZOO_CONNECTING_STATE);
    return c;
}

static void come_back(struct test *t, struct line *line, struct client *c)
{
    line_set(line, LINE_FINE);
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
}

void renewed_data(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);
    static const char *const names[] = {"changed", "deleted", "remade", "kept"};

    for (int i = 0; i < 4; i++) {
        do_create(c, at(t, names[i]), "", 0, NULL);
        do_get(c, at(t, names[i]), names[i], NULL);
    }
    leave(t, line, c);
    do_set(t->own, at(t, "changed"), "x", -1, NULL);
    do_delete(t->own, at(t, "deleted"), -1);
    do_delete(t->own, at(t, "remade"), -1);
    do_create(t->own, at(t, "remade"), "", 0, NULL);
    come_back(t, line, c);
    diary_wait(c, 3);
    do_set(t->own, at(t, "kept"), "x", -1, NULL);
    diary_wait(c, 4);
    diary_sorted(t, c);
}

void renewed_exists(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    do_exists(c, at(t, "created"), "created", NULL);
    do_exists(c, at(t, "flashed"), "flashed", NULL);
    do_create(c, at(t, "there"), "", 0, NULL);
    do_exists(c, at(t, "there"), "there", NULL);
    leave(t, line, c);
    do_create(t->own, at(t, "created"), "", 0, NULL);
    do_create(t->own, at(t, "flashed"), "", 0, NULL);
    do_delete(t->own, at(t, "flashed"), -1);
    do_delete(t->own, at(t, "there"), -1);
    come_back(t, line, c);
    diary_wait(c, 2);
    diary_sorted(t, c);
    do_create(t->own, at(t, "flashed"), "", 0, NULL);
    note(t, "still armed: %d", diary_wait(c, 1));
    diary_note(t, c);
}

void renewed_children(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);
    static const char *const names[] = {"added", "removed", "both", "gone", "kept"};

    for (int i = 0; i < 5; i++)
        do_create(c, at(t, names[i]), "", 0, NULL);
    do_create(c, at(t, "removed/a"), "", 0, NULL);
    for (int i = 0; i < 5; i++)
        do_list(c, at(t, names[i]), names[i], NULL);
    leave(t, line, c);
    do_create(t->own, at(t, "added/a"), "", 0, NULL);
    do_delete(t->own, at(t, "removed/a"), -1);
    do_create(t->own, at(t, "both/a"), "", 0, NULL);
    do_delete(t->own, at(t, "both/a"), -1);
    do_delete(t->own, at(t, "gone"), -1);
    do_set(t->own, at(t, "kept"), "x", -1, NULL);
    come_back(t, line, c);
    diary_wait(c, 4);
    do_create(t->own, at(t, "kept/a"), "", 0, NULL);
    diary_wait(c, 5);
    diary_sorted(t, c);
}

/* A read whose answer is lost sets no watch. */
void unset_watch(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    do_create(c, at(t, "a"), "", 0, NULL);
    line_reset_at_next(line, true);
    note(t, "get: %s", code_name(do_get(c, at(t, "a"), "w", NULL)));
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    do_set(c, at(t, "a"), "x", -1, NULL);
    do_get(c, at(t, "a"), "w2", NULL);
    do_set(c, at(t, "a"), "y", -1, NULL);
    diary_wait(c, 1);
    diary_note(t, c);
}

void session_events_to_watchers(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    do_create(c, at(t, "a"), "", 0, NULL);
    do_get(c, at(t, "a"), "w", NULL);
    do_list(c, at(t, "a"), "w", NULL);
    do_list(c, at(t, ""), "w2", NULL);
    diary_sessions(c, true);
    leave(t, line, c);
    diary_wait(c, 3);
    diary_sorted(t, c);
    line_set(line, LINE_FINE);
    diary_wait(c, 3);
    diary_sorted(t, c);
    diary_sessions(c, false);
    do_set(t->own, at(t, "a"), "x", -1, NULL);
    diary_wait(c, 1);
    diary_note(t, c);
}
