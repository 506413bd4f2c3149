/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "say.h"
#include "verb.h"
#include "work.h"

#define BACKOFF_MS 1000

static const char text[] =
    "  --once                      end after one turn, with the status of the command\n"
    "  --backoff SECONDS           pause between the end of a turn and standing again; doubled\n"
    "                              after each turn shorter than a minute, up to 64 times; 1 if\n"
    "                              not given\n"
    "  --grace SECONDS             time between SIGTERM and SIGKILL when leadership is lost\n"
    "  --dialect NAME              whom a path is shared with: lock (Curator's LeaderSelector),\n"
    "                              if not given, latch (its LeaderLatch) or kazoo; see\n"
    "                              zkcoord_interop(7)\n"
    "  --pass-auth                 the command gets $ZKCOORD_AUTH, too\n"
    "  -q, --quiet                 say nothing while standing by, nor of lost leadership\n";

static int run(struct words *words, struct common *common)
{
    struct task task = {.common = common, .backoff_ms = BACKOFF_MS, .grace_ms = -1};
    bool once = false;
    const struct option_entry own[] = {
        {"once", 0, OPTION_FLAG, &once},
        {"backoff", 0, OPTION_TIME, &task.backoff_ms},
        {"grace", 0, OPTION_TIME, &task.grace_ms},
        {"dialect", 0, OPTION_DIALECT, &task.manner.dialect},
        {"pass-auth", 0, OPTION_FLAG, &common->pass_auth},
        {"quiet", 'q', OPTION_FLAG, &task.quiet},
    };
    int status;

    if (!verb_begin(&verb_elect, words, own, sizeof own / sizeof own[0], common, &task.id, &status))
        return status;
    if (words->count == 0)
        return say_usage("elect needs a COMMAND");
    if (task.manner.dialect == ZKC_DIALECT_READ_WRITE)
        return say_usage("--dialect read-write is for locks: nobody shares leadership");
    task.kind = CLAIM_LEADER;
    task.command = words->at;
    task.repeats = !once;
    task.conflict_status = STATUS_NOT_OBTAINED;
    return work_on(&task);
}

const struct verb verb_elect = {"elect",
                                "ID [OPTION...] [--] COMMAND [ARGUMENT...]",
                                "Run a command while elected, again and again",
                                text,
                                run,
                                true};
