/* SPDX-License-Identifier: Apache-2.0 */
#include "outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From "== name" to the next one, or NULL. */
static char *section_of(char *text, const char *name)
{
    char heading[64];
    char *start, *end;

    snprintf(heading, sizeof heading, "== %s\n", name);
    start = strstr(text, heading);
    if (start == NULL)
        return NULL;
    end = strstr(start + 1, "\n== ");
    if (end != NULL)
        end[1] = '\0';
    return start;
}

static char *read_all(void)
{
    const char *top = getenv("top_srcdir");
    char path[1024];
    char *text;
    size_t length;
    FILE *file;

    snprintf(path, sizeof path, "%s/tests/contract/outcomes.txt", top != NULL ? top : ".");
    file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        return NULL;
    }
    text = malloc(1 << 20);
    length = fread(text, 1, (1 << 20) - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

bool outcome_matches(const struct contract *c, const char *notes)
{
    char *text, *section;
    bool same;

    if (getenv("ZKC_RECORD") != NULL) {
        fputs(notes, stdout);
        return true;
    }
    text = read_all();
    section = text != NULL ? section_of(text, c->name) : NULL;
    same = section != NULL && strcmp(section, notes) == 0;
    if (!same)
        fprintf(stderr, "---- recorded:\n%s---- now:\n%s----\n",
                section != NULL ? section : "nothing\n", notes);
    free(text);
    return same;
}

static bool is_chosen(const struct contract *c, bool ensemble)
{
    const char *name = getenv("ZKC_CASE");

    return (ensemble || !c->ensemble_only) && (name == NULL || strcmp(name, c->name) == 0);
}

const struct contract *outcome_case(int i, bool ensemble)
{
    for (const struct contract *c = contracts; c->name != NULL; c++)
        if (is_chosen(c, ensemble) && i-- == 0)
            return c;
    return NULL;
}
