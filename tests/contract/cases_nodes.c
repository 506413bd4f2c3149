/* Nodes: codes, what Stat says, numbers, ACLs. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct Stat *a, const struct Stat *b)
{
    return a->czxid == b->czxid && a->mzxid == b->mzxid && a->pzxid == b->pzxid &&
           a->ctime == b->ctime && a->mtime == b->mtime && a->version == b->version &&
           a->cversion == b->cversion && a->aversion == b->aversion &&
           a->ephemeralOwner == b->ephemeralOwner && a->dataLength == b->dataLength &&
           a->numChildren == b->numChildren;
}

void create_and_stat(struct test *t)
{
    struct answer made, seen;

    note(t, "create: %s", code_name(do_create(t->own, at(t, "a"), "hello", 0, &made)));
    note(t, "path %s, version %d, cversion %d, children %d, length %d, owner %s", made.path,
         made.stat.version, made.stat.cversion, made.stat.numChildren, made.stat.dataLength,
         made.stat.ephemeralOwner == 0 ? "none" : "some");
    note(t, "czxid = mzxid = pzxid: %d, ctime = mtime: %d",
         made.stat.czxid == made.stat.mzxid && made.stat.czxid == made.stat.pzxid,
         made.stat.ctime == made.stat.mtime);
    do_get(t->own, at(t, "a"), NULL, &seen);
    note(t, "get gives the same stat: %d", is_same(&seen.stat, &made.stat));
    do_exists(t->own, at(t, "a"), NULL, &seen);
    note(t, "exists gives the same stat: %d", is_same(&seen.stat, &made.stat));
    do_create(t->own, at(t, "b"), NULL, 0, &seen);
    note(t, "the next czxid is larger: %d", seen.stat.czxid > made.stat.czxid);
    note(t, "ctime is of this century: %d", seen.stat.ctime > INT64_C(1600000000000));
}

void create_refused(struct test *t)
{
    static struct ACL entries[] = {{0x1f, {"auth", ""}}};
    const struct ACL_vector nobody = {1, entries};

    note(t, "no parent: %s", code_name(do_create(t->own, at(t, "none/a"), "", 0, NULL)));
    note(t, "sequential without parent: %s",
         code_name(do_create(t->own, at(t, "none/a"), "", ZOO_EPHEMERAL_SEQUENTIAL, NULL)));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    note(t, "again: %s", code_name(do_create(t->own, at(t, "a"), "", 0, NULL)));
    note(t, "ephemeral again: %s",
         code_name(do_create(t->own, at(t, "a"), "", ZOO_EPHEMERAL, NULL)));
    do_create(t->own, at(t, "e"), "", ZOO_EPHEMERAL, NULL);
    note(t, "below an ephemeral one: %s", code_name(do_create(t->own, at(t, "e/a"), "", 0, NULL)));
    note(t, "ephemeral below an ephemeral one: %s",
         code_name(do_create(t->own, at(t, "e/a"), "", ZOO_EPHEMERAL, NULL)));
    note(t, "acl of nobody: %s", code_name(do_create_acl(t->own, at(t, "n"), &nobody)));
}

void bad_paths(struct test *t)
{
    static const char *const paths[] = {"",    "a",    "/a/",   "//a",    "/a//b", "/.",
                                        "/..", "/./a", "/a/..", "/a\x01", "/a/.b", "/a..b"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char shown[16];
        snprintf(shown, sizeof shown, "%s", paths[i]);
        if (strchr(shown, '\x01') != NULL)
            *strchr(shown, '\x01') = '?';
        note(t, "\"%s\": %s", shown, code_name(do_exists(t->own, paths[i], NULL, NULL)));
    }
}

void delete_codes(struct test *t)
{
    note(t, "missing: %s", code_name(do_delete(t->own, at(t, "a"), -1)));
    note(t, "missing below missing: %s", code_name(do_delete(t->own, at(t, "a/b/c"), -1)));
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_create(t->own, at(t, "a/b"), "", 0, NULL);
    note(t, "with a child: %s", code_name(do_delete(t->own, at(t, "a"), -1)));
    note(t, "of another version: %s", code_name(do_delete(t->own, at(t, "a/b"), 7)));
    note(t, "of its version: %s", code_name(do_delete(t->own, at(t, "a/b"), 0)));
    note(t, "without children: %s", code_name(do_delete(t->own, at(t, "a"), -1)));
    note(t, "again: %s", code_name(do_delete(t->own, at(t, "a"), -1)));
}

void get_and_exists(struct test *t)
{
    struct answer seen;

    note(t, "get missing: %s", code_name(do_get(t->own, at(t, "a"), NULL, NULL)));
    note(t, "exists missing: %s", code_name(do_exists(t->own, at(t, "a"), NULL, NULL)));
    do_create(t->own, at(t, "a"), "hello", 0, NULL);
    note(t, "get: %s", code_name(do_get(t->own, at(t, "a"), NULL, &seen)));
    note(t, "\"%s\", %d bytes", seen.data, seen.length);
    do_create(t->own, at(t, "b"), "", 0, NULL);
    do_get(t->own, at(t, "b"), NULL, &seen);
    note(t, "empty: %d bytes, dataLength %d", seen.length, seen.stat.dataLength);
    do_create(t->own, at(t, "c"), NULL, 0, NULL);
    do_get(t->own, at(t, "c"), NULL, &seen);
    note(t, "none: %d bytes, dataLength %d", seen.length, seen.stat.dataLength);
}

void children(struct test *t)
{
    struct answer list, seen;

    note(t, "of a missing node: %s", code_name(do_list(t->own, at(t, "none"), NULL, NULL)));
    note(t, "none yet: %s", code_name(do_list(t->own, at(t, ""), NULL, &list)));
    note(t, "%d names", list.count);
    do_create(t->own, at(t, "b"), "", 0, NULL);
    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_create(t->own, at(t, "a/below"), "", 0, NULL);
    do_list(t->own, at(t, ""), NULL, &list);
    note(t, "%d names: %s %s", list.count, list.names[0], list.names[1]);
    do_exists(t->own, at(t, ""), NULL, &seen);
    note(t, "children %d, cversion %d", seen.stat.numChildren, seen.stat.cversion);
    do_delete(t->own, at(t, "b"), -1);
    do_exists(t->own, at(t, ""), NULL, &seen);
    note(t, "one deleted: children %d, cversion %d, pzxid newer than czxid: %d",
         seen.stat.numChildren, seen.stat.cversion, seen.stat.pzxid > seen.stat.czxid);
}

void set_data(struct test *t)
{
    struct answer made, seen;

    note(t, "missing: %s", code_name(do_set(t->own, at(t, "a"), "x", -1, NULL)));
    do_create(t->own, at(t, "a"), "", 0, &made);
    note(t, "any version: %s", code_name(do_set(t->own, at(t, "a"), "x", -1, &seen)));
    note(t, "version %d, mzxid newer: %d, czxid kept: %d, pzxid kept: %d", seen.stat.version,
         seen.stat.mzxid > made.stat.mzxid, seen.stat.czxid == made.stat.czxid,
         seen.stat.pzxid == made.stat.pzxid);
    note(t, "old version: %s", code_name(do_set(t->own, at(t, "a"), "y", 0, NULL)));
    note(t, "its version: %s", code_name(do_set(t->own, at(t, "a"), "zz", 1, &seen)));
    do_get(t->own, at(t, "a"), NULL, &seen);
    note(t, "\"%s\", version %d", seen.data, seen.stat.version);
}

static void note_name(struct test *t, const char *what, const char *name, int mode)
{
    struct answer made;
    int rc = do_create(t->own, at(t, name), "", mode, &made);

    note(t, "%s: %s %s", what, code_name(rc), made.path);
}

void sequence_names(struct test *t)
{
    note_name(t, "first", "n-", ZOO_PERSISTENT_SEQUENTIAL);
    note_name(t, "ephemeral", "n-", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "another prefix", "other-", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "no number asked for", "plain", 0);
    note_name(t, "that one counts", "n-", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "a failed one", "plain", 0);
    note_name(t, "does not", "n-", ZOO_EPHEMERAL_SEQUENTIAL);
    do_delete(t->own, at(t, "plain"), -1);
    note_name(t, "nor does a deletion", "n-", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "digits in the prefix", "n-0000000007-", ZOO_EPHEMERAL_SEQUENTIAL);
    do_create(t->own, at(t, "d"), "", 0, NULL);
    note_name(t, "only a number", "d/", ZOO_PERSISTENT_SEQUENTIAL);
    note_name(t, "the next", "d/", ZOO_EPHEMERAL_SEQUENTIAL);
}

void sequence_counter(struct test *t)
{
    struct answer made, seen;

    do_create(t->own, at(t, "d"), "", 0, NULL);
    for (int i = 0; i < 3; i++)
        do_create(t->own, at(t, "d/n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &made);
    do_delete(t->own, at(t, "d/n-0000000001"), -1);
    do_exists(t->own, at(t, "d"), NULL, &seen);
    note(t, "cversion %d, children %d, next number %d", seen.stat.cversion, seen.stat.numChildren,
         (seen.stat.cversion + seen.stat.numChildren) / 2);
    do_create(t->own, at(t, "d/n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &made);
    note(t, "it is %s", made.path);
    do_delete(t->own, at(t, "d/n-0000000000"), -1);
    do_delete(t->own, at(t, "d/n-0000000002"), -1);
    do_delete(t->own, at(t, "d/n-0000000003"), -1);
    note(t, "parent deleted: %s", code_name(do_delete(t->own, at(t, "d"), -1)));
    do_create(t->own, at(t, "d"), "", 0, NULL);
    do_create(t->own, at(t, "d/n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &seen);
    note(t, "a new parent counts from the start: %s, czxid goes on: %d", seen.path,
         seen.stat.czxid > made.stat.czxid);
}

/* Both draw from the directory's one counter; a writer that became a reader keeps its number. */
void readers_and_writers(struct test *t)
{
    struct answer list;

    note_name(t, "reader", "r-__READ__", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "writer", "w-__WRIT__", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "another reader", "r-__READ__", ZOO_EPHEMERAL_SEQUENTIAL);
    note_name(t, "the writer reads", "w-__READ__0000000001", ZOO_EPHEMERAL);
    note_name(t, "it cannot do so twice", "w-__READ__0000000001", ZOO_EPHEMERAL);
    do_delete(t->own, at(t, "w-__WRIT__0000000001"), -1);
    note_name(t, "the next number", "w-__WRIT__", ZOO_EPHEMERAL_SEQUENTIAL);
    do_list(t->other, at(t, ""), NULL, &list);
    for (int i = 0; i < list.count; i++)
        note(t, "  %s", list.names[i]);
}

