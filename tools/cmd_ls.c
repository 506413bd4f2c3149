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

static int take(struct survey *survey, struct lookup *lookup, const struct ls *ls)
{
    lookup_again(lookup);
    return ls->names ? survey_names(survey, lookup) : survey_take(survey, lookup, ls->id);
}

static int draw(const struct survey *survey, const struct ls *ls, char **ret_text)
{
    if (ls->names)
        return picture_names(survey, ret_text);
    return ls->json ? picture_json(survey, ret_text) : picture_table(survey, ret_text);
}

/* What is missing stands in the picture. */
static int look(struct lookup *lookup, const struct ls *ls, char **ret_text)
{
    struct survey survey;
    int error = take(&survey, lookup, ls);

    if (error == ZKC_OK)
        error = draw(&survey, ls, ret_text);
    survey_free(&survey);
    return error;
}

/* 0 where there is no screen. */
static unsigned size_of_screen(void)
{
    struct winsize size = {0};

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return ((unsigned)size.ws_row << 16) + size.ws_col;
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

/* Servers that are away for a while are waited for, and what was shown last stays; once it is said
 * why nothing comes. */
static int no_picture(struct lookup *lookup, const struct ls *ls, int error, bool *told)
{
    if (error != ZKC_EUNREACHABLE)
        return client_failed(lookup->sync, ls->id != NULL ? ls->id : "ls", error);
    if (!*told)
        say("%s; waiting", zkc_strerror(error));
    *told = true;
    return STATUS_OK;
}

static int keep_looking(struct lookup *lookup, const struct ls *ls)
{
    bool in_place = isatty(STDOUT_FILENO) && !ls->json && !ls->names, told = false;
    char *last = NULL;
    unsigned shown = 0; /* the size of the screen */
    int status = STATUS_OK;

    while (status == STATUS_OK) {
        char *picture = NULL;
        int error = look(lookup, ls, &picture);
        unsigned screen = in_place ? size_of_screen() : 0;

        if (error != ZKC_OK)
            status = no_picture(lookup, ls, error, &told);
        else if (last == NULL || (told && in_place) || screen != shown ||
                 strcmp(picture, last) != 0)
            status = print(picture, in_place);
        if (error == ZKC_OK) {
            told = false;
            shown = screen;
            free(last);
            last = picture;
        }
        poll(NULL, 0, LOOK_MS);
    }
    free(last);
    return status;
}

static int once(struct lookup *lookup, const struct ls *ls)
{
    struct survey survey;
    char *picture = NULL;
    int missing, status, error = take(&survey, lookup, ls);

    if (error == ZKC_OK)
        error = draw(&survey, ls, &picture);
    if (error == ZKC_OK) {
        status = print(picture, false);
        missing = survey_status(&survey, lookup);
        status = status != STATUS_OK ? status : missing;
    } else {
        status = client_failed(lookup->sync, ls->id != NULL ? ls->id : "ls", error);
    }
    survey_free(&survey);
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

    if (!verb_begin_any(&verb_ls, words, own, sizeof own / sizeof own[0], common, &ls.id, &status))
        return status;
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
