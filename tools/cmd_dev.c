/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"
#include "ensemble.h"
#include "exits.h"
#include "orphans.h"
#include "say.h"
#include "signals.h"
#include "terminal.h"
#include "verb.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 120000

static const char text[] =
    "  --servers N                 how many servers; 1 if not given, 9 at most\n"
    "  --pass-auth                 the command gets $ZKCOORD_AUTH, too\n"
    "\nThe servers and their data are gone when the command, a shell if none is given, has "
    "ended.\n";

/* Signals arrive here, whoever they are for. The same loop waits for servers and for the command.
 */
struct dev {
    struct ensemble ensemble;
    sigset_t mask;
    int signals;
    int died_of; /* the signal that ended the command, or the waiting for servers; 0: none */
    char **command;
};

/* ---- servers ---- */

/* A session needs a quorum. Looks aside now and then: a server may have died, somebody may have
 * lost patience. */
static int wait_until_ready(struct dev *dev)
{
    struct pollfd signals = {.fd = dev->signals, .events = POLLIN};
    struct common common = {.nodes = dev->ensemble.nodes};
    zkc_sync *sync;
    int status = client_open(&common, -1, NULL, &sync);

    if (status != 0)
        return status;
    for (int waited = 0; zkc_sync_session_timeout_ms(sync) == 0 && status == 0; waited += 50) {
        if (!ensemble_alive(&dev->ensemble) || waited > READY_MS) {
            ensemble_explain(&dev->ensemble);
            status = client_failed(sync, "servers", ZKC_EUNREACHABLE);
        } else if (poll(&signals, 1, 50) > 0) {
            int signal = signals_read(dev->signals);

            if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT)
                status = 128 + (dev->died_of = signal);
        }
    }
    zkc_sync_close(sync);
    return status;
}

/* ---- the command ---- */

static void become(const struct dev *dev)
{
    int error;

    setenv("ZKCOORD_NODES", dev->ensemble.nodes, 1);
    sigprocmask(SIG_SETMASK, &dev->mask, NULL);
    execvp(dev->command[0], dev->command);
    error = errno;
    say("%s: %s", dev->command[0], strerror(error));
    _exit(exit_of_exec(error));
}

/* It is in our process group: what comes from the keyboard it gets itself. */
static void on_signal(int signal, pid_t pid)
{
    if (signal == SIGTSTP)
        terminal_suspend(false);
    else if (signal == SIGTERM || signal == SIGHUP || signal == SIGUSR1 || signal == SIGUSR2)
        kill(pid, signal);
}

/* Others come to the first process of a PID namespace. */
static void reap_strangers(const struct dev *dev, pid_t pid)
{
    pid_t ours[ENSEMBLE_MAX + 1];

    memcpy(ours, dev->ensemble.pids, sizeof dev->ensemble.pids);
    ours[ENSEMBLE_MAX] = pid;
    orphans_reap(-1, ours, ENSEMBLE_MAX + 1);
}

static int wait_for(struct dev *dev, pid_t pid)
{
    enum { SIGNALS, END };
    struct pollfd sources[] = {{.fd = dev->signals, .events = POLLIN},
                               {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN}};
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (poll(sources, 2, sources[END].fd < 0 ? 50 : -1) > 0 && sources[SIGNALS].revents != 0)
            on_signal(signals_read(dev->signals), pid);
        reap_strangers(dev, pid);
    }
    if (sources[END].fd >= 0)
        close(sources[END].fd);
    dev->died_of = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return WEXITSTATUS(status);
}

static int run_command(struct dev *dev)
{
    pid_t pid = fork();

    if (pid == 0)
        become(dev);
    if (pid > 0)
        return wait_for(dev, pid);
    say("cannot start the command: %s", strerror(errno));
    return STATUS_INTERNAL;
}

static int dev(char **command, int servers)
{
    struct dev dev = {.command = command};
    int status = STATUS_UNREACHABLE;

    signals_block(&dev.mask);
    dev.signals = signals_open(&dev.mask);
    if (dev.signals >= 0 && ensemble_start(&dev.ensemble, servers)) {
        status = wait_until_ready(&dev);
        if (status == 0) {
            if (isatty(STDERR_FILENO))
                say("ZooKeeper is ready: ZKCOORD_NODES=%s", dev.ensemble.nodes);
            status = run_command(&dev);
        }
    }
    ensemble_stop(&dev.ensemble);
    if (dev.died_of != 0)
        signals_die(dev.died_of);
    return status;
}

static int run(struct words *words, struct common *common)
{
    int servers = 1, status;
    const struct option_entry own[] = {
        {"servers", 0, OPTION_NUMBER, &servers},
        {"pass-auth", 0, OPTION_FLAG, &common->pass_auth},
    };
    char *shell[] = {getenv("SHELL"), NULL};

    if (!verb_begin(&verb_dev, words, own, sizeof own / sizeof own[0], common, NULL, &status))
        return status;
    if (servers > ENSEMBLE_MAX)
        return say_usage("at most %d servers", ENSEMBLE_MAX);
    if (shell[0] == NULL || *shell[0] == '\0')
        shell[0] = "/bin/sh";
    return dev(words->count > 0 ? words->at : shell, servers);
}

const struct verb verb_dev = {"dev",
                              "[--servers N] [--] [COMMAND [ARGUMENT...]]",
                              "Run a command beside a throw-away ZooKeeper",
                              text,
                              run,
                              false};
