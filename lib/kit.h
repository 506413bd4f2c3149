/*
 * The only internal header that a recipe may include: tickets, peeks, and the ways in and out.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_KIT_H
#define ZKC_KIT_H

#include "base/mem.h"
#include "core/answer.h"
#include "core/path.h"
#include "core/payload.h"
#include "core/peek.h"
#include "core/ticket.h"
#include "run/client.h"
#include "run/errand.h"
#include "run/grant.h"
#include "run/listing.h"
#include "run/observer.h"
#include "run/operation.h"
#include "run/options.h"
#include "run/participant.h"
#include "run/place.h"
#include "run/pool.h"

/* The rule of recipes/lock.c, as its test reads it. */
extern const struct rule lock_rule;

#endif
