/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup.h"
#include "client.h"

#define ANSWER_MS 10000

int lookup_open(struct lookup *lookup, const struct common *common)
{
    int error;

    *lookup = (struct lookup){NULL, NULL};
    error = client_open(common, CONNECT_MS, NULL, &lookup->sync);
    if (error != 0)
        return error;
    error = zkc_context_new(lookup->sync, &lookup->context);
    if (error != ZKC_OK)
        return client_failed(lookup->sync, "context", error);
    lookup_again(lookup);
    return 0;
}

/* Ten seconds without an answer: nobody is there. */
static int answered(int error)
{
    return error == ZKC_ETIMEDOUT ? ZKC_EUNREACHABLE : error;
}

void lookup_again(struct lookup *lookup)
{
    zkc_context_set_timeout_ms(lookup->context, ANSWER_MS);
}

int lookup_list(struct lookup *lookup, enum claim_kind kind, const char *id,
                zkc_contenders **ret_all)
{
    struct claim claim;
    int error = claim_open(&claim, lookup->sync, kind, id, NULL);

    if (error != ZKC_OK)
        return error;
    error = claim_list(&claim, lookup->context, ret_all);
    claim_close(&claim);
    return answered(error);
}

int lookup_ids(struct lookup *lookup, enum claim_kind kind, zkc_ids **ret_ids)
{
    return answered(kind == CLAIM_LOCK ? zkc_lock_ids(lookup->sync, lookup->context, ret_ids)
                                       : zkc_leader_ids(lookup->sync, lookup->context, ret_ids));
}

int lookup_evict(struct lookup *lookup, const zkc_contender *contender)
{
    return answered(zkc_contender_evict(lookup->sync, contender, lookup->context));
}

int lookup_ask(struct lookup *lookup, const zkc_contender *contender)
{
    return answered(zkc_contender_ask(lookup->sync, contender, lookup->context));
}

void lookup_close(struct lookup *lookup)
{
    zkc_context_free(lookup->context);
    zkc_sync_close(lookup->sync);
}
