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
void ticket_stop(struct ticket *ticket); /* no request, watch ahead, beat or timer is left */

/* ticket_join.c */
void ticket_enter(struct ticket *ticket); /* creates a node and lists, with a new uuid */
void ticket_recover(struct ticket *ticket);
void ticket_adopt(struct ticket *ticket);

/* ticket_queue.c */
const char *ticket_own_name(const struct ticket *ticket);
void ticket_ask_list(struct ticket *ticket);
void ticket_list_again(struct ticket *ticket);
void ticket_poll_ahead(struct ticket *ticket);
void ticket_ahead_fired(struct watcher *watcher, enum watch_event event);
void ticket_become_next(struct ticket *ticket); /* the one ahead is the very first */
void ticket_tell_next(struct ticket *ticket);   /* that it is, for this one has been granted */

/* ticket_beyond.c */
void ticket_watch_beyond(struct ticket *ticket, const struct roster *roster, size_t me);
void ticket_forget_beyond(struct ticket *ticket);
void ticket_beyond_fired(struct watcher *watcher, enum watch_event event);

/* ticket_grant.c */
extern const struct keeper_ops ticket_keeper_ops;
void ticket_first(struct ticket *ticket);
void ticket_prove(struct ticket *ticket);
void ticket_checked(void *owner, struct request *request, const struct reply *reply);
void ticket_own_gone(struct ticket *ticket);
bool ticket_look_at_own(struct ticket *ticket); /* unless its watch does; false: no memory */
void ticket_own_fired(struct watcher *watcher, enum watch_event event);

#endif
