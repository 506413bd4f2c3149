/* What the files of cases have in common. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZKC_CONTRACT_CASES_H
#define ZKC_CONTRACT_CASES_H

#include "contract.h"

void create_and_stat(struct test *t);
void create_refused(struct test *t);
void bad_paths(struct test *t);
void delete_codes(struct test *t);
void get_and_exists(struct test *t);
void children(struct test *t);
void set_data(struct test *t);
void sequence_names(struct test *t);
void sequence_counter(struct test *t);
void readers_and_writers(struct test *t);
void check_codes(struct test *t);
void multi_done(struct test *t);
void multi_failed(struct test *t);
void many_checks(struct test *t);
void containers(struct test *t);
void acls(struct test *t);
void digest_identity(struct test *t);

void watch_data(struct test *t);
void watch_exists(struct test *t);
void watch_children(struct test *t);
void watch_before_answer(struct test *t);
void watch_after_read(struct test *t);
void watch_same_context(struct test *t);
void watch_missing(struct test *t);
void unwatch(struct test *t);
void watch_ephemeral(struct test *t);
void watch_readers(struct test *t);
void watch_elsewhere(struct test *t);
void renewed_data(struct test *t);
void renewed_exists(struct test *t);
void renewed_children(struct test *t);
void unset_watch(struct test *t);
void session_events_to_watchers(struct test *t);

void pipelined(struct test *t);
void negotiated_timeouts(struct test *t);
void ephemerals_end_with_session(struct test *t);
void expiry_learnt_late(struct test *t);
void resume(struct test *t);
void resume_refused(struct test *t);
void ended_by_another(struct test *t);
void auth_refused(struct test *t);
void reply_lost(struct test *t);
void request_lost(struct test *t);
void silence(struct test *t);
void late_request(struct test *t);
void queued_while_refused(struct test *t);
void queued_while_silent(struct test *t);
void pending_at_close(struct test *t);
void servers_restart(struct test *t);
void leader_dies(struct test *t);
void move_to_another(struct test *t);
void follower_cut_off(struct test *t);
void leader_cut_off(struct test *t);

int64_t id_of(struct client *c); /* of its session */

/* Cuts it off, so that it does not notice that another takes its session over. */
clientid_t abandon(struct line *line, struct client *c);

void ignore(int rc, const void *data); /* a completion */

#endif
