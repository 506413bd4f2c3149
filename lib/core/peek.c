/* SPDX-License-Identifier: Apache-2.0 */
#include "core/peek.h"
#include "base/mem.h"
#include "core/answer.h"
#include "core/path.h"

#include <zkcoord/zkcoord.h>

#include <stdlib.h>
#include <string.h>

static void read_list(struct peek *peek, bool armed);

static void free_seats(struct seat *seats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        session_cancel(&seats[i].request);
        mem_free(seats[i].path);
        mem_free(seats[i].data);
    }
    mem_free(seats);
}

static void drop_seats(struct peek *peek)
{
    free_seats(peek->seats, peek->count);
    peek->seats = NULL;
    peek->count = peek->pending = 0;
}

static void unwatch_node(struct peek *peek)
{
    bool armed = watcher_active(&peek->node_watcher);

    watcher_remove(&peek->session->watches, &peek->node_watcher);
    if (armed)
        session_unwatch(peek->session, peek->watched);
    mem_free(peek->watched);
    peek->watched = NULL;
}

static void unwatch_parent(struct peek *peek)
{
    bool armed = watcher_active(&peek->parent_watcher);

    watcher_remove(&peek->session->watches, &peek->parent_watcher);
    if (armed)
        session_unwatch(peek->session, peek->parent);
}

void peek_stop(struct peek *peek)
{
    if (peek->stopped)
        return;
    peek->stopped = true;
    session_cancel(&peek->list);
    drop_seats(peek);
    unwatch_node(peek);
    unwatch_parent(peek);
    list_remove(&peek->listener.link);
    timer_clear(peek->session->core, &peek->retry);
}

static bool passing(enum answer answer)
{
    return answer_try_again(answer) || answer == ANSWER_EXPIRED;
}

/* The owner may free a peek that is over, so nothing of it is touched afterwards. */
static void report_once(struct peek *peek, int result)
{
    struct seat *seats = peek->seats;
    size_t count = peek->count;

    peek->seats = NULL;
    peek->count = 0;
    peek_stop(peek);
    (void)peek->result(peek->owner, result, seats, count);
    free_seats(seats, count);
}

/* Servers that have mended CVE-2024-23944 send no events of nodes that we may not read. */
static void look_again_later(struct peek *peek)
{
    struct core *core = peek->session->core;
    int64_t pause = peek->session->timeout / 5;

    timer_set(core, &peek->retry, core->now + (pause > SECOND ? pause : SECOND));
}

/* Who follows gets through a bad time; who asked once gets the error. */
static void report(struct peek *peek, int result)
{
    struct core *core = peek->session->core;

    if (!peek->following) {
        report_once(peek, result);
    } else if (result != ZKC_OK ||
               peek->result(peek->owner, ZKC_OK, peek->seats, peek->count) != 0) {
        drop_seats(peek);
        timer_set(core, &peek->retry, core->now + SECOND);
    } else {
        drop_seats(peek);
        if (peek->dirty)
            read_list(peek, false);
        else if (peek->blind)
            look_again_later(peek);
    }
}

/* ---- the nodes ---- */

static int by_age(const void *left, const void *right)
{
    const struct seat *a = left, *b = right;

    if (a->stat.czxid != b->stat.czxid)
        return a->stat.czxid < b->stat.czxid ? -1 : 1;
    return a->position < b->position ? -1 : 1;
}

static void forget_gone(struct peek *peek)
{
    size_t kept = 0;

    for (size_t i = 0; i < peek->count; i++) {
        if (peek->seats[i].gone) {
            mem_free(peek->seats[i].path);
            mem_free(peek->seats[i].data);
        } else {
            peek->seats[kept++] = peek->seats[i];
        }
    }
    peek->count = kept;
}

static void confirmed(void *owner, struct request *request, const struct reply *reply)
{
    struct peek *peek = owner;
    bool same = reply->answer == ANSWER_OK && reply->stat->mzxid == peek->seats[0].stat.mzxid;

    (void)request;
    peek->list = NULL;
    if (reply->answer != ANSWER_OK)
        watcher_remove(&peek->session->watches, &peek->node_watcher);
    if (same)
        report(peek, ZKC_OK);
    else if (reply->answer == ANSWER_OK || reply->answer == ANSWER_NO_NODE ||
             passing(reply->answer))
        read_list(peek, false);
    else
        report(peek, answer_error(reply->answer));
}

static bool watches_the_first(const struct peek *peek)
{
    return !peek->following || peek->count == 0 ||
           (peek->watched != NULL && strcmp(peek->watched, peek->seats[0].path) == 0);
}

