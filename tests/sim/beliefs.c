/* SPDX-License-Identifier: Apache-2.0 */
#include "beliefs.h"

#include "cluster.h"
#include "core/session.h"
#include "run/grant.h"

#include <stdlib.h>
#include <string.h>

#define HOLDS 256
#define PLACES 16
#define ROBBED 8192
#define TEXT 200

/* A hold of the library, from its making to its end. */
struct seen {
    const struct grant *grant;
    struct machine *machine;
    int place;     /* of the newest belief */
    int64_t token; /* likewise */
    enum mode mode;
    const struct rule *rule;
    char node[TEXT];
    bool believes;
    bool robbed; /* its node was taken away by a stranger */
    int64_t robbed_at;
};

struct arena {
    char path[TEXT];
    int64_t newest[MODES]; /* token */
};

/* A node whose deletion is committed. */
struct removal {
    int64_t czxid;
    int64_t at;
    bool robbed;
};

static struct {
    struct seen seen[HOLDS];
    int count;
    struct arena places[PLACES];
    int places_count;
    char robbed_nodes[ROBBED][TEXT];
    int64_t robbed_sessions[ROBBED];
    int nodes, sessions;
    struct removal *removed;
    int removed_count, removed_room;
    int grants;
} all;

/* ---- the library's holds, as they come and go ---- */

void __real_grant_init(struct grant *grant, zkc_sync *sync, struct session *session);
void __wrap_grant_init(struct grant *grant, zkc_sync *sync, struct session *session);
void __real_grant_destroy(struct grant *grant);
void __wrap_grant_destroy(struct grant *grant);

void __wrap_grant_init(struct grant *grant, zkc_sync *sync, struct session *session)
{
    __real_grant_init(grant, sync, session);
    if (all.count == HOLDS) {
        world_fail("the simulator has room for %d holds only", HOLDS);
        return;
    }
    all.seen[all.count++] = (struct seen){.grant = grant, .machine = machine_current()};
}

void __wrap_grant_destroy(struct grant *grant)
{
    for (int i = 0; i < all.count; i++)
        if (all.seen[i].grant == grant)
            all.seen[i--] = all.seen[--all.count];
    __real_grant_destroy(grant);
}

void __real_grant_begin(struct grant *grant, struct ticket *ticket);
void __wrap_grant_begin(struct grant *grant, struct ticket *ticket);

/* A grant whose lease is over already helps nobody. */
void __wrap_grant_begin(struct grant *grant, struct ticket *ticket)
{
    __real_grant_begin(grant, ticket);
    if (machine_clock(machine_current()) >= atomic_load(&grant->session->deadline))
        world_fail("%s is granted what it may not believe in", machine_name(machine_current()));
}

/* ---- belief ---- */

/* As grant_is_valid(), but nobody learns that it was asked. */
static bool believes(const struct seen *seen)
{
    const struct grant *grant = seen->grant;

    return atomic_load(&grant->held) &&
           machine_clock(seen->machine) < atomic_load(&grant->session->deadline) &&
           atomic_load(&grant->granted_deadline) > atomic_load(&grant->session->lapsed);
}

static int place_of(const char *node)
{
    size_t length = (size_t)(strrchr(node, '/') - node);

    for (int i = 0; i < all.places_count; i++)
        if (strlen(all.places[i].path) == length && memcmp(all.places[i].path, node, length) == 0)
            return i;
    if (all.places_count == PLACES || length >= TEXT) {
        world_fail("the simulator has room for %d places only", PLACES);
        return 0;
    }
    memcpy(all.places[all.places_count].path, node, length);
    all.places[all.places_count].path[length] = '\0';
    memset(all.places[all.places_count].newest, 0, sizeof all.places[0].newest);
    return all.places_count++;
}

/* A server that has not heard of it yet may still show the node. */
static const struct removal *removal_of(int64_t czxid)
{
    for (int i = 0; i < all.removed_count; i++)
        if (all.removed[i].czxid == czxid)
            return &all.removed[i];
    return NULL;
}

