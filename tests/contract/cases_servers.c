/* Servers that die, move and are cut off. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

static void restart(int server)
{
    driver_kill(server);
    driver_start(server);
}

void servers_restart(struct test *t)
{
    struct line *line = a_line(t, DRIVER_ALL);
    struct client *c = a_client(t, line, STEADY_MS);
    int64_t id = id_of(c);
    struct answer before, after;

    do_create(c, at(t, "e"), "x", ZOO_EPHEMERAL, &before);
    do_get(c, at(t, "e"), "w", NULL);
    for (int i = 0; i < driver_servers(); i++)
        driver_kill(i);
    client_wait_state(c, ZOO_CONNECTING_STATE);
    wait_long(STEADY_MS + STEADY_MS / 2);
    for (int i = 0; i < driver_servers(); i++)
        driver_start(i);
    note(t, "serving: %d", driver_wait_serving());
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "the same session: %d", id_of(c) == id);
    note(t, "its node: %s", code_name(do_get(c, at(t, "e"), NULL, &after)));
    note(t, "\"%s\", the same: %d", after.data, after.stat.czxid == before.stat.czxid);
    do_set(c, at(t, "e"), "y", -1, NULL);
    note(t, "its watch: %d", diary_wait(c, 1));
    diary_note(t, c);
    do_create(c, at(t, "n"), "", 0, &after);
    note(t, "czxid grows: %d", after.stat.czxid > before.stat.czxid);
}

void leader_dies(struct test *t)
{
    struct line *line = a_line(t, DRIVER_ALL);
    struct client *c = a_client(t, line, STEADY_MS);
    int64_t id = id_of(c);
    struct answer before, after;

    do_create(c, at(t, "n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &before);
    restart(driver_leader());
    note(t, "serving: %d", driver_wait_serving());
    client_wait_state(c, ZOO_CONNECTED_STATE);
    while (do_check(c, at(t, "n-0000000000"), -1) == ZCONNECTIONLOSS)
        client_wait_state(c, ZOO_CONNECTED_STATE);
    note(t, "the same session: %d", id_of(c) == id);
    note(t, "its node: %s", code_name(do_check(c, at(t, "n-0000000000"), -1)));
    do_create(c, at(t, "n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &after);
    note(t, "numbers go on: %s, czxid grows: %d", after.path, after.stat.czxid > before.stat.czxid);
}

void move_to_another(struct test *t)
{
    struct line *here = a_line(t, driver_follower()), *there = a_line(t, driver_leader());
    struct client *c = a_client(t, here, STEADY_MS), *again;
    struct answer seen;
    clientid_t id;

    do_create(c, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    id = abandon(here, c);
    again = client_new(there, STEADY_MS, &id);
    note(t, "moved: %d", client_wait_state(again, ZOO_CONNECTED_STATE));
    note(t, "sync: %s", code_name(do_sync(again, at(t, ""))));
    note(t, "its node: %s", code_name(do_exists(again, at(t, "e"), NULL, &seen)));
    note(t, "the owner: %d", seen.stat.ephemeralOwner == id.client_id);
    note(t, "write: %s", code_name(do_check(again, at(t, "e"), -1)));
    client_close(again);
    note(t, "closed there: %d", wait_gone(t->own, at(t, "e")));
}

/* Reads go on, writes do not, until it has noticed. */
void follower_cut_off(struct test *t)
{
    int follower = driver_follower();
    struct line *line = a_line(t, follower);
    struct client *c = a_client(t, line, STEADY_MS);
    struct client *leading = a_client(t, a_line(t, driver_leader()), STEADY_MS);

    do_create(c, at(t, "a"), "old", 0, NULL);
    driver_cut(follower);
    note(t, "elsewhere: %s", code_name(do_set(leading, at(t, "a"), "new", -1, NULL)));
    note(t, "get: %s", code_name(note_data(t, c, at(t, "a"))));
    diary_sessions(c, true);
    later_check(c, "check", at(t, "a"));
    later_get(c, "get behind it", at(t, "a"), NULL);
    diary_wait(c, 3);
    diary_note(t, c);
    diary_sessions(c, false);
    driver_heal();
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "sync: %s", code_name(do_sync(c, at(t, "a"))));
    note_data(t, c, at(t, "a"));
}

/* So does the leader, and it even answers syncs. */
void leader_cut_off(struct test *t)
{
    int leader = driver_leader();
    struct line *line = a_line(t, leader);
    struct client *c = a_client(t, line, STEADY_MS);

    do_create(c, at(t, "a"), "old", 0, NULL);
    driver_cut(leader);
    note(t, "sync: %s", code_name(do_sync(c, at(t, "a"))));
    note(t, "get: %s", code_name(note_data(t, c, at(t, "a"))));
    diary_sessions(c, true);
    later_set(c, "set", at(t, "a"), "never");
    later_sync(c, "sync behind it", at(t, "a"));
    diary_wait(c, 3);
    diary_note(t, c);
    diary_sessions(c, false);
    note(t, "another leads: %d", driver_wait_leader_but(leader));
    driver_heal();
    note(t, "back: %d", client_wait_state(c, ZOO_CONNECTED_STATE));
    note(t, "sync: %s", code_name(do_sync(c, at(t, "a"))));
    note_data(t, c, at(t, "a"));
}