void check_codes(struct test *t)
{
    struct answer before, after;

    do_create(t->own, at(t, "a"), "", ZOO_EPHEMERAL, NULL);
    note(t, "there: %s", code_name(do_check(t->own, at(t, "a"), -1)));
    note(t, "its version: %s", code_name(do_check(t->own, at(t, "a"), 0)));
    note(t, "another: %s", code_name(do_check(t->own, at(t, "a"), 3)));
    note(t, "missing: %s", code_name(do_check(t->own, at(t, "b"), -1)));
    do_create(t->own, at(t, "x"), "", 0, &before);
    do_check(t->own, at(t, "a"), -1);
    do_create(t->own, at(t, "y"), "", 0, &after);
    note(t, "a check is a transaction: %d", after.stat.czxid > before.stat.czxid + 1);
    do_check(t->own, at(t, "b"), -1);
    do_create(t->own, at(t, "z"), "", 0, &before);
    note(t, "also one that fails: %d", before.stat.czxid > after.stat.czxid + 1);
    do_delete(t->own, at(t, "b"), -1);
    do_create(t->own, at(t, "w"), "", 0, &after);
    note(t, "as does any write that fails: %d", after.stat.czxid > before.stat.czxid + 1);
}

void multi_done(struct test *t)
{
    zoo_op_result_t results[4];
    char made[2][96];
    struct Stat stat;
    struct answer a, b;
    zoo_op_t ops[4];
    char paths[4][96];

    do_create(t->own, at(t, "old"), "", 0, NULL);
    do_create(t->own, at(t, "set"), "", 0, NULL);
    snprintf(paths[0], sizeof paths[0], "%s", at(t, "n-"));
    snprintf(paths[1], sizeof paths[1], "%s", at(t, "set"));
    snprintf(paths[2], sizeof paths[2], "%s", at(t, "old"));
    zoo_create_op_init(&ops[0], paths[0], "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                       made[0], sizeof made[0]);
    zoo_set_op_init(&ops[1], paths[1], "new", 3, -1, &stat);
    zoo_delete_op_init(&ops[2], paths[2], -1);
    zoo_create_op_init(&ops[3], paths[0], "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                       made[1], sizeof made[1]);
    note(t, "multi: %s", code_name(do_multi(t->own, 4, ops, results)));
    for (int i = 0; i < 4; i++)
        note(t, "  %s", code_name(results[i].err));
    note(t, "made %s and %s, version set %d", made[0] + strlen(t->root), made[1] + strlen(t->root),
         stat.version);
    do_exists(t->own, made[0], NULL, &a);
    do_exists(t->own, made[1], NULL, &b);
    note(t, "one czxid for both: %d", a.stat.czxid == b.stat.czxid);
    note(t, "old: %s", code_name(do_exists(t->own, at(t, "old"), NULL, NULL)));
}

void multi_failed(struct test *t)
{
    zoo_op_result_t results[4];
    char paths[4][96], made[96];
    struct answer seen;
    zoo_op_t ops[4];

    do_create(t->own, at(t, "a"), "", 0, NULL);
    snprintf(paths[0], sizeof paths[0], "%s", at(t, "n-"));
    snprintf(paths[1], sizeof paths[1], "%s", at(t, "a"));
    snprintf(paths[2], sizeof paths[2], "%s", at(t, "none"));
    zoo_create_op_init(&ops[0], paths[0], "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                       made, sizeof made);
    zoo_delete_op_init(&ops[1], paths[1], -1);
    zoo_check_op_init(&ops[2], paths[2], -1);
    zoo_set_op_init(&ops[3], paths[1], "new", 3, -1, NULL);
    note(t, "multi: %s", code_name(do_multi(t->own, 4, ops, results)));
    for (int i = 0; i < 4; i++)
        note(t, "  %s", code_name(results[i].err));
    note(t, "a: %s", code_name(do_exists(t->own, at(t, "a"), NULL, &seen)));
    note(t, "version %d", seen.stat.version);
    do_create(t->own, at(t, "n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &seen);
    note(t, "the number was not used: %s", seen.path);
    zoo_check_op_init(&ops[0], paths[1], -1);
    zoo_create_op_init(&ops[1], paths[2], "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, made, sizeof made);
    zoo_delete_op_init(&ops[2], paths[2], -1);
    zoo_delete_op_init(&ops[3], paths[1], 0);
    note(t, "made and deleted at once: %s", code_name(do_multi(t->own, 4, ops, results)));
    note(t, "none: %s", code_name(do_exists(t->own, paths[2], NULL, NULL)));
}

/* Of checks alone: the first that fails is told, those before it stand, the rest is not looked at.
 */
static void check_all(struct test *t, struct client *c, const char *const *names, int count)
{
    zoo_op_result_t results[8];
    zoo_op_t ops[8];
    char paths[8][96];

    for (int i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", at(t, names[i]));
        zoo_check_op_init(&ops[i], paths[i], -1);
    }
    note(t, "checks: %s", code_name(do_multi(c, count, ops, results)));
    for (int i = 0; i < count; i++)
        note(t, "  %s: %s", names[i], code_name(results[i].err));
}

void many_checks(struct test *t)
{
    static struct ACL entries[] = {{0x1f & ~1, {"world", "anyone"}}};
    const struct ACL_vector unreadable = {1, entries};

    do_create(t->own, at(t, "a"), "", 0, NULL);
    do_create(t->own, at(t, "b"), "", ZOO_EPHEMERAL, NULL);
    do_create_acl(t->own, at(t, "closed"), &unreadable);
    check_all(t, t->own, (const char *const[]){"a", "b", "a"}, 3);
    check_all(t, t->own, (const char *const[]){"a", "none", "b", "none"}, 4);
    check_all(t, t->own, (const char *const[]){"none", "a"}, 2);
    check_all(t, t->own, (const char *const[]){"a", "closed", "none", "b"}, 4);
    check_all(t, t->own, (const char *const[]){"a", "none", "closed"}, 3);
}

void containers(struct test *t)
{
    struct answer made;

    note(t, "create: %s", code_name(do_create(t->own, at(t, "c"), "", ZOO_CONTAINER, &made)));
    note(t, "owner %s", made.stat.ephemeralOwner == 0 ? "none" : "some");
    do_create(t->own, at(t, "never"), "", ZOO_CONTAINER, NULL);
    do_create(t->own, at(t, "used"), "", ZOO_CONTAINER, NULL);
    do_create(t->own, at(t, "used/a"), "", 0, NULL);
    do_create(t->own, at(t, "c/a"), "", ZOO_EPHEMERAL, NULL);
    do_exists(t->other, at(t, "c"), "w", NULL);
    do_delete(t->own, at(t, "c/a"), -1);
    note(t, "goes when its last child has gone: %d", wait_gone(t->own, at(t, "c")));
    note(t, "told: %d", diary_wait(t->other, 1));
    diary_note(t, t->other);
    note(t, "that never had a child: %s", code_name(do_exists(t->own, at(t, "never"), NULL, NULL)));
    note(t, "that has one: %s", code_name(do_exists(t->own, at(t, "used"), NULL, NULL)));
    note(t, "create again: %s", code_name(do_create(t->own, at(t, "c"), "", ZOO_CONTAINER, NULL)));
    do_create(t->own, at(t, "c/n-"), "", ZOO_EPHEMERAL_SEQUENTIAL, &made);
    note(t, "numbers from the start: %s", made.path);
}

void acls(struct test *t)
{
    static struct ACL entries[] = {{0x1f, {"auth", ""}}};
    static struct ACL readers[] = {{1, {"world", "anyone"}}};
    const struct ACL_vector mine = {1, entries}, readable = {1, readers};
    struct client *c = a_client(t, t->line, STEADY_MS);

    zoo_add_auth(client_handle(c), "digest", "me:secret", 9, ignore, NULL);
    note(t, "create for me: %s", code_name(do_create_acl(c, at(t, "a"), &mine)));
    note(t, "I: get %s, set %s, check %s", code_name(do_get(c, at(t, "a"), NULL, NULL)),
         code_name(do_set(c, at(t, "a"), "x", -1, NULL)), code_name(do_check(c, at(t, "a"), -1)));
    note(t, "I: create below %s", code_name(do_create(c, at(t, "a/b"), "", 0, NULL)));
    note(t, "others: get %s", code_name(do_get(t->own, at(t, "a"), NULL, NULL)));
    note(t, "others: get with watch %s", code_name(do_get(t->own, at(t, "a"), "w", NULL)));
    note(t, "others: exists %s", code_name(do_exists(t->own, at(t, "a"), NULL, NULL)));
    note(t, "others: list %s", code_name(do_list(t->own, at(t, "a"), NULL, NULL)));
    note(t, "others: set %s", code_name(do_set(t->own, at(t, "a"), "y", -1, NULL)));
    note(t, "others: check %s", code_name(do_check(t->own, at(t, "a"), -1)));
    note(t, "others: check missing %s", code_name(do_check(t->own, at(t, "a/n"), -1)));
    note(t, "others: create below %s", code_name(do_create(t->own, at(t, "a/c"), "", 0, NULL)));
    note(t, "others: delete below %s", code_name(do_delete(t->own, at(t, "a/b"), -1)));
    note(t, "others: delete missing below %s", code_name(do_delete(t->own, at(t, "a/n"), -1)));
    note(t, "I: delete below %s", code_name(do_delete(c, at(t, "a/b"), -1)));
    note(t, "others: delete it %s", code_name(do_delete(t->own, at(t, "a"), -1)));
    note(t, "read only: create %s", code_name(do_create_acl(t->own, at(t, "r"), &readable)));
    note(t, "get %s, set %s, create below %s, check %s",
         code_name(do_get(t->own, at(t, "r"), NULL, NULL)),
         code_name(do_set(t->own, at(t, "r"), "", -1, NULL)),
         code_name(do_create(t->own, at(t, "r/a"), "", 0, NULL)),
         code_name(do_check(t->own, at(t, "r"), -1)));
}

void digest_identity(struct test *t)
{
    static struct ACL entries[] = {{0x1f, {"digest", "super:lK75jTNcA+U9vtVEw5vB51mj/w4="}}};
    const struct ACL_vector theirs = {1, entries};
    struct client *right = a_client(t, t->line, STEADY_MS);
    struct client *wrong = a_client(t, t->line, STEADY_MS);

    zoo_add_auth(client_handle(wrong), "digest", "super:other", 11, ignore, NULL);
    zoo_add_auth(client_handle(right), "digest", "super:secret", 12, ignore, NULL);
    note(t, "create: %s", code_name(do_create_acl(t->own, at(t, "a"), &theirs)));
    note(t, "right password: %s", code_name(do_get(right, at(t, "a"), NULL, NULL)));
    note(t, "wrong password: %s", code_name(do_get(wrong, at(t, "a"), NULL, NULL)));
}
