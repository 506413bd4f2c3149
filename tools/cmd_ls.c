/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "exits.h"
#include "picture.h"
#include "say.h"
#include "verb.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOOK_MS 1000

static const char text[] =
    "  --watch                     show it again whenever it has changed, until interrupted;\n"
    "                              on a terminal in place\n"
    "  --json                      one JSON object a line\n"
    "  --names                     the ids only, one a line, also of those that nobody is in\n"
    "                              line for\n";

struct ls {
    const char *id;
    bool watch;
    bool json;
    bool names;
};

static int look(struct lookup *lookup, const struct ls *ls, char **ret_text)
{
    lookup_again(lookup);
    if (ls->names)
        return picture_names(lookup, ret_text);
    return ls->json ? picture_json(lookup, ls->id, ret_text)
                    : picture_table(lookup, ls->id, ret_text);
}

/* No more than the screen takes, or the head would scroll away; long lines are cut, not wrapped. */
static void print_in_place(const char *picture)
{
    struct winsize size = {.ws_row = 24};
    int lines = 0, room, more = 0;
    const char *end = picture;

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    room = size.ws_row > 2 ? size.ws_row - 1 : 23; /* the cursor takes a line */
    for (const char *at = picture; *at != '\0'; at++)
        lines += *at == '\n';
    if (lines > room) {
        more = lines - (room - 1);
        lines = room - 1;
    }
    while (lines-- > 0)
        end = strchr(end, '\n') + 1;
    printf("\033[H\033[J\033[?7l%.*s\033[?7h", (int)(end - picture), picture);
    if (more > 0)
        printf("and %d more\n", more);
}

static int print(const char *picture, bool in_place)
{
    if (in_place)
        print_in_place(picture);
    else
        fputs(picture, stdout);
    return fflush(stdout) != 0 || ferror(stdout) ? say_unwritten() : STATUS_OK;
}

/* Servers that are away for a while are waited for; what was shown last stays. */
static int keep_looking(struct lookup *lookup, const struct ls *ls)
{
    bool in_place = isatty(STDOUT_FILENO) && !ls->json && !ls->names;
    char *last = NULL;
    int status = STATUS_OK;

    while (status == STATUS_OK) {
        char *picture = NULL;
        int error = look(lookup, ls, &picture);

        if (error == ZKC_OK && (last == NULL || strcmp(picture, last) != 0)) {
            status = print(picture, in_place);
            free(last);
            last = picture;
        } else if (error == ZKC_OK) {
            free(picture);
        } else if (error != ZKC_EUNREACHABLE) {
            status = client_failed(ls->id != NULL ? ls->id : "ls", error);
        }
        poll(NULL, 0, LOOK_MS);
    }
    free(last);
    return status;
}

static int once(struct lookup *lookup, const struct ls *ls)
{
    char *picture = NULL;
    int status, error = look(lookup, ls, &picture);

    if (error != ZKC_OK)
        return client_failed(ls->id != NULL ? ls->id : "ls", error);
    status = print(picture, false);
    free(picture);
    return status;
}

static int run(struct words *words, struct common *common)
{
    struct ls ls = {NULL, false, false, false};
    const struct option_entry own[] = {
        {"watch", 0, OPTION_FLAG, &ls.watch},
        {"json", 0, OPTION_FLAG, &ls.json},
        {"names", 0, OPTION_FLAG, &ls.names},
    };
    struct lookup lookup;
    int status;

    if (!verb_begin(&verb_ls, words, own, sizeof own / sizeof own[0], common, NULL, &status))
        return status;
    ls.id = words_take(words);
    if (!options_take(words, own, sizeof own / sizeof own[0], common))
        return STATUS_USAGE;
    if (common->help)
        return verb_help(&verb_ls);
    if (words->count > 0)
        return say_usage("ls takes one ID at most");
    if (ls.names && (ls.json || ls.id != NULL))
        return say_usage("--names is for all ids, and goes with neither an ID nor --json");
    status = lookup_open(&lookup, common);
    if (status == 0)
        status = ls.watch ? keep_looking(&lookup, &ls) : once(&lookup, &ls);
    lookup_close(&lookup);
    return status;
}

const struct verb verb_ls = {
    "ls", "[ID] [--watch] [--json | --names]", "Show who holds and who waits", text, run, true};
