/*
 * Reading one lock or election, for subcommands that only look.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_LOOKUP_H
#define ZKCOORD_TOOLS_LOOKUP_H

#include "contest.h"
#include "options.h"

struct lookup {
    zkc_sync *sync;
    zkc_context *context; /* with a deadline from now on */
};

/* Connects. 0, or says why not and returns an exit status. End it with lookup_close() in any case.
 */
int lookup_open(struct lookup *lookup, const struct common *common);

/* Who contends; a ZKC_ code. *ret_all is yours. */
int lookup_list(struct lookup *lookup, enum contest_kind kind, const char *id,
                zkc_contenders **ret_all);

/* The deadline begins anew. */
void lookup_again(struct lookup *lookup);

void lookup_close(struct lookup *lookup);

#endif
