/*
 * A lock or an election seen alike: standing for it, and what is held once it is won.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_CLAIM_H
#define ZKCOORD_TOOLS_CLAIM_H

#include <stdbool.h>
#include <zkcoord/zkcoord.h>

enum claim_kind { CLAIM_LOCK, CLAIM_LEADER };

struct claim {
    enum claim_kind kind;
    zkc_lock *lock;       /* LOCK */
    zkc_leader *leader;   /* LEADER */
    zkc_elected *elected; /* LEADER, while it leads */
    void (*done)(void *arg, int result);
    void *arg;
};

/* "lock" or "election" */
const char *claim_noun(enum claim_kind kind);

/* How to contend. */
struct manner {
    zkc_dialect dialect;
    bool shared; /* LOCK: together with others that share */
};

/* A ZKC_ code. word: as a user writes it, an id, or the path of a znode, which begins with '/'.
 * manner: NULL to look at it only. */
int claim_open(struct claim *claim, zkc_sync *sync, enum claim_kind kind, const char *word,
               const struct manner *manner);

/* Likewise, to look at it; an id from a listing, whatever it begins with. */
int claim_open_id(struct claim *claim, zkc_sync *sync, enum claim_kind kind, const char *id);

/* done is called once, by zkc_sync_dispatch(). try_only: ZKC_EBUSY if somebody is ahead. */
int claim_stand(struct claim *claim, int64_t wait_ms, bool try_only,
                void (*done)(void *arg, int result), void *arg);
void claim_cancel(struct claim *claim);

/* While held. */
int64_t claim_remaining_ms(const struct claim *claim);
int64_t claim_token(const struct claim *claim);
int claim_revoked_fd(struct claim *claim);
int claim_asked_fd(struct claim *claim);
int claim_revoked_reason(struct claim *claim);
int claim_give_up(struct claim *claim, zkc_context *context);

int claim_list(struct claim *claim, zkc_context *context, zkc_contenders **ret_contenders);

/* How many hold or lead: they are the first ones of the list. */
size_t claim_holders(const zkc_contenders *all);

void claim_close(struct claim *claim);

#endif
