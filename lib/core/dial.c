/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dial.h"
#include "base/mem.h"
#include "core/request.h"

#include <string.h>

#define WIDTH 8                /* handles that try at the same time */
#define STAGGER (SECOND / 4)   /* RFC 8305, section 8: Connection Attempt Delay */
#define ROUND (4 * SECOND)     /* every address of a long list is begun by then */
#define AGAIN SECOND           /* a failed one is made anew, and names are looked up */
#define PATIENCE (10 * SECOND) /* with a handshake; more of it lies in longer timeouts anyway */
#define LOOK_FIRST (5 * MILLISECOND)
#define LOOK_MOST (100 * MILLISECOND)

static struct connection *connection_of(struct list *link)
{
    return container_of(link, struct connection, link);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/*
 * A session that is resumed on two servers at once loses the first of them, so the second waits
 * longer for the first: for as long as a handshake takes, and half as long again.
 */
static int64_t stagger(const struct dial *dial)
{
    int64_t share = ROUND / (int64_t)(dial->core->endpoints.count + 1);
    int64_t pause = dial->resuming ? clamp(dial->timeout / 20, SECOND / 10, SECOND) : STAGGER;
    int64_t known = dial->resuming ? clamp(dial->took * 3 / 2, 0, dial->timeout / 5) : 0;

    if (share < pause)
        pause = share;
    return known > pause ? known : pause;
}

/* libzookeeper rests for a sixtieth of the timeout after a failure: that is when it shows. */
static int64_t look_most(const struct dial *dial)
{
    return clamp(dial->timeout / 120, LOOK_FIRST, LOOK_MOST);
}

/* ---- connections ---- */

static void want_owned(struct connection *connection, bool owned)
{
    bool *wanted = owned ? &connection->own_wanted : &connection->disown_wanted;
    bool *undone = owned ? &connection->disown_wanted : &connection->own_wanted;

    *wanted = !*undone;
    *undone = false;
    connection->disowned = !owned;
    connection->dial->wishes(connection->dial);
}

static bool has_rivals(const struct dial *dial)
{
    for (struct list *link = dial->connections.next; link != &dial->connections; link = link->next)
        if (connection_of(link) != dial->current && !connection_of(link)->close_wanted)
            return true;
    return false;
}

static void guard_current(struct dial *dial)
{
    struct connection *current = dial->current;
    bool guarded = has_rivals(dial);

    if (current == NULL || current->state != CONNECTION_UP || current->disowned == guarded)
        return;
    want_owned(current, !guarded);
}

static struct connection *connection_new(struct dial *dial, const char *address, bool patient)
{
    size_t size = strlen(address) + 1;
    struct connection *connection = mem_zalloc(sizeof *connection + size);

    if (connection == NULL)
        return NULL;
    connection->fence = request_new();
    if (connection->fence == NULL) {
        mem_free(connection);
        return NULL;
    }
    list_init(&connection->link);
    list_append(&dial->connections, &connection->link);
    connection->dial = dial;
    connection->began = dial->core->now;
    connection->patient = patient;
    memcpy(connection->address, address, size);
    dial->wishes(dial);
    guard_current(dial);
    return connection;
}

static void connection_free(struct connection *connection)
{
    if (connection->dial->current == connection)
        connection->dial->current = NULL;
    list_remove(&connection->link);
    guard_current(connection->dial);
    if (connection->fence != NULL)
        request_free(connection->fence);
    mem_free(connection);
}

/* One that stays keeps its address from being tried again at once. */
void connection_closed(struct connection *connection)
{
    connection->handle = NULL;
    connection->close_wanted = false;
    if (!connection->stays)
        connection_free(connection);
    else
        connection->stays = false;
}

static void close_connection(struct connection *connection)
{
    connection->close_wanted = true;
    connection->dial->wishes(connection->dial);
}

/*
 * A handshake that is under way may bring the session yet, and is of use as long as its handle
 * knows the session. Without a handle no server was told of it.
 */
static void abandon(struct connection *connection)
{
    enum connection_state before = connection->state;

    if (before == CONNECTION_ABANDONED)
        return;
    if (connection->handle == NULL) {
        close_connection(connection);
        return;
    }
    connection->state = CONNECTION_ABANDONED;
    connection->failed_at = connection->dial->core->now;
    if (before != CONNECTION_TRYING && !connection->disowned)
        want_owned(connection, false);
}

static void lose(struct connection *connection)
{
    if (connection->dial->resuming)
        abandon(connection);
    else
        close_connection(connection);
}

struct request *connection_take_fence(struct connection *connection)
{
    struct request *fence = connection->fence;

