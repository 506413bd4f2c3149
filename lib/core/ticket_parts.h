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
void ticket_session_event(struct follower *follower, enum session_event event);
void ticket_timer_due(struct timer *timer);
void ticket_stop(struct ticket *ticket); /* no request, watch ahead, beat or timer is left */

/* ticket_name.c */
void ticket_new_name(struct ticket *ticket);
bool ticket_may_be_ours(const struct ticket *ticket, const char *name);
bool ticket_set_name(struct ticket *ticket, const char *name);   /* false: not one of ours */
const char *ticket_own_name(const struct ticket *ticket);        /* while it has a bid */
struct request *ticket_own_request(const struct ticket *ticket); /* has the path of our node */

/* ticket_join.c */
void ticket_enter(struct ticket *ticket); /* creates a node and lists, with a new uuid */
void ticket_recover(struct ticket *ticket);
void ticket_adopt(struct ticket *ticket);

/* ticket_queue.c */
void ticket_ask_list(struct ticket *ticket);
void ticket_listed(struct seeker *seeker, enum answer answer, const struct roster *roster);
void ticket_list_again(struct ticket *ticket);
void ticket_look_ahead(struct ticket *ticket); /* again, for want of a watch */
void ticket_ahead_fired(struct watcher *watcher, enum watch_event event);
void ticket_become_next(struct ticket *ticket); /* the one ahead is the very first */
void ticket_tell_next(struct ticket *ticket);   /* that it is, for this one has been granted */

/* ticket_beyond.c */
void ticket_watch_beyond(struct ticket *ticket, const struct roster *roster, size_t me);
void ticket_forget_beyond(struct ticket *ticket);
void ticket_looked(struct seeker *seeker, enum answer answer, const struct roster *roster);
void ticket_beyond_fired(struct watcher *watcher, enum watch_event event);

/* ticket_grant.c */
extern const struct follower_ops ticket_follower_ops;
void ticket_first(struct ticket *ticket);
void ticket_prove(struct ticket *ticket);
void ticket_checked(void *owner, struct request *request, const struct reply *reply);
void ticket_own_gone(struct ticket *ticket);
bool ticket_look_at_own(struct ticket *ticket); /* unless a vigil does; false: no memory */
void ticket_put_down(struct ticket *ticket);    /* what was held */

/* ticket_vigil.c */
void ticket_end_vigil(struct ticket *ticket);
void ticket_resume_vigil(struct ticket *ticket); /* which ended for want of memory */

#endif
