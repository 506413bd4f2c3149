/*
 * Getting a node of our own into the directory, also when the reply to its creation is lost.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/ticket_parts.h"

#include <zkcoord/zkcoord.h>

#include <string.h>

/* A container can be reaped between its creation and ours, but hardly this often in a row. */
#define ROUNDS_MAX 8

static void created(void *owner, struct request *request, const struct reply *reply);
static void search(struct ticket *ticket);

/* There may be a node of ours: the wish has failed, the search goes on while the session lives. */
static void give_up_later(struct ticket *ticket, int error)
{
    struct core *core = ticket->session->core;

    if (!ticket->leaving)
        ticket_tell(ticket, TICKET_FAILED, error);
    ticket->leaving = true;
    timer_set(core, &ticket->timer, core->now + SECOND);
}

static void adopted(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->arm = NULL;
    if (answer_try_again(reply->answer)) {
        ticket_recover(ticket);
        return;
    }
    if (reply->answer != ANSWER_OK && reply->answer != ANSWER_NO_NODE) {
        give_up_later(ticket, answer_error(reply->answer));
        return;
    }
    if (reply->answer == ANSWER_NO_NODE || reply->stat->owner != ticket->session->id) {
        search(ticket); /* somebody copied our prefix, and ours may come behind it */
        return;
    }
    ticket->exists = true;
    ticket->token = reply->stat->czxid;
    ticket->phase = TICKET_LISTING;
    if (ticket->leaving) {
        ticket->leaving = false;
        ticket_leave(ticket);
    } else {
        ticket_list_again(ticket);
    }
}

/* The uuid is in no listing; what could still make it one is left to the session's strays. */
static void not_created(struct ticket *ticket)
{
    ticket->phase = TICKET_LISTING;
    if (ticket->leaving) {
        ticket->leaving = false;
        ticket_leave(ticket);
    } else {
        ticket_enter(ticket);
    }
}

void ticket_adopt(struct ticket *ticket)
{
    ticket->phase = TICKET_ADOPTING;
    ticket->bid->arm =
        session_ask(ticket->session, VERB_EXISTS, ticket->bid->path, adopted, ticket);
    if (ticket->bid->arm == NULL)
        timer_set(ticket->session->core, &ticket->timer, ticket->session->core->now + SECOND);
}

/* The least one that comes after what was looked at already; NULL if there is none. */
static const char *next_that_may_be_ours(const struct ticket *ticket, const struct reply *reply)
{
    const char *next = NULL;

    for (size_t i = 0; i < reply->count; i++)
        if (ticket_may_be_ours(ticket, reply->names[i]) &&
            strcmp(reply->names[i], ticket_own_name(ticket)) > 0 &&
            (next == NULL || strcmp(reply->names[i], next) < 0))
            next = reply->names[i];
    return next;
}

static void recover_later(struct ticket *ticket)
{
    struct core *core = ticket->session->core;

    timer_set(core, &ticket->timer, core->now + SECOND);
}

static void searched(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;
    const char *found;

    (void)request;
    ticket->bid->search = NULL;
    if (answer_try_again(reply->answer)) {
        ticket_recover(ticket);
        return;
    }
    if (reply->answer != ANSWER_OK && reply->answer != ANSWER_NO_NODE) {
        give_up_later(ticket, answer_error(reply->answer));
        return;
    }
    found = next_that_may_be_ours(ticket, reply);
    if (found != NULL && ticket_set_name(ticket, found)) {
        ticket_adopt(ticket);
        return;
    }
    if (strays_add(&ticket->session->strays, ticket->place, ticket->random) == 0)
        not_created(ticket);
    else
        recover_later(ticket);
}

static void fence_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    (void)request;
    ticket->bid->check = NULL;
    if (ticket->phase != TICKET_RECOVERING)
        return;
    /* The list that follows proves nothing if the fence before it did not get through. */
    if (answer_try_again(reply->answer)) {
        ticket_recover(ticket);
    } else if (reply->answer == ANSWER_NO_MEMORY) {
        session_cancel(&ticket->bid->search);
        recover_later(ticket);
    }
}

