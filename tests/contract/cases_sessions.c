/* Sessions, connections and what is lost with them. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <stdio.h>
#include <string.h>

void ignore(int rc, const void *data)
{
    (void)rc;
    (void)data;
}

void pipelined(struct test *t)
{
    later_create(t->own, "create", at(t, "a"), ZOO_EPHEMERAL);
    later_list(t->own, "list", at(t, ""));
    later_create(t->own, "create again", at(t, "a"), ZOO_EPHEMERAL);
    later_create(t->own, "create another", at(t, "b"), ZOO_EPHEMERAL);
    later_list(t->own, "list again", at(t, ""));
    later_delete(t->own, "delete", at(t, "a"));
    later_check(t->own, "check", at(t, "a"));
    later_get(t->own, "get", at(t, "b"), NULL);
    diary_wait(t->own, 8);
    diary_note(t, t->own);
}

int64_t id_of(struct client *c)
{
    return zoo_client_id(client_handle(c))->client_id;
}

void negotiated_timeouts(struct test *t)
{
    static const int asked[] = {DRIVER_TICK_MS, 3 * DRIVER_TICK_MS, 1000000};

    for (int i = 0; i < 3; i++) {
        struct client *c = client_new(t->line, asked[i], NULL);
        client_wait_state(c, ZOO_CONNECTED_STATE);
        note(t, "asked for %d, got %d, has an id: %d", asked[i], zoo_recv_timeout(client_handle(c)),
             id_of(c) != 0);
        client_close(c);
    }
}

void ephemerals_end_with_session(struct test *t)
{
    struct client *c = client_new(t->line, STEADY_MS, NULL);
    struct answer made;

    client_wait_state(c, ZOO_CONNECTED_STATE);
    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, &made);
    note(t, "owner is the session: %d", made.stat.ephemeralOwner == id_of(c));
    do_create(c, at(t, "p"), "", 0, NULL);
    do_sync(t->own, at(t, ""));
    note(t, "seen: %s", code_name(do_exists(t->own, at(t, "e"), NULL, NULL)));
    client_close(c);
    do_sync(t->own, at(t, ""));
    note(t, "when close has returned: %s", code_name(do_exists(t->own, at(t, "e"), NULL, NULL)));
    note(t, "the other kind: %s", code_name(do_exists(t->own, at(t, "p"), NULL, NULL)));
}

void expiry_learnt_late(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, BRIEF_MS);

    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    do_get(c, at(t, "e"), "w", NULL);
    do_sync(t->own, at(t, ""));
    diary_sessions(c, true);
    line_set(line, LINE_BLACKHOLE);
    note(t, "gone for others: %d", wait_gone(t->own, at(t, "e")));
    client_wait_state(c, ZOO_CONNECTING_STATE);
    diary_wait(c, 2);
    diary_sorted(t, c);
    line_set(line, LINE_FINE);
    note(t, "expired when it is back: %d", client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
    diary_wait(c, 2);
    diary_sorted(t, c);
    note(t, "state %d", zoo_state(client_handle(c)));
    note(t, "then: %s", code_name(do_get(c, at(t, "e"), NULL, NULL)));
}

clientid_t abandon(struct line *line, struct client *c)
{
    clientid_t id = *zoo_client_id(client_handle(c));

    line_set(line, LINE_REFUSED);
    client_wait_state(c, ZOO_CONNECTING_STATE);
    return id;
}

void resume(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS), *again;
    struct answer seen;
    clientid_t id;

    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    id = abandon(line, c);
    again = client_new(t->line, STEADY_MS, &id);
    note(t, "resumed: %d", client_wait_state(again, ZOO_CONNECTED_STATE));
    note(t, "the same session: %d", id_of(again) == id.client_id);
    note(t, "its node: %s", code_name(do_exists(again, at(t, "e"), NULL, &seen)));
    note(t, "is its: %d", seen.stat.ephemeralOwner == id_of(again));
    note(t, "write: %s", code_name(do_create(again, at(t, "f"), "", ZOO_EPHEMERAL, NULL)));
    client_close(again);
    note(t, "closed: %d %d", wait_gone(t->own, at(t, "e")), wait_gone(t->own, at(t, "f")));
    line_set(line, LINE_FINE);
    note(t, "the first one: expired %d", client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
}

void resume_refused(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS), *again;
    clientid_t id = *zoo_client_id(client_handle(c)), unknown = {0};

    unknown.client_id = INT64_C(0x0123456789abcdef);
    again = client_new(t->line, STEADY_MS, &unknown);
    note(t, "unknown: expired %d", client_wait_state(again, ZOO_EXPIRED_SESSION_STATE));
    client_close(again);
    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    abandon(line, c);
    id.passwd[3] = (char)(id.passwd[3] ^ 1);
    again = client_new(t->line, STEADY_MS, &id);
    note(t, "wrong password: expired %d", client_wait_state(again, ZOO_EXPIRED_SESSION_STATE));
    client_close(again);
    line_set(line, LINE_FINE);
    note(t, "the owner is back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "its node: %s", code_name(do_check(c, at(t, "e"), -1)));
}

void ended_by_another(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS), *again;
    clientid_t id;

    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    do_get(c, at(t, "e"), "w", NULL);
    id = abandon(line, c);
    again = client_new(t->line, STEADY_MS, &id);
    client_wait_state(again, ZOO_CONNECTED_STATE);
    client_close(again);
    note(t, "its node goes: %d", wait_gone(t->own, at(t, "e")));
    diary_clear(c);
    line_set(line, LINE_FINE);
    note(t, "expired: %d", client_wait_state(c, ZOO_EXPIRED_SESSION_STATE));
    note(t, "no event for the node:");
    diary_note(t, c);
    note(t, "create: %s", code_name(do_create(c, at(t, "f"), "", 0, NULL)));
}

void auth_refused(struct test *t)
{
    struct client *c = a_client(t, t->line, STEADY_MS);

    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    zoo_add_auth(client_handle(c), "nonsense", "x", 1, ignore, NULL);
    note(t, "auth failed: %d", client_wait_state(c, ZOO_AUTH_FAILED_STATE));
    note(t, "state %d", zoo_state(client_handle(c)));
    note(t, "get: %s", code_name(do_get(c, at(t, "e"), NULL, NULL)));
    note(t, "add_auth: %s",
         code_name(zoo_add_auth(client_handle(c), "digest", "a:b", 3, ignore, NULL)));
    do_sync(t->own, at(t, ""));
    note(t, "its session lives on: %s", code_name(do_exists(t->own, at(t, "e"), NULL, NULL)));
}

/* ---- replies and requests lost ---- */

