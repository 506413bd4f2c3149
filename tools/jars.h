/*
 * Where Java and ZooKeeper's server are.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_JARS_H
#define ZKCOORD_TOOLS_JARS_H

#include <stdbool.h>

/* Both are yours to free. False: something is missing, and it was said what to install. */
bool jars_find(char **ret_java, char **ret_class_path);

#endif
