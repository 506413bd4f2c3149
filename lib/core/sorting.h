/*
 * Puts a roster in the order of its nodes' czxids, for when sequence numbers repeat or wrap
 * (ZOOKEEPER-3249 and 4706): reads the stat of every contender.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_SORTING_H
#define ZKC_CORE_SORTING_H

#include "core/roster.h"
#include "core/session.h"

struct sorting;

/* answer: ANSWER_OK, then the sorted roster may be read until this returns; else why not. */
typedef void (*sorting_fn)(void *owner, enum answer answer, const struct roster *roster);

/* Takes the roster over (it becomes empty). NULL without memory: the roster is freed. */
struct sorting *sorting_start(struct session *session, const char *parent, struct roster *roster,
                              sorting_fn done, void *owner);

void sorting_cancel(struct sorting **sorting);

#endif
