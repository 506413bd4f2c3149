/*
 * Listings of a directory, shared by all contenders of one session: who asks while a listing is
 * under way gets the next one, together with all others who asked meanwhile. Nothing is lost by
 * that: whoever shares a directory with its own session's contenders is behind one of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_MUSTER_H
#define ZKC_CORE_MUSTER_H

#include "core/roster.h"
#include "core/session.h"

struct muster;
struct seeker;

/* roster: who contends, shared by all who asked, if answer is ANSWER_OK; it may not be kept. */
typedef void (*seeker_fn)(struct seeker *seeker, enum answer answer, const struct roster *roster);

/* Who asks for a listing. */
struct seeker {
    struct list link; /* points to itself when nothing is asked for */
    struct muster *muster;
    seeker_fn found;
};

void seeker_init(struct seeker *seeker, seeker_fn found);
bool seeker_waits(const struct seeker *seeker);

/*
 * The listing will be of a moment after the answers to all that was submitted before. 0, or -1
 * without memory. parent is copied. Who waits already goes on waiting.
 */
int muster_ask(struct session *session, const char *parent, struct seeker *seeker);

/* Nobody wants the answer any more. Harmless for who does not wait. */
void muster_cancel(struct seeker *seeker);

/* The other one, who does not wait, gets what this one has asked for. */
void muster_pass(struct seeker *seeker, struct seeker *other);

#endif
