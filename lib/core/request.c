/* SPDX-License-Identifier: Apache-2.0 */
#include "core/request.h"
#include "base/mem.h"

struct request *request_with_room(size_t size)
{
    struct request *request = mem_zalloc(sizeof *request + size);

    if (request != NULL)
        list_init(&request->link);
    return request;
}

struct request *request_new(void)
{
    return request_with_room(0);
}

void request_free(struct request *request)
{
    request->kept = false;
    if (!request->answering)
        mem_free(request);
}

bool request_keep(struct request *request)
{
    if (request->dead)
        return false;
    request->kept = true;
    return true;
}

void session_cancel(struct request **request)
{
    struct request *gone = *request;

    *request = NULL;
    if (gone == NULL)
        return;
    gone->answered = NULL;
    if (gone->in_flight)
        return;
    list_remove(&gone->link);
    request_free(gone);
}

void request_answer(struct request *request, const struct reply *reply)
{
    answer_fn answered = request->answered;

    request->answered = NULL;
    request->in_flight = false;
    request->answering = true;
    if (answered != NULL)
        answered(request->owner, request, reply);
    request->answering = false;
    if (!request->dead && !request->kept && list_empty(&request->link))
        request_free(request);
}

void request_fail(struct request *request, enum answer answer)
{
    struct reply reply = {.answer = answer};

    request_answer(request, &reply);
}
