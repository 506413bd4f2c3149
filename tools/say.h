/*
 * What zkcoord tells a person, on standard error.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_SAY_H
#define ZKCOORD_TOOLS_SAY_H

/* One line, "zkcoord: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say(), with a hint to --help; returns STATUS_USAGE. */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
