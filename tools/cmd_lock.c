/* SPDX-License-Identifier: Apache-2.0 */
#include "exits.h"
#include "say.h"
#include "verb.h"
#include "work.h"

static const char text[] =
    "  -s, --shared                share the lock with others that do; alone if not given\n"
    "  -w, --wait SECONDS          wait so long at most; for ever if not given\n"
    "  -n, --nonblock              do not wait: the same as --wait 0\n"
    "  -E, --conflict-exit-code N  exit with N instead of 1 if the lock was not obtained\n"
    "  --ttl SECONDS               how long the lock may outlive this machine; as\n"
    "                              --session-timeout\n"
    "  --grace SECONDS             time between SIGTERM and SIGKILL when the lock is lost\n"
    "  --dialect NAME              whom a path is shared with: lock (Curator's locks), if not\n"
    "                              given, latch (Curator's LeaderLatch), kazoo, or read-write\n"
    "                              (Curator's InterProcessReadWriteLock); see\n"
    "                              zkcoord_interop(7)\n"
    "  --pass-auth                 the command gets $ZKCOORD_AUTH, too\n"
    "  -q, --quiet                 say nothing while waiting, nor of a lock that is not\n"
    "                              obtained or lost\n";

static bool can_share(zkc_dialect dialect)
{
    return dialect == ZKC_DIALECT_LOCK || dialect == ZKC_DIALECT_READ_WRITE;
}

/* flock's refusals of options that contradict each other, and a few more. */
static int check(const struct task *task, int64_t ttl_ms)
{
    if (task->command[0] == NULL)
        return say_usage("lock needs a COMMAND");
    if (task->nonblock && task->waits)
        return say_usage("--nonblock and --wait contradict each other");
    if (ttl_ms != 0 && task->common->session_timeout_ms != 0)
        return say_usage("--ttl and --session-timeout are the same thing: give one");
    if (task->manner.shared && !can_share(task->manner.dialect))
        return say_usage("--shared goes with --dialect lock or read-write: nobody shares a lock in "
                         "the other dialects");
    return STATUS_OK;
}

static int run(struct words *words, struct common *common)
{
    struct task task = {
        .common = common, .wait_ms = -1, .grace_ms = -1, .conflict_status = STATUS_NOT_OBTAINED};
    int64_t ttl_ms = 0;
    const struct option_entry own[] = {
        {"shared", 's', OPTION_FLAG, &task.manner.shared},
        {"wait", 'w', OPTION_TIME, &task.wait_ms},
        {"timeout", 0, OPTION_TIME, &task.wait_ms}, /* flock's other name for it */
        {"nonblock", 'n', OPTION_FLAG, &task.nonblock},
        {"nb", 0, OPTION_FLAG, &task.nonblock}, /* likewise */
        {"conflict-exit-code", 'E', OPTION_STATUS, &task.conflict_status},
        {"ttl", 0, OPTION_TIMEOUT, &ttl_ms},
        {"grace", 0, OPTION_TIME, &task.grace_ms},
        {"dialect", 0, OPTION_DIALECT, &task.manner.dialect},
        {"pass-auth", 0, OPTION_FLAG, &common->pass_auth},
        {"quiet", 'q', OPTION_FLAG, &task.quiet},
    };
    int status;

    if (!verb_begin(&verb_lock, words, own, sizeof own / sizeof own[0], common, &task.id, &status))
        return status;
    task.kind = CLAIM_LOCK;
    task.command = words->at;
    task.waits = task.wait_ms >= 0;
    status = check(&task, ttl_ms);
    if (status != STATUS_OK)
        return status;
    if (ttl_ms != 0)
        common->session_timeout_ms = ttl_ms;
    return work_on(&task);
}

const struct verb verb_lock = {"lock",
                               "ID [OPTION...] [--] COMMAND [ARGUMENT...]",
                               "Run a command while holding a lock",
                               text,
                               run,
                               true};