/*
 * Was the node created? A quorum write, then a listing, in one flush: whatever the old connection
 * had handed to the leader is ordered before the write, whatever it had not is refused since the
 * session has moved.
 */
static void search(struct ticket *ticket)
{
    struct session *session = ticket->session;

    ticket_cancel_requests(ticket);
    timer_clear(session->core, &ticket->timer); /* whoever waited for it has what it waited for */
    ticket->phase = TICKET_RECOVERING;
    ticket->bid->check = session_ask(session, VERB_CHECK, "/", fence_answered, ticket);
    if (ticket->bid->check != NULL)
        ticket->bid->search =
            session_ask(session, VERB_CHILDREN, ticket->place->parent, searched, ticket);
    if (ticket->bid->search == NULL) {
        session_cancel(&ticket->bid->check);
        recover_later(ticket);
    }
}

void ticket_recover(struct ticket *ticket)
{
    ticket->bid->path[ticket->bid->prefix_length] = '\0';
    search(ticket);
}

static void ancestors_done(void *owner, enum answer answer)
{
    struct ticket *ticket = owner;

    ticket->bid->ancestors = NULL;
    if (answer_try_again(answer))
        ticket->bid->rounds--; /* no fault of the directory */
    if (answer == ANSWER_OK || answer_try_again(answer) || answer == ANSWER_NO_NODE)
        ticket_enter(ticket);
    else
        ticket_fail(ticket, answer_error(answer));
}

static void create_ancestors(struct ticket *ticket)
{
    shared_list_cancel(&ticket->bid->list);
    if (++ticket->bid->rounds > ROUNDS_MAX) {
        ticket_fail(ticket, ZKC_ESERVER);
        return;
    }
    ticket->phase = TICKET_ANCESTORS;
    ticket->bid->ancestors =
        ancestors_create(ticket->session, ticket->place->parent, ancestors_done, ticket);
    if (ticket->bid->ancestors == NULL)
        ticket_fail(ticket, ZKC_ENOMEM);
}

static void created_ok(struct ticket *ticket, const struct reply *reply)
{
    const char *name = strrchr(reply->path, '/');

    if (name == NULL || !ticket_set_name(ticket, name + 1)) {
        ticket_fail(ticket, ZKC_ESERVER);
        return;
    }
    ticket->exists = true;
    ticket->bid->rounds = 0;
    ticket->token = reply->stat->czxid;
    if (ticket->leaving) {
        ticket->leaving = false;
        ticket_leave(ticket);
    }
}

static void created(void *owner, struct request *request, const struct reply *reply)
{
    struct ticket *ticket = owner;

    if (!request_keep(request))
        ticket->life = NULL;
    if (reply->answer == ANSWER_OK) {
        created_ok(ticket, reply);
    } else if (reply->answer == ANSWER_LOST) {
        ticket_recover(ticket);
    } else if (ticket->leaving) {
        not_created(ticket);
    } else if (reply->answer == ANSWER_REFUSED || reply->answer == ANSWER_NODE_EXISTS) {
        shared_list_cancel(&ticket->bid->list);
        ticket_enter(ticket);
    } else if (reply->answer == ANSWER_NO_NODE) {
        create_ancestors(ticket);
    } else {
        ticket_fail(ticket, answer_error(reply->answer));
    }
}

static void send_create(struct ticket *ticket)
{
    struct request *request = ticket->life;

    request->verb = VERB_CREATE_CONTENDER;
    request->watch = false;
    request->path = ticket->bid->path;
    request->data = ticket->place->data;
    request->length = ticket->place->length;
    request->answered = created;
    request->owner = ticket;
    session_submit(ticket->session, request);
}

/* A new uuid for every create, so that no node of an earlier attempt is ever mistaken for this one.
 */
void ticket_enter(struct ticket *ticket)
{
    ticket->exists = false;
    ticket->bid->next_in_line = false;
    ticket->asked = false;
    ticket->phase = TICKET_JOINING;
    ticket_end_own_watch(ticket);
    if (ticket->life == NULL)
        ticket->life = request_new();
    if (ticket->life == NULL) {
        ticket_fail(ticket, ZKC_ENOMEM);
        return;
    }
    ticket_new_name(ticket);
    send_create(ticket);
    ticket_ask_list(ticket);
}
