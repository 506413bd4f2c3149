/*
 * What an answer means to whoever asked.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CORE_ANSWER_H
#define ZKC_CORE_ANSWER_H

#include "core/request.h"

/* The zkc_error for the user. */
int answer_error(enum answer answer);

/* Whether the request may simply be sent again, once there is a connection. */
bool answer_try_again(enum answer answer);

#endif