    connection->fence = NULL;
    return fence != NULL ? fence : request_new();
}

/* ---- which is next ---- */

static bool finished(const struct connection *connection, int64_t now)
{
    return connection->state == CONNECTION_FAILED && now - connection->failed_at >= AGAIN;
}

/* The one that has the address; NULL: none. */
static struct connection *find(const struct dial *dial, const char *address, bool patient)
{
    for (struct list *link = dial->connections.next; link != &dial->connections; link = link->next)
        if (!connection_of(link)->close_wanted && connection_of(link)->patient == patient &&
            strcmp(connection_of(link)->address, address) == 0)
            return connection_of(link);
    return NULL;
}

static const char *next_address(struct dial *dial)
{
    const struct endpoints *endpoints = &dial->core->endpoints;

    for (size_t i = 0; i < endpoints->count; i++) {
        const char *address = endpoints->at[dial->turn++ % endpoints->count];
        const struct connection *there = find(dial, address, false);
        if (there == NULL || finished(there, dial->core->now))
            return address;
    }
    return NULL;
}

static size_t trying(const struct dial *dial, struct connection **ret_oldest)
{
    size_t count = 0;

    *ret_oldest = NULL;
    for (struct list *link = dial->connections.next; link != &dial->connections;
         link = link->next) {
        struct connection *connection = connection_of(link);
        if (connection->close_wanted || connection->state == CONNECTION_ABANDONED ||
            connection == dial->current)
            continue;
        if (count++ == 0)
            *ret_oldest = connection;
    }
    return count;
}

/* A long list is gone through even where nothing answers. */
static void make_room(struct dial *dial, const char *address)
{
    struct connection *there = find(dial, address, false), *oldest;

    if (there != NULL)
        lose(there);
    if (trying(dial, &oldest) >= WIDTH)
        lose(oldest);
}

static bool try_next(struct dial *dial)
{
    const char *address = next_address(dial);

    if (address == NULL)
        return false;
    make_room(dial, address);
    dial->next_try = dial->core->now + stagger(dial);
    dial->look_pause = LOOK_FIRST;
    dial->look_at = dial->core->now + LOOK_FIRST;
    return connection_new(dial, address, false) != NULL;
}

/* ---- what is due ---- */

static bool has_abandoned(const struct dial *dial)
{
    for (struct list *link = dial->connections.next; link != &dial->connections; link = link->next)
        if (connection_of(link)->state == CONNECTION_ABANDONED)
            return true;
    return false;
}

static void ask_names(struct dial *dial)
{
    dial->names_at = dial->core->now + AGAIN;
    dial->names_wanted = true;
    dial->wishes(dial);
}

static void look(struct dial *dial)
{
    dial->look_pause = clamp(2 * dial->look_pause, LOOK_FIRST, look_most(dial));
    dial->look_at = dial->core->now + dial->look_pause;
    dial->look_wanted = true;
    dial->wishes(dial);
}

static void set_timer(struct dial *dial)
{
    int64_t at = dial->look_at;

    if (!dial->dialing && !has_abandoned(dial)) {
        timer_clear(dial->core, &dial->timer);
        return;
    }
    if (dial->dialing && dial->next_try > dial->core->now && dial->next_try < at)
        at = dial->next_try;
    if (dial->dialing && dial->names_at < at)
        at = dial->names_at;
    timer_set(dial->core, &dial->timer, at);
}

static void step(struct dial *dial)
{
    while (dial->dialing && dial->core->now >= dial->next_try && try_next(dial))
        ;
    set_timer(dial);
}

static void due(struct timer *timer)
{
    struct dial *dial = container_of(timer, struct dial, timer);

    if (dial->core->now >= dial->look_at)
        look(dial);
    if (dial->dialing && dial->core->now >= dial->names_at)
        ask_names(dial);
    step(dial);
}

/* ---- what the session says ---- */

void dial_init(struct dial *dial, struct core *core, void (*wishes)(struct dial *dial))
{
    memset(dial, 0, sizeof *dial);
    dial->core = core;
    dial->wishes = wishes;
    list_init(&dial->connections);
    timer_init(&dial->timer, due);
    dial->turn = (size_t)core_random_below(core, NODES_MAX);
}

/* libzookeeper tries the address that it had once more at once, or a rival has taken the session
 * over; nobody else must go first. */
static bool tries_again(const struct dial *dial)
{
    return dial->current != NULL && dial->current->state != CONNECTION_UP;
}

void dial_begin(struct dial *dial, bool resuming, int64_t timeout)
{
    int64_t now = dial->core->now;

    if (dial->dialing && dial->resuming == resuming)
        return;
    dial->dialing = true;
    dial->resuming = resuming;
    dial->timeout = timeout;
    dial->next_try = tries_again(dial) ? now + stagger(dial) : now;
    dial->look_pause = LOOK_FIRST;
    dial->look_at = now + LOOK_FIRST;
    ask_names(dial);
    set_timer(dial); /* the host answers about names first */
}

static void drop_others(struct dial *dial, const struct connection *kept)
{
    for (struct list *link = dial->connections.next; link != &dial->connections; link = link->next)
        if (connection_of(link) != kept && !connection_of(link)->close_wanted)
            lose(connection_of(link));
}

void dial_end(struct dial *dial)
{
    if (!dial->dialing)
        return;
    dial->dialing = false;
    drop_others(dial, dial->current);
    dial->look_pause = LOOK_FIRST;
    dial->look_at = dial->core->now + LOOK_FIRST;
    set_timer(dial);
}

void dial_up(struct dial *dial, struct connection *connection)
{
    if (connection->disowned)
        want_owned(connection, true);
    else if (connection->state == CONNECTION_TRYING && !connection->retries)
        dial->took = dial->core->now - connection->began;
    connection->state = CONNECTION_UP;
    connection->retries = false;
    dial->current = connection;
    dial->dialing = true; /* one that comes unasked wins, too */
    dial_end(dial);
    dial->resuming = true;
    guard_current(dial);
}

/* A handle that tries again by itself, and fails again, has failed since the first time. */
void dial_failed(struct dial *dial, struct connection *connection)
{
    if (connection->state == CONNECTION_ABANDONED || connection->state == CONNECTION_FAILED)
        return;
    if (connection->disowned) {
        abandon(connection); /* it cannot come back */
        return;
    }
    if (!connection->retries)
        connection->failed_at = dial->core->now;
    connection->state = CONNECTION_FAILED;
}

void dial_refuse(struct dial *dial, struct connection *connection)
{
    if (connection->state != CONNECTION_ABANDONED) {
        dial_failed(dial, connection);
        connection->stays = true;
    }
    close_connection(connection);
}

void dial_close_all(struct dial *dial)
{
    struct list *link;

    for (link = dial->connections.next; link != &dial->connections; link = link->next) {
        connection_of(link)->stays = false;
        close_connection(connection_of(link));
    }
    dial->dialing = false;
    dial->current = NULL;
    timer_clear(dial->core, &dial->timer);
}

bool dial_tries(const struct dial *dial)
{
    for (struct list *link = dial->connections.next; link != &dial->connections; link = link->next)
        if (connection_of(link)->handle != NULL && !connection_of(link)->close_wanted)
            return true;
    return false;
}

void dial_names_changed(struct dial *dial)
{
    if (dial->dialing)
        step(dial);
}

/* ---- what the host says ---- */

void connection_opened(struct connection *connection, void *handle)
{
    connection->handle = handle;
    connection->state = CONNECTION_TRYING;
}

void connection_open_failed(struct connection *connection)
{
    dial_failed(connection->dial, connection);
}

/* That it is down comes next. */
void connection_not_owned(struct connection *connection)
{
    connection->disowned = true;
}

/* The next address need not wait for one that is known to have failed. */
static void seen_to_fail(struct connection *connection)
{
    struct dial *dial = connection->dial;

    if (connection->state == CONNECTION_TRYING)
        dial_failed(dial, connection);
    if (!dial->dialing || connection->link.next != &dial->connections)
        return;
    dial->next_try = dial->core->now;
    step(dial);
}

/* One that answers as servers do at other times is asked once. */
static bool calls_for_patience(const struct connection *connection)
{
    const struct dial *dial = connection->dial;
    int64_t asked = dial->core->now - connection->began;

    return dial->dialing && !dial->resuming && !connection->patient &&
           dial->timeout * 2 / 3 < PATIENCE && asked >= clamp(dial->timeout / 2, 0, SECOND) &&
           find(dial, connection->address, true) == NULL;
}

static void asking(struct connection *connection)
{
    struct connection *oldest;

    if (calls_for_patience(connection) && trying(connection->dial, &oldest) < WIDTH)
        connection_new(connection->dial, connection->address, true);
}

int64_t connection_timeout(const struct connection *connection)
{
    return connection->patient ? PATIENCE * 3 / 2 : connection->dial->timeout;
}

/* The dial waits for the handshake that it has begun, not for one that it would begin next. */
static void abandoned_seen(struct connection *connection, enum sight sight)
{
    const struct dial *dial = connection->dial;
    bool between = sight == SIGHT_UNBEGUN || sight == SIGHT_BETWEEN;

    if (connection->disowned && between)
        close_connection(connection);
    else if (!connection->disowned &&
             (between || dial->core->now - connection->failed_at >= dial->timeout / 5))
        want_owned(connection, false);
}

void connection_seen(struct connection *connection, enum sight sight)
{
    if (connection->close_wanted || connection->disown_wanted)
        return;
    if (connection->state == CONNECTION_ABANDONED) {
        abandoned_seen(connection, sight);
    } else if (sight == SIGHT_BETWEEN && connection->state != CONNECTION_UP) {
        seen_to_fail(connection);
    } else if ((sight == SIGHT_TRYING || sight == SIGHT_ASKING) &&
               connection->state == CONNECTION_FAILED) {
        connection->state = CONNECTION_TRYING;
        connection->retries = true;
    } else if (sight == SIGHT_ASKING && connection->state == CONNECTION_TRYING) {
        asking(connection);
    }
}
