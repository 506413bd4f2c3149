/*
 * Text of others: what is in it that must not reach a terminal, nor stand bare in JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKCOORD_TOOLS_TEXT_H
#define ZKCOORD_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at text, 0 if they are no UTF-8. Never reads past a NUL. */
size_t text_decode(const char *text, uint32_t *ret_code);

/* Whether the character steers whoever shows it: controls (C0, DEL, C1), bidirectional marks,
 * embeddings, overrides and isolates, and what ends a line. */
bool text_steers(uint32_t code);

/* Each character that steers, and each byte that is no UTF-8, becomes one '?'. */
void text_tame(char *text);

#endif