void reply_lost(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    diary_sessions(c, true);
    line_reset_at_next(line, true);
    later_create(c, "create", at(t, "e"), ZOO_EPHEMERAL);
    diary_wait(c, 3);
    diary_note(t, c);
    diary_sessions(c, false);
    note(t, "sync: %s", code_name(do_sync(c, at(t, ""))));
    note(t, "it is there: %s", code_name(do_exists(c, at(t, "e"), NULL, NULL)));
    note(t, "create again: %s", code_name(do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL)));
    line_reset_at_next(line, true);
    note(t, "delete: %s", code_name(do_delete(c, at(t, "e"), -1)));
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "delete again: %s", code_name(do_delete(c, at(t, "e"), -1)));
}

void request_lost(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    line_reset_at_next(line, false);
    note(t, "create: %s", code_name(do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL)));
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "sync: %s", code_name(do_sync(c, at(t, ""))));
    note(t, "it is not there: %s", code_name(do_exists(c, at(t, "e"), NULL, NULL)));
    note(t, "create again: %s", code_name(do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL)));
}

/* All that is outstanding fails together, behind the session event. */
void silence(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, BRIEF_MS);

    diary_sessions(c, true);
    line_set(line, LINE_BLACKHOLE);
    later_get(c, "get", at(t, ""), NULL);
    later_check(c, "check", at(t, "none"));
    later_list(c, "list", at(t, ""));
    diary_wait(c, 4);
    diary_note(t, c);
}

/*
 * What a dead link has swallowed arrives when it is mended, if nobody has ended the session. A new
 * connection of the session would end the old one, and might overtake what it brings.
 */
void late_request(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    line_bar(line, true);
    line_set(line, LINE_BLACKHOLE);
    later_create(c, "create", at(t, "p"), ZOO_PERSISTENT);
    diary_wait(c, 1);
    diary_note(t, c);
    do_sync(t->own, at(t, ""));
    note(t, "before: %s", code_name(do_exists(t->own, at(t, "p"), NULL, NULL)));
    line_set(line, LINE_FINE);
    note(t, "after: %d", wait_there(t->own, at(t, "p")));
    line_bar(line, false);
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
}

void queued_while_refused(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = a_client(t, line, STEADY_MS);

    line_set(line, LINE_REFUSED);
    client_wait_state(c, ZOO_CONNECTING_STATE);
    note(t, "create: %s", code_name(later_create(c, "create", at(t, "e"), ZOO_EPHEMERAL)));
    note(t, "answered: %d", diary_wait(c, 1));
    diary_note(t, c);
    line_set(line, LINE_FINE);
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "it was not sent: %s", code_name(do_exists(c, at(t, "e"), NULL, NULL)));
}

void queued_while_silent(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c;

    line_set(line, LINE_BLACKHOLE);
    c = client_new(line, STEADY_MS, NULL);
    note(t, "create: %s", code_name(later_create(c, "create", at(t, "a"), ZOO_PERSISTENT)));
    note(t, "list: %s", code_name(later_list(c, "list", at(t, ""))));
    line_set(line, LINE_FINE);
    note(t, "connected: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "answered: %d", diary_wait(c, 2));
    diary_note(t, c);
    client_close(c);
}

/* Completions may be lost when a handle is closed; those that come say so. */
void pending_at_close(struct test *t)
{
    struct line *line = a_line(t, driver_leader());
    struct client *c = client_new(line, STEADY_MS, NULL);
    static struct answer answers[4];
    int answered = 0, closing = 0;

    client_wait_state(c, ZOO_CONNECTED_STATE);
    line_set(line, LINE_TO_CLIENT);
    memset(answers, 0, sizeof answers);
    for (int i = 0; i < 4; i++)
        begin_exists(c, at(t, ""), &answers[i]);
    client_close(c);
    for (int i = 0; i < 4; i++) {
        answered += answers[i].done;
        closing += answers[i].done && answers[i].rc == ZCLOSING;
    }
    note(t, "not answered, or closing: %d", answered == closing);
}
