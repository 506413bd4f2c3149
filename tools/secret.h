/*
 * Where a credential comes from, and where it must not go.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SECRET_H
#define ZKCOORD_TOOLS_SECRET_H

#include "options.h"

/*
 * Sets common->auth: given as an option, else the first line of --auth-file, else $ZKCOORD_AUTH.
 * Nobody that we start inherits that variable, unless --pass-auth says so. 0, or says why not and
 * returns an exit status.
 */
int secret_take(struct common *common);

#endif
