/*
 * What the harnesses share. Each defines LLVMFuzzerTestOneInput() and is linked either with
 * libFuzzer (tests/fuzz/run) or with replay.c, which feeds it the files of its corpus (make check).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZKC_TESTS_FUZZ_H
#define ZKC_TESTS_FUZZ_H

#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ZKC_TEST_ALLOC
#error "compile fuzzers with -DZKC_TEST_ALLOC"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Never compiled out, unlike assert(). */
#define REQUIRE(condition)                                                                 \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* In a block of exactly its size, so that the address sanitizer sees who reads past the end. */
static inline char *fuzz_text(const void *data, size_t size)
{
    char *text = malloc(size + 1);

    REQUIRE(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Cuts the next line off; NULL when there is none. The last one needs no '\n'. */
static inline char *fuzz_line(char **rest)
{
    char *line = *rest, *end;

    if (line == NULL)
        return NULL;
    end = strchr(line, '\n');
    *rest = end != NULL ? end + 1 : NULL;
    if (end != NULL)
        *end = '\0';
    return line;
}

#endif
