/* SPDX-License-Identifier: Apache-2.0 */
#include "core/suspicion.h"

#include <string.h>

#define WINDOW (60 * SECOND)
#define REST (60 * SECOND) /* until an indispensable request is tried again */
#define NOT_RESTORED 2     /* points */

/* ZooKeeper's "unimplemented": what the server should have said. */
#define CODE_UNIMPLEMENTED (-6)

static const struct charge {
    unsigned limit;
    bool spared; /* it can be done without */
    const char *name;
    const char *consequence;
} charges[] = {
    [VERB_CREATE_CONTENDER] = {10, false, "create2", "without it nothing can be acquired there"},
    [VERB_CREATE_CONTAINER] = {3, true, "createContainer", "directories will be plain nodes"},
    [VERB_CREATE_PLAIN] = {12, false, "create2", "directories cannot be created"},
    [VERB_DELETE] = {12, false, "delete", "nothing can be given back"},
    [VERB_SET] = {12, false, "setData", "holders cannot be asked"},
    [VERB_CHECK] = {12, false, "multi", "no hold can be proven"},
    [VERB_SYNC] = {12, false, "sync", "sessions cannot be kept"},
    [VERB_EXISTS] = {12, false, "exists", "nothing can be acquired there"},
    [VERB_GET] = {12, false, "getData", "nothing can be waited for there"},
    [VERB_CHILDREN] = {12, false, "getChildren", "nothing can be acquired there"},
    [VERB_UNWATCH] = {3, true, "removeWatches", "watches will stay until their nodes change"},
};

/* Those that are not asked for where no server knows them. */
static bool is_withheld(enum verb verb)
{
    return charges[verb].spared || verb == VERB_CREATE_CONTENDER;
}

static void convict(struct suspicion *suspicion, enum verb verb)
{
    struct suspect *suspect = &suspicion->of[verb];
    struct core *core = suspicion->core;

    suspect->points = 0;
    suspect->until = charges[verb].spared ? NEVER : core->now + REST;
    core_log(
        core, charges[verb].spared ? LOG_WARNING : LOG_ERROR,
        "the server hangs up whenever it is sent %s: it is probably not ZooKeeper 3.5 or newer "
        "but something like it, such as an old ClickHouse Keeper; %s",
        charges[verb].name, charges[verb].consequence);
}

static void add(struct suspicion *suspicion, enum verb verb, unsigned points)
{
    struct suspect *suspect = &suspicion->of[verb];
    int64_t now = suspicion->core->now;

    if (suspect->until > now)
        return;
    if (suspect->points > 0 && now - suspect->since > WINDOW)
        suspect->points = 0;
    if (suspect->points == 0)
        suspect->since = now;
    suspect->points += points;
    if (suspect->points >= charges[verb].limit)
        convict(suspicion, verb);
}

/* After its rest one trial decides. */
static void release(struct suspicion *suspicion, enum verb verb)
{
    struct suspect *suspect = &suspicion->of[verb];

    suspect->until = 0;
    suspect->points = charges[verb].limit - 1;
    suspect->since = suspicion->core->now;
}

void suspicion_init(struct suspicion *suspicion, struct core *core)
{
    memset(suspicion, 0, sizeof *suspicion);
    suspicion->core = core;
}

bool suspicion_convicted(struct suspicion *suspicion, enum verb verb)
{
    const struct suspect *suspect = &suspicion->of[verb];

    if (suspect->until == 0 || !is_withheld(verb))
        return false;
    if (suspicion->core->now >= suspect->until) {
        release(suspicion, verb);
        return false;
    }
    suspicion->core->server_error = CODE_UNIMPLEMENTED;
    return true;
}

bool suspicion_known(const struct suspicion *suspicion, enum verb verb)
{
    return suspicion->of[verb].known;
}

/* ---- what the connections of one session were lost with ---- */

static bool has_an_alibi(const struct suspicion *suspicion, enum verb verb)
{
    const struct suspect *suspect = &suspicion->of[verb];

    return suspect->known && suspicion->core->now - suspect->answered <= WINDOW;
}

static void hung_up(struct accusation *accusation, const struct request *request)
{
    struct suspicion *suspicion = accusation->suspicion;
    enum verb verb = request->verb;
    unsigned bit = 1u << verb;

    if (accusation->lost == 0) { /* the first loss that this connection's end brings */
        accusation->begun = !accusation->resumed;
        accusation->resumed = true;
    }
    accusation->lost |= bit;
    if (suspicion->core->now - request->sent_at > accusation->timeout / 8)
        return;
    if ((accusation->verbs & bit) != 0 || has_an_alibi(suspicion, verb))
        return;
    if (!charges[verb].spared && !accusation->begun && !accusation->heard)
        return;
    accusation->verbs |= bit;
    add(suspicion, verb, 1);
}

void accusation_init(struct accusation *accusation, struct suspicion *suspicion)
{
    memset(accusation, 0, sizeof *accusation);
    accusation->suspicion = suspicion;
}

void accusation_connected(struct accusation *accusation, bool new_session, int64_t timeout)
{
    for (enum verb verb = VERB_CREATE_CONTENDER; verb <= VERB_UNWATCH; verb++)
        if (!charges[verb].spared && (accusation->lost & 1u << verb) == 0)
            accusation->suspicion->of[verb].points = 0;
    accusation->timeout = timeout;
    accusation->lost = accusation->verbs = 0;
    accusation->heard = false;
    if (new_session)
        accusation->resumed = false;
}

void accusation_answered(struct accusation *accusation, const struct request *request,
                         const struct reply *reply)
{
    struct suspect *suspect = &accusation->suspicion->of[request->verb];

    if (reply->decided) {
        accusation->heard = true;
        suspect->points = 0;
        suspect->answered = accusation->suspicion->core->now;
        suspect->known = reply->answer != ANSWER_UNSUPPORTED;
    } else if (reply->hung_up) {
        hung_up(accusation, request);
    }
}

void accusation_session_lost(const struct accusation *accusation, int64_t lost_at)
{
    struct suspicion *suspicion = accusation->suspicion;

    if (suspicion->core->now - lost_at > accusation->timeout / 2)
        return;
    for (enum verb verb = VERB_CREATE_CONTENDER; verb <= VERB_UNWATCH; verb++)
        if ((accusation->verbs & 1u << verb) != 0 && charges[verb].spared)
            add(suspicion, verb, NOT_RESTORED);
}