/* Sorted by age, another one than the names made believe is the first: watch that one. */
static void watch_the_first(struct peek *peek)
{
    unwatch_node(peek);
    peek->watched = mem_strdup(peek->seats[0].path);
    if (peek->watched != NULL)
        peek->list = session_ask_watch(peek->session, VERB_GET, peek->watched, confirmed, peek);
    if (peek->list == NULL)
        report(peek, ZKC_ENOMEM);
    else
        watcher_add(&peek->session->watches, &peek->node_watcher, peek->watched);
}

static void seats_read(struct peek *peek)
{
    bool vanished;

    if (peek->error == ZKC_ECANCELED) { /* the connection was lost meanwhile */
        read_list(peek, false);
        return;
    }
    if (peek->error != ZKC_OK) {
        report(peek, peek->error);
        return;
    }
    vanished = peek->count > 0 && peek->seats[0].gone;
    forget_gone(peek);
    if (peek->first_only && vanished) {
        read_list(peek, false);
        return;
    }
    if (peek->ambiguous && peek->count > 1)
        qsort(peek->seats, peek->count, sizeof *peek->seats, by_age);
    if (watches_the_first(peek))
        report(peek, ZKC_OK);
    else
        watch_the_first(peek);
}

static int take_data(struct seat *seat, const struct reply *reply)
{
    seat->data = mem_alloc(reply->length + 1);
    if (seat->data == NULL)
        return ZKC_ENOMEM;
    if (reply->length > 0)
        memcpy(seat->data, reply->data, reply->length);
    ((char *)seat->data)[reply->length] = '\0';
    seat->length = reply->length;
    if (reply->stat != NULL)
        seat->stat = *reply->stat;
    return ZKC_OK;
}

static void seat_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct seat *seat = owner;
    struct peek *peek = seat->peek;
    int error = ZKC_OK;

    seat->request = NULL;
    if (reply->answer != ANSWER_OK && request->watch)
        watcher_remove(&peek->session->watches, &peek->node_watcher);
    if (reply->answer == ANSWER_OK) {
        error = take_data(seat, reply);
    } else if (reply->answer == ANSWER_NO_NODE) {
        seat->gone = true;
    } else if (reply->answer == ANSWER_NO_AUTH && request->verb == VERB_GET) {
        /* Forbidden content: the stat is free to all. */
        peek->blind = true;
        seat->request = session_ask(peek->session, VERB_EXISTS, seat->path, seat_answered, seat);
        if (seat->request != NULL)
            return;
        error = ZKC_ENOMEM;
    } else {
        error = passing(reply->answer) ? ZKC_ECANCELED : answer_error(reply->answer);
    }
    if (error != ZKC_OK)
        peek->error = error;
    if (--peek->pending == 0)
        seats_read(peek);
}

static struct request *ask_first(struct peek *peek, struct seat *seat)
{
    struct request *request;

    unwatch_node(peek);
    peek->watched = mem_strdup(seat->path);
    if (peek->watched == NULL)
        return NULL;
    request = session_ask_watch(peek->session, VERB_GET, seat->path, seat_answered, seat);
    if (request != NULL)
        watcher_add(&peek->session->watches, &peek->node_watcher, peek->watched);
    return request;
}

static int ask_seat(struct peek *peek, const struct roster *roster, size_t index)
{
    struct seat *seat = &peek->seats[index];

    seat->peek = peek;
    seat->position = index;
    seat->path = path_child(peek->parent, roster->at[index].name);
    if (seat->path == NULL)
        return -1;
    if (index == 0 && peek->following)
        seat->request = ask_first(peek, seat);
    else
        seat->request = session_ask(peek->session, VERB_GET, seat->path, seat_answered, seat);
    return seat->request == NULL ? -1 : 0;
}

static void read_seats(struct peek *peek, const struct roster *roster)
{
    size_t count = peek->first_only && !roster->ambiguous ? 1 : roster->count;

    peek->error = ZKC_OK;
    peek->ambiguous = roster->ambiguous;
    peek->seats = mem_zalloc(count * sizeof *peek->seats);
    if (peek->seats == NULL) {
        report(peek, ZKC_ENOMEM);
        return;
    }
    peek->count = count;
    peek->pending = count;
    for (size_t i = 0; i < count; i++) {
        if (ask_seat(peek, roster, i) != 0) {
            drop_seats(peek);
            report(peek, ZKC_ENOMEM);
            return;
        }
    }
}

/* ---- the directory ---- */

/* Nobody there: a listing without a watch is read again with one, and only then believed. */
static void nobody(struct peek *peek, bool armed)
{
    if (!peek->following || armed) {
        unwatch_node(peek);
        report(peek, ZKC_OK);
    } else {
        read_list(peek, true);
    }
}

static void no_directory(struct peek *peek);

