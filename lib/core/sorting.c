/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sorting.h"
#include "base/mem.h"
#include "core/path.h"

#include <string.h>

struct probe {
    struct sorting *sorting;
    struct request *request;
    char *path;
    bool gone;
};

struct sorting {
    struct session *session;
    sorting_fn done;
    void *owner;
    struct roster roster;
    struct probe *probes; /* one for each entry of the roster */
    size_t pending;
    enum answer worst;
};

static void dispose(struct sorting *sorting)
{
    for (size_t i = 0; sorting->probes != NULL && i < sorting->roster.count; i++) {
        session_cancel(&sorting->probes[i].request);
        mem_free(sorting->probes[i].path);
    }
    mem_free(sorting->probes);
    roster_clear(&sorting->roster);
    mem_free(sorting);
}

static void finish(struct sorting *sorting)
{
    struct probe *probes = sorting->probes;
    size_t count = sorting->roster.count;

    for (size_t i = count; i-- > 0;) {
        mem_free(probes[i].path);
        if (probes[i].gone)
            roster_remove(&sorting->roster, i);
    }
    sorting->probes = NULL;
    mem_free(probes);
    if (sorting->worst == ANSWER_OK)
        roster_sort_by_czxid(&sorting->roster);
    sorting->done(sorting->owner, sorting->worst, &sorting->roster);
    dispose(sorting);
}

static void probed(void *owner, struct request *request, const struct reply *reply)
{
    struct probe *probe = owner;
    struct sorting *sorting = probe->sorting;
    size_t index = (size_t)(probe - sorting->probes);

    (void)request;
    probe->request = NULL;
    if (reply->answer == ANSWER_OK)
        sorting->roster.at[index].czxid = reply->stat->czxid;
    else if (reply->answer == ANSWER_NO_NODE)
        probe->gone = true;
    else
        sorting->worst = reply->answer;
    if (--sorting->pending == 0)
        finish(sorting);
}

static int ask_all(struct sorting *sorting, const char *parent)
{
    for (size_t i = 0; i < sorting->roster.count; i++) {
        struct probe *probe = &sorting->probes[i];
        probe->sorting = sorting;
        probe->path = path_child(parent, sorting->roster.at[i].name);
        if (probe->path == NULL)
            return -1;
        probe->request = session_ask(sorting->session, VERB_EXISTS, probe->path, probed, probe);
        if (probe->request == NULL)
            return -1;
        sorting->pending++;
    }
    return 0;
}

struct sorting *sorting_start(struct session *session, const char *parent, struct roster *roster,
                              sorting_fn done, void *owner)
{
    struct sorting *sorting = mem_zalloc(sizeof *sorting);
    struct probe *probes = mem_zalloc(roster->count * sizeof *probes);

    if (sorting == NULL || probes == NULL) {
        mem_free(sorting);
        mem_free(probes);
        roster_clear(roster);
        return NULL;
    }
    sorting->session = session;
    sorting->done = done;
    sorting->owner = owner;
    sorting->roster = *roster;
    sorting->probes = probes;
    memset(roster, 0, sizeof *roster);
    if (ask_all(sorting, parent) != 0) {
        dispose(sorting);
        return NULL;
    }
    return sorting;
}

void sorting_cancel(struct sorting **sorting)
{
    if (*sorting != NULL)
        dispose(*sorting);
    *sorting = NULL;
}
