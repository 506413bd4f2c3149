/*
 * A lock or an election seen alike: standing for it, and what is held once it is won.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_CONTEST_H
#define ZKCOORD_TOOLS_CONTEST_H

#include <zkcoord/zkcoord.h>

enum contest_kind { CONTEST_LOCK, CONTEST_LEADER };

struct contest {
    enum contest_kind kind;
    zkc_lock *lock;       /* LOCK */
    zkc_leader *leader;   /* LEADER */
    zkc_elected *elected; /* LEADER, while it leads */
    void (*done)(void *arg, int result);
    void *arg;
};

/* "lock" or "election" */
const char *contest_noun(enum contest_kind kind);

/* A ZKC_ code. id: one that begins with '/' is the path of a znode. dialect: who only looks need
 * not care. */
int contest_open(struct contest *contest, zkc_sync *sync, enum contest_kind kind, const char *id,
                 zkc_dialect dialect);

/* done is called once, by zkc_sync_dispatch(). try_only: ZKC_EBUSY if somebody is ahead. */
int contest_stand(struct contest *contest, int64_t wait_ms, bool try_only,
                  void (*done)(void *arg, int result), void *arg);
void contest_cancel(struct contest *contest);

/* While held. */
int64_t contest_remaining_ms(const struct contest *contest);
int64_t contest_token(const struct contest *contest);
int contest_revoked_fd(struct contest *contest);
int contest_asked_fd(struct contest *contest);
int contest_revoked_reason(struct contest *contest);
int contest_give_up(struct contest *contest, zkc_context *context);

int contest_list(struct contest *contest, zkc_context *context, zkc_contenders **ret_contenders);

void contest_close(struct contest *contest);

#endif