static void listed(void *owner, struct request *request, const struct reply *reply)
{
    struct peek *peek = owner;
    struct roster roster;
    bool armed = request->watch;

    peek->list = NULL;
    if (armed && reply->answer != ANSWER_OK)
        watcher_remove(&peek->session->watches, &peek->parent_watcher);
    if (passing(reply->answer)) {
        read_list(peek, armed);
        return;
    }
    if (reply->answer == ANSWER_NO_NODE) {
        no_directory(peek);
        return;
    }
    if (reply->answer != ANSWER_OK) {
        report(peek, answer_error(reply->answer));
        return;
    }
    if (roster_build(&roster, reply->names, reply->count) != 0)
        report(peek, ZKC_ENOMEM);
    else if (roster.count == 0)
        nobody(peek, armed);
    else
        read_seats(peek, &roster);
    roster_clear(&roster);
}

static void directory_checked(void *owner, struct request *request, const struct reply *reply)
{
    struct peek *peek = owner;

    (void)request;
    peek->list = NULL;
    if (reply->answer == ANSWER_NO_NODE) {
        unwatch_node(peek);
        report(peek, ZKC_OK); /* the watch for its creation is set */
        return;
    }
    /* It exists by now; the same watch tells of its deletion only, so it is no use. */
    unwatch_parent(peek);
    read_list(peek, false);
}

static void watch_parent(struct peek *peek)
{
    if (!watcher_active(&peek->parent_watcher))
        watcher_add(&peek->session->watches, &peek->parent_watcher, peek->parent);
}

static void no_directory(struct peek *peek)
{
    if (!peek->following) {
        report(peek, ZKC_OK);
        return;
    }
    peek->list =
        session_ask_watch(peek->session, VERB_EXISTS, peek->parent, directory_checked, peek);
    if (peek->list == NULL)
        report(peek, ZKC_ENOMEM);
    else
        watch_parent(peek);
}

static void read_list(struct peek *peek, bool armed)
{
    struct session *session = peek->session;

    peek->dirty = false;
    peek->blind = false;
    timer_clear(session->core, &peek->retry);
    session_cancel(&peek->list);
    drop_seats(peek);
    if (!armed)
        unwatch_parent(peek);
    peek->list = armed ? session_ask_watch(session, VERB_CHILDREN, peek->parent, listed, peek)
                       : session_ask(session, VERB_CHILDREN, peek->parent, listed, peek);
    if (peek->list == NULL)
        report(peek, ZKC_ENOMEM);
    else if (armed)
        watch_parent(peek);
}

/* ---- events ---- */

static void reread(struct peek *peek)
{
    if (peek->list != NULL || peek->pending > 0)
        peek->dirty = true;
    else
        read_list(peek, false);
}

static void node_fired(struct watcher *watcher, enum watch_event event)
{
    (void)event;
    reread(container_of(watcher, struct peek, node_watcher));
}

static void parent_fired(struct watcher *watcher, enum watch_event event)
{
    struct peek *peek = container_of(watcher, struct peek, parent_watcher);

    (void)event;
    reread(peek);
}

/* After a reconnection, too: a server tells what was missed by the parent's pzxid, which stands
 * still where the sequence numbers are at their end. */
static bool must_look(const struct peek *peek, enum session_event event)
{
    if (event == SESSION_CONNECTED)
        return peek->following && peek->list == NULL && peek->pending == 0;
    return event == SESSION_LOST && peek->session->state != SESSION_STOPPED;
}

static void session_event(struct listener *listener, enum session_event event)
{
    struct peek *peek = container_of(listener, struct peek, listener);

    if (must_look(peek, event)) {
        read_list(peek, false);
    } else if (event == SESSION_AUTH_REFUSED && !peek->following) {
        session_cancel(&peek->list);
        drop_seats(peek);
        report(peek, answer_error(peek->session->refusal));
    } else if (event == SESSION_AUTH_REFUSED) {
        session_cancel(&peek->list);
        drop_seats(peek);
        timer_set(peek->session->core, &peek->retry, peek->session->core->now + 10 * SECOND);
    }
}

static const struct listener_ops listener_ops = {.event = session_event};

static void retry_due(struct timer *timer)
{
    read_list(container_of(timer, struct peek, retry), false);
}

void peek_start(struct peek *peek, struct session *session, const char *parent, bool first_only,
                bool following, peek_fn result, void *owner)
{
    memset(peek, 0, sizeof *peek);
    peek->session = session;
    peek->parent = parent;
    peek->first_only = first_only;
    peek->following = following;
    peek->result = result;
    peek->owner = owner;
    watcher_init(&peek->node_watcher, node_fired);
    watcher_init(&peek->parent_watcher, parent_fired);
    listener_init(&peek->listener, &listener_ops);
    timer_init(&peek->retry, retry_due);
    session_listen(session, &peek->listener);
    read_list(peek, false);
}
