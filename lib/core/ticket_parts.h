/*
 * What the files of the ticket ask of each other. Nobody else includes this.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_TICKET_PARTS_H
#define ZKC_CORE_TICKET_PARTS_H

#include "core/answer.h"
#include "core/roster.h"
#include "core/ticket.h"

/* ticket.c */
void ticket_tell(struct ticket *ticket, enum ticket_event event, int detail);
void ticket_fail(struct ticket *ticket, int error);
void ticket_cancel_requests(struct ticket *ticket);
void ticket_end_bid(struct ticket *ticket);
void ticket_session_event(struct listener *listener, enum session_event event);
void ticket_timer_due(struct timer *timer);
void ticket_stop(struct ticket *ticket); /* no request, watch, beat or timer is left */

/* ticket_name.c */
void ticket_new_name(struct ticket *ticket);
bool ticket_may_be_ours(const struct ticket *ticket, const char *name);
bool ticket_set_name(struct ticket *ticket, const char *name);    /* false: not one of ours */
const char *ticket_own_name(const struct ticket *ticket);         /* while it has a bid */
bool ticket_is_at(const struct ticket *ticket, const char *path); /* of a node of ours */
struct request *ticket_own_request(const struct ticket *ticket);  /* has the path of our node */

/* ticket_join.c */
void ticket_enter(struct ticket *ticket); /* creates a node and lists, with a new uuid */
void ticket_recover(struct ticket *ticket);
void ticket_adopt(struct ticket *ticket);

/* ticket_queue.c */
void ticket_ask_list(struct ticket *ticket);
void ticket_listed(struct list_waiter *list_waiter, enum answer answer,
                   const struct roster *roster);
void ticket_list_again(struct ticket *ticket);
void ticket_watch_predecessor(struct ticket *ticket); /* again, for want of a watch */
void ticket_predecessor_fired(struct watcher *watcher, enum watch_event event);
void ticket_become_next(struct ticket *ticket); /* nobody but the predecessor is in our way */
void ticket_tell_next(struct ticket *ticket);   /* that it is so, for this one has been granted */

/* Whether nobody in our way may take the place of this node when it goes: see name.h. */
bool ticket_clears_the_way(const struct ticket *ticket, const char *path);

/* ticket_lookahead.c */
void ticket_watch_lookahead(struct ticket *ticket, const struct roster *roster, size_t me,
                            size_t lookahead);
void ticket_forget_lookahead(struct ticket *ticket);
void ticket_looked(struct list_waiter *list_waiter, enum answer answer,
                   const struct roster *roster);
void ticket_lookahead_fired(struct watcher *watcher, enum watch_event event);

/* ticket_grant.c */
extern const struct listener_ops ticket_listener_ops;
void ticket_first(struct ticket *ticket);             /* it is our turn */
bool ticket_holds_alone(const struct ticket *ticket); /* if it is granted */
void ticket_prove(struct ticket *ticket);
void ticket_checked(void *owner, struct request *request, const struct reply *reply);
void ticket_own_gone(struct ticket *ticket);
bool ticket_look_at_own(struct ticket *ticket); /* unless its watch does; false: no memory */
void ticket_put_down(struct ticket *ticket);    /* what was held */

/* ticket_own_watch.c */
void ticket_end_own_watch(struct ticket *ticket);
void ticket_resume_own_watch(struct ticket *ticket); /* which ended for want of memory */
bool ticket_guard(struct ticket *ticket); /* watches it, if there is room; whether it is watched */

#endif
