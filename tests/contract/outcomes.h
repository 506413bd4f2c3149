/*
 * The recorded notes of all cases. Both kinds of servers are held to them; so are standalone
 * servers and ensembles, which differ in nothing that a client can see in these cases.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_CONTRACT_OUTCOMES_H
#define ZKC_CONTRACT_OUTCOMES_H

#include "contract.h"

/*
 * Runs a case and compares its notes with those recorded in outcomes.txt. With $ZKC_RECORD set it
 * prints them instead, in the form of that file. False: they differ; both are printed.
 */
bool outcome_matches(const struct contract *c, const char *notes);

/* Cases that fit: for a loop of i from 0 until NULL. $ZKC_CASE picks one by name. */
const struct contract *outcome_case(int i, bool ensemble);

#endif
