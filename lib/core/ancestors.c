/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ancestors.h"
#include "base/mem.h"

#include <string.h>

struct level {
    struct ancestors *all;
    struct request *request;
    char *path;
};

struct ancestors {
    struct session *session;
    ancestors_fn done;
    void *owner;
    enum answer deepest; /* what the deepest level was answered */
    enum answer refusal; /* of any level, ANSWER_OK if none */
    size_t pending;
    size_t count;
    struct level at[];
};

static void level_answered(void *owner, struct request *request, const struct reply *reply);

static int ask(struct level *level, enum verb verb)
{
    level->request = session_ask(level->all->session, verb, level->path, level_answered, level);
    return level->request == NULL ? -1 : 0;
}

static void dispose(struct ancestors *ancestors)
{
    for (size_t i = 0; i < ancestors->count; i++) {
        session_cancel(&ancestors->at[i].request);
        mem_free(ancestors->at[i].path);
    }
    mem_free(ancestors);
}

/* An upper level may exist and yet be forbidden to us: it counts only if the deepest is missing. */
static enum answer outcome(const struct ancestors *all)
{
    if (all->deepest == ANSWER_NODE_EXISTS)
        return ANSWER_OK;
    if (all->deepest == ANSWER_NO_NODE && all->refusal != ANSWER_OK)
        return all->refusal;
    return all->deepest;
}

static void settle(struct level *level, enum answer answer)
{
    struct ancestors *all = level->all;

    if (level == &all->at[all->count - 1])
        all->deepest = answer;
    if (answer != ANSWER_OK && answer != ANSWER_NODE_EXISTS && answer != ANSWER_NO_NODE)
        all->refusal = answer;
    if (--all->pending > 0)
        return;
    all->done(all->owner, outcome(all));
    dispose(all);
}

static void level_answered(void *owner, struct request *request, const struct reply *reply)
{
    struct level *level = owner;

    level->request = NULL;
    if (reply->answer != ANSWER_UNSUPPORTED || request->verb != VERB_CREATE_CONTAINER)
        settle(level, reply->answer);
    else if (ask(level, VERB_CREATE_PLAIN) != 0)
        settle(level, ANSWER_NO_MEMORY);
}

static size_t count_levels(const char *path)
{
    size_t count = 0;

    for (; *path != '\0'; path++)
        count += *path == '/';
    return count;
}

static int fill(struct ancestors *all, const char *path)
{
    const char *slash = path;

    while (slash != NULL) {
        struct level *level = &all->at[all->count];
        slash = strchr(slash + 1, '/');
        level->all = all;
        level->path = slash == NULL ? mem_strdup(path) : mem_strndup(path, (size_t)(slash - path));
        if (level->path == NULL)
            return -1;
        all->count++;
        if (ask(level, VERB_CREATE_CONTAINER) != 0)
            return -1;
        all->pending++;
    }
    return 0;
}

struct ancestors *ancestors_create(struct session *session, const char *path, ancestors_fn done,
                                   void *owner)
{
    size_t levels = count_levels(path);
    struct ancestors *all = mem_zalloc(sizeof *all + levels * sizeof all->at[0]);

    if (all == NULL)
        return NULL;
    all->session = session;
    all->done = done;
    all->owner = owner;
    if (fill(all, path) != 0) {
        dispose(all);
        return NULL;
    }
    return all;
}

void ancestors_cancel(struct ancestors **ancestors)
{
    if (*ancestors != NULL)
        dispose(*ancestors);
    *ancestors = NULL;
}
