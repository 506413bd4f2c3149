/*
 * zkcoord: locks and elections for operators and scripts. Uses only the public library.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "exits.h"
#include "say.h"
#include "verb.h"

#include <zkcoord/zkcoord.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int help(struct words *words, struct common *common);
static int version(struct words *words, struct common *common);

static const struct verb verb_help_ = {"help", "[SUBCOMMAND]", "Explain a subcommand",
                                       NULL,   help,           false};
static const struct verb verb_version = {"version", "", "Print the version", NULL, version, false};

static const struct verb *const verbs[] = {&verb_lock,  &verb_elect,  &verb_leader, &verb_ls,
                                           &verb_probe, &verb_ask,    &verb_break,  &verb_dev,
                                           &verb_help_, &verb_version};
#define VERBS (sizeof verbs / sizeof verbs[0])

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int overview(FILE *file)
{
    fputs("Usage: zkcoord SUBCOMMAND ...\n"
          "Locks and elections across machines, through Apache ZooKeeper.\n\n",
          file);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(file, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n'zkcoord help SUBCOMMAND' explains one; zkcoord(1) has examples.\n", file);
    return STATUS_OK;
}

static int help(struct words *words, struct common *common)
{
    const struct verb *verb;
    const char *name;

    if (!options_take(words, NULL, 0, common))
        return STATUS_USAGE;
    name = words_take(words);
    if (words->count > 0)
        return say_usage("help takes one SUBCOMMAND");
    if (name == NULL)
        return overview(stdout);
    verb = find(name);
    return verb != NULL ? verb_help(verb) : say_usage("there is no subcommand '%s'", name);
}

static int version(struct words *words, struct common *common)
{
    int status;

    if (!verb_begin(&verb_version, words, NULL, 0, common, NULL, &status))
        return status;
    if (words->count > 0)
        return say_usage("version takes no words");
    printf("zkcoord %s\n", zkc_version());
    return STATUS_OK;
}

static int run(struct words *words, struct common *common)
{
    const struct verb *verb;
    const char *name = words_take(words);

    if (name == NULL) {
        if (say_heard())
            overview(stderr);
        return STATUS_USAGE;
    }
    verb = find(name);
    if (verb == NULL)
        return say_usage("there is no subcommand '%s'", name);
    say_topic(verb->name);
    return verb->run(words, common);
}

/*
 * A standard descriptor that is closed would be given to the next thing that is opened: ours, or
 * the servers' sessions. Opened the wrong way round, so that its use fails; the command gets it
 * closed, as it was.
 */
static bool open_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            return false;
    return true;
}

static void leave(int signal)
{
    _exit(128 + signal);
}

/* To the first process of a PID namespace the kernel applies no default action. */
static void obey_as_first(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action;

    if (getpid() != 1)
        return;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            sigaction(signals[i], &(struct sigaction){.sa_handler = leave}, NULL);
}

int main(int argc, char **argv)
{
    struct words words = {argc - 1, argv + 1, false};
    struct common common = {0};
    bool print_version = false;
    const struct option_entry own[] = {{"version", 'V', OPTION_FLAG, &print_version}};
    int status;

    if (!open_standard_files())
        return EX_OSERR;
    obey_as_first();
    if (argc < 1 || !options_take(&words, own, 1, &common))
        return STATUS_USAGE;
    if (common.help)
        status = overview(stdout);
    else if (print_version)
        status = version(&words, &common);
    else
        status = run(&words, &common);
    if (common.auth != NULL)
        explicit_bzero(common.auth, strlen(common.auth));
    free(common.auth);
    if (status == STATUS_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = say_unwritten();
    return status;
}