/* Our names only: "_c_..."; strangers' children need not be contenders. */
static bool is_in_the_way(const struct seen *seen, const struct cluster_node *node)
{
    const char *child = strrchr(node->path, '/') + 1;
    struct name name;

    return node->czxid < seen->token && strncmp(child, "_c_", 3) == 0 && name_parse(child, &name) &&
           seen->rule->conflicts(name.mode, seen->mode) && removal_of(node->czxid) == NULL;
}

static bool has_its_turn(const struct seen *seen)
{
    struct cluster_node nodes[64];
    int count = cluster_children(all.places[seen->place].path, nodes, 64);

    for (int i = 0; i < count && i < 64; i++)
        if (is_in_the_way(seen, &nodes[i]))
            return false;
    return true;
}

/* A token is larger than all before it that it excludes. */
static void in_order(const struct seen *seen)
{
    struct arena *place = &all.places[seen->place];

    for (int mode = 0; mode < MODES; mode++)
        if (seen->token <= place->newest[mode] &&
            seen->rule->conflicts((enum mode)mode, seen->mode))
            world_fail("token %llx of %s is not larger than %llx before it",
                       (unsigned long long)seen->token, place->path,
                       (unsigned long long)place->newest[mode]);
    if (seen->token > place->newest[seen->mode])
        place->newest[seen->mode] = seen->token;
}

static void no_other(const struct seen *seen)
{
    for (int i = 0; i < all.count; i++) {
        const struct seen *other = &all.seen[i];
        if (other != seen && other->believes && !other->robbed && other->place == seen->place &&
            seen->rule->conflicts(other->mode, seen->mode) && believes(other))
            world_fail("%s is granted %s with token %llx while %s still believes in token %llx",
                       machine_name(seen->machine), all.places[seen->place].path,
                       (unsigned long long)seen->token, machine_name(other->machine),
                       (unsigned long long)other->token);
    }
}

static void begins(struct seen *seen)
{
    int64_t token = atomic_load(&seen->grant->token);

    if (token == seen->token && seen->token != 0)
        world_fail("the belief of %s in token %llx came back to life", machine_name(seen->machine),
                   (unsigned long long)token);
    if (seen->grant->ticket == NULL) {
        world_fail("%s holds without a ticket", machine_name(seen->machine));
        return;
    }
    if (ticket_path_size(seen->grant->ticket->place) > sizeof seen->node) {
        world_fail("the simulator has room for %d characters only", TEXT);
        return;
    }
    ticket_write_path(seen->grant->ticket, seen->node);
    seen->place = place_of(seen->node);
    seen->token = token;
    seen->mode = seen->grant->ticket->place->mode;
    seen->rule = seen->grant->ticket->place->rule;
    seen->robbed = false;
    all.grants++;
    story("%s believes in %s, token %llx%s", machine_name(seen->machine),
          all.places[seen->place].path, (unsigned long long)token,
          seen->mode == MODE_SHARED ? ", shared" : "");
    if (removal_of(token) != NULL && removal_of(token)->robbed) {
        /* The listing that shows the node was on its way when a stranger deleted it. */
        seen->robbed = true;
        seen->robbed_at = world_now();
        return;
    }
    in_order(seen);
    if (!has_its_turn(seen))
        world_fail("%s is granted %s with token %llx before its turn", machine_name(seen->machine),
                   all.places[seen->place].path, (unsigned long long)token);
    no_other(seen);
}

/* When the contact was sent that the end of the lease counts from. */
static int64_t proven_at(const struct seen *seen)
{
    const struct session *session = seen->grant->session;
    int64_t left = atomic_load(&session->deadline) - machine_clock(seen->machine);

    return world_now() + left - (session->lease.timeout - session->lease.timeout / 100);
}

/*
 * A holder whose node was taken away hears of it, or a check tells. Who has had answers to what was
 * sent a quarter of the timeout later has had that one, too.
 */
static void robbed_too_long(const struct seen *seen)
{
    int64_t timeout = seen->grant->session->timeout;

    if (proven_at(seen) - seen->robbed_at > timeout / 4 + timeout / 50 ||
        world_now() - seen->robbed_at > 3 * timeout + SIM_SECOND)
        world_fail("%s still believes in token %llx, whose node was taken away long ago",
                   machine_name(seen->machine), (unsigned long long)seen->token);
}

