/* SPDX-License-Identifier: Apache-2.0 */
#include "core/listener.h"

void listener_init(struct listener *listener, const struct listener_ops *ops)
{
    list_init(&listener->link);
    list_init(&listener->keeping);
    listener->ops = ops;
}

void listeners_tell(struct list *listeners, enum session_event event)
{
    struct list told, *link;

    list_init(&told);
    list_move(&told, listeners);
    while ((link = list_pop(&told)) != NULL) {
        struct listener *listener = container_of(link, struct listener, link);
        list_append(listeners, link);
        listener->ops->event(listener, event);
    }
}
