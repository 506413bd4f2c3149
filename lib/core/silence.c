/* SPDX-License-Identifier: Apache-2.0 */
#include "core/silence.h"

#include <string.h>

#define COUNT_MOST 3

/*
 * A beat that takes longer than an eighth of the timeout renews nothing. What answers late is not
 * dead: a server is given half as long again as its newest answer took, up to a quarter of the
 * timeout, and one that was reached by leaving another for its silence twice as long.
 */
static int64_t patience(const struct silence *silence, int64_t timeout, bool keeps)
{
    int64_t most = timeout / 4;
    int64_t known = silence->took * 3 / 2;
    int64_t patience = keeps ? timeout / 10 : most;

    if (known > patience)
        patience = known < most ? known : most;
    return patience << (silence->count < COUNT_MOST ? silence->count : COUNT_MOST);
}

static void due(struct timer *timer)
{
    struct silence *silence = container_of(timer, struct silence, timer);

    silence->lasted(silence);
}

void silence_init(struct silence *silence, struct core *core,
                  void (*lasted)(struct silence *silence))
{
    memset(silence, 0, sizeof *silence);
    silence->core = core;
    timer_init(&silence->timer, due);
    silence->lasted = lasted;
}

void silence_clear(struct silence *silence)
{
    silence_end(silence);
    silence->count = 0;
    silence->took = 0;
}

void silence_begin(struct silence *silence, int64_t timeout, bool keeps)
{
    timer_set(silence->core, &silence->timer,
              silence->core->now + patience(silence, timeout, keeps));
}

void silence_end(struct silence *silence)
{
    timer_clear(silence->core, &silence->timer);
}

void silence_broken(struct silence *silence, const struct request *request)
{
    silence->took = silence->core->now - request->sent_at;
    silence->count = 0;
}