void beliefs_check(void)
{
    for (int i = 0; i < all.count; i++) {
        struct seen *seen = &all.seen[i];
        bool now = believes(seen);
        if (now && (!seen->believes || atomic_load(&seen->grant->token) != seen->token))
            begins(seen);
        else if (!now && seen->believes)
            story("%s believes no more in token %llx", machine_name(seen->machine),
                  (unsigned long long)seen->token);
        else if (now && seen->robbed && !machine_paused(seen->machine))
            robbed_too_long(seen);
        seen->believes = now;
    }
}

/* ---- what the servers take away ---- */

void beliefs_rob_node(const char *path)
{
    if (all.nodes == ROBBED || strlen(path) >= TEXT)
        world_fail("the simulator has room for %d robbed nodes only", ROBBED);
    else
        strcpy(all.robbed_nodes[all.nodes++], path);
}

void beliefs_rob_session(int64_t session)
{
    if (all.sessions == ROBBED)
        world_fail("the simulator has room for %d robbed sessions only", ROBBED);
    else
        all.robbed_sessions[all.sessions++] = session;
}

static bool was_robbed(const char *path, int64_t owner)
{
    for (int i = 0; i < all.nodes; i++)
        if (strcmp(all.robbed_nodes[i], path) == 0)
            return true;
    for (int i = 0; i < all.sessions; i++)
        if (all.robbed_sessions[i] == owner)
            return true;
    return false;
}

static void remember_removal(int64_t czxid, bool robbed)
{
    if (all.removed_count == all.removed_room) {
        all.removed_room = 2 * all.removed_room + 256;
        all.removed = realloc(all.removed, (size_t)all.removed_room * sizeof *all.removed);
    }
    all.removed[all.removed_count++] = (struct removal){czxid, world_now(), robbed};
}

static void removed(const char *path, int64_t czxid, int64_t owner, enum cluster_cause cause)
{
    static const char *const causes[] = {"expired", "was closed", "deleted it"};

    remember_removal(czxid, was_robbed(path, owner));
    for (int i = 0; i < all.count; i++) {
        struct seen *seen = &all.seen[i];
        if (atomic_load(&seen->grant->token) != czxid || !believes(seen) ||
            seen->grant->ticket == NULL || strcmp(seen->node, path) != 0)
            continue;
        seen->robbed = was_robbed(path, owner);
        seen->robbed_at = world_now();
        if (!seen->robbed)
            world_fail("%s still believes in token %llx (%s) when its session %s",
                       machine_name(seen->machine), (unsigned long long)czxid, path, causes[cause]);
    }
}

/* A machine that is killed believes nothing. */
void beliefs_forget(struct machine *machine)
{
    for (int i = 0; i < all.count; i++)
        if (all.seen[i].machine == machine)
            all.seen[i--] = all.seen[--all.count];
}

bool beliefs_some_holder(struct belief *ret_belief)
{
    int start = (int)world_below(all.count > 0 ? all.count : 1);

    for (int i = 0; i < all.count; i++) {
        const struct seen *seen = &all.seen[(start + i) % all.count];
        const struct grant *grant = seen->grant;
        if (!seen->believes || machine_dead(seen->machine) || grant->ticket == NULL)
            continue;
        *ret_belief = (struct belief){.machine = seen->machine,
                                      .session = grant->session->id,
                                      .timeout = grant->session->timeout,
                                      .remaining = atomic_load(&grant->session->deadline) -
                                                   machine_clock(seen->machine),
                                      .node = seen->node};
        return true;
    }
    return false;
}

int64_t beliefs_removed_at(int64_t token)
{
    const struct removal *removal = removal_of(token);

    return removal != NULL ? removal->at : SIM_NEVER;
}

int beliefs_grants(void)
{
    return all.grants;
}

void beliefs_begin(void)
{
    memset(&all, 0, sizeof all);
    cluster_on_removal(removed);
    world_set_check(beliefs_check);
}

void beliefs_end(void)
{
    if (all.count != 0)
        world_fail("%d holds were never destroyed", all.count);
    world_set_check(NULL);
    free(all.removed);
    all.removed = NULL;
}
