/* SPDX-License-Identifier: Apache-2.0 */
#include "ensemble.h"
#include "jars.h"
#include "say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What TMPDIR is called goes through no format and no java: each server runs in its directory. */
#define MARK 9  /* its place among the words of a server's command line */
#define PORTS 3 /* for clients, for followers, for elections */

/* ---- ports ---- */

static int free_port(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return fd;
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* All at once, so that they differ. */
static bool choose_ports(int count, int ports[])
{
    int fds[ENSEMBLE_MAX * PORTS];
    bool good = true;

    for (int i = 0; i < count; i++) {
        ports[i] = 0;
        fds[i] = free_port(&ports[i]);
        good = good && ports[i] != 0;
    }
    for (int i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return good;
}

/* ---- files ---- */

/* Of one server; NULL without memory. Yours to free. */
static char *path_of(const struct ensemble *ensemble, int number, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%d%s%s", ensemble->directory, number, *name != '\0' ? "/" : "",
                    name) < 0
               ? NULL
               : path;
}

static FILE *create(const struct ensemble *ensemble, int number, const char *name)
{
    char *path = path_of(ensemble, number, name);
    FILE *file = path == NULL ? NULL : fopen(path, "we");

    free(path);
    return file;
}

static bool written(FILE *file)
{
    bool good = !ferror(file);

    return fclose(file) == 0 && good;
}

static bool write_id(const struct ensemble *ensemble, int number)
{
    FILE *file = create(ensemble, number, "data/myid");

    if (file == NULL)
        return false;
    fprintf(file, "%d\n", number + 1);
    return written(file);
}

static bool write_configuration(const struct ensemble *ensemble, int number, const int ports[])
{
    FILE *file = create(ensemble, number, "zoo.cfg");

    if (file == NULL)
        return false;
    fprintf(
        file,
        "dataDir=/proc/self/cwd/data\nclientPortAddress=127.0.0.1\nclientPort=%d\ntickTime=500\n"
        "initLimit=40\nsyncLimit=10\nadmin.enableServer=false\nforceSync=no\n"
        "preAllocSize=64\n4lw.commands.whitelist=*\n",
        ports[(size_t)number * PORTS]);
    for (int i = 0; ensemble->count > 1 && i < ensemble->count; i++)
        fprintf(file, "server.%d=127.0.0.1:%d:%d\n", i + 1, ports[i * PORTS + 1],
                ports[i * PORTS + 2]);
    return written(file);
}

static const char *scratch(void)
{
    const char *given = getenv("TMPDIR");

    return given != NULL && *given != '\0' ? given : "/tmp";
}

/* The servers run elsewhere, so a relative TMPDIR is no use to them. */
static bool make_directory(struct ensemble *ensemble)
{
    char *parent = realpath(scratch(), NULL);

    if (parent == NULL)
        return false;
    if (asprintf(&ensemble->directory, "%s/zkcoord-dev-XXXXXX", parent) < 0)
        ensemble->directory = NULL;
    free(parent);
    if (ensemble->directory != NULL && mkdtemp(ensemble->directory) != NULL)
        return true;
    free(ensemble->directory);
    ensemble->directory = NULL;
    return false;
}

static bool make_place(const struct ensemble *ensemble, int number, const char *name)
{
    char *path = path_of(ensemble, number, name);
    bool good = path != NULL && mkdir(path, 0700) == 0;

    free(path);
    return good;
}

static bool prepare(struct ensemble *ensemble)
{
    int ports[ENSEMBLE_MAX * PORTS] = {0};

    if (!make_directory(ensemble) || !choose_ports(ensemble->count * PORTS, ports))
        return false;
    for (int i = 0; i < ensemble->count; i++) {
        size_t used = strlen(ensemble->nodes);

        snprintf(ensemble->nodes + used, sizeof ensemble->nodes - used, "%s127.0.0.1:%d",
                 i > 0 ? "," : "", ports[(size_t)i * PORTS]);
        if (!make_place(ensemble, i, "") || !make_place(ensemble, i, "data") ||
            !write_id(ensemble, i) || !write_configuration(ensemble, i, ports))
            return false;
    }
    return true;
}

/* ---- servers ---- */

static int open_log(const struct ensemble *ensemble, int number)
{
    char *path = path_of(ensemble, number, "zookeeper.log");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    free(path);
    return fd;
}

static bool enter(const struct ensemble *ensemble, int number)
{
    char *path = path_of(ensemble, number, "");
    bool good = path != NULL && chdir(path) == 0;

    free(path);
    return good;
}

/* Small and quick to start. A group of its own: Ctrl-C is for the command. */
static void become(const struct ensemble *ensemble, int number, char *java, char *class_path,
                   pid_t parent)
{
    char *mark; /* by which somebody who looks at processes knows it */
    char *words[] = {java,
                     "-Xmx128m",
                     "-Xss512k",
                     "-Xshare:auto",
                     "-XX:+UseSerialGC",
                     "-XX:TieredStopAtLevel=1",
                     "-XX:-UsePerfData",
                     "-Djava.net.preferIPv4Stack=true",
                     "-Dzookeeper.jmx.log4j.disable=true",
                     NULL,
                     "-cp",
                     class_path,
                     "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                     "/proc/self/cwd/zoo.cfg",
                     NULL};
    int log = open_log(ensemble, number), null = open("/dev/null", O_RDONLY);
    sigset_t none;

    if (asprintf(&mark, "-Dzkcoord.dev=%s", ensemble->directory) < 0 || !enter(ensemble, number))
        _exit(127);
    words[MARK] = mark;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (log >= 0 && null >= 0 && getppid() == parent && dup2(null, 0) == 0 && dup2(log, 1) == 1 &&
        dup2(log, 2) == 2)
        execvp(java, words);
    _exit(127);
}

static bool start_all(struct ensemble *ensemble, char *java, char *class_path)
{
    pid_t parent = getpid();

    for (int i = 0; i < ensemble->count; i++) {
        ensemble->pids[i] = fork();
        if (ensemble->pids[i] == 0)
            become(ensemble, i, java, class_path, parent);
        if (ensemble->pids[i] < 0)
            return false;
    }
    return true;
}

bool ensemble_start(struct ensemble *ensemble, int count)
{
    char *java, *class_path;
    bool good;

    *ensemble = (struct ensemble){.count = count};
    if (!jars_find(&java, &class_path))
        return false;
    good = prepare(ensemble) && start_all(ensemble, java, class_path);
    if (!good)
        say("cannot start servers below %s: %s", scratch(), strerror(errno));
    free(java);
    free(class_path);
    return good;
}

static bool ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

bool ensemble_alive(const struct ensemble *ensemble)
{
    for (int i = 0; i < ensemble->count; i++)
        if (ended(ensemble->pids[i]))
            return false;
    return true;
}

void ensemble_explain(const struct ensemble *ensemble)
{
    for (int i = 0; i < ensemble->count; i++) {
        char text[4096];
        ssize_t length;
        int fd = ended(ensemble->pids[i]) ? open_log(ensemble, i) : -1;

        if (fd < 0)
            continue;
        if (lseek(fd, -(off_t)sizeof text + 1, SEEK_END) < 0)
            lseek(fd, 0, SEEK_SET);
        length = read(fd, text, sizeof text - 1);
        close(fd);
        if (length > 0)
            say("server %d has ended:\n%.*s", i + 1, (int)length, text);
        return;
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    remove(path);
    return 0;
}

void ensemble_stop(struct ensemble *ensemble)
{
    for (int i = 0; i < ensemble->count; i++)
        if (ensemble->pids[i] > 0)
            kill(ensemble->pids[i], SIGKILL);
    for (int i = 0; i < ensemble->count; i++)
        while (ensemble->pids[i] > 0 && waitpid(ensemble->pids[i], NULL, 0) < 0 && errno == EINTR)
            ;
    if (ensemble->directory != NULL)
        nftw(ensemble->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(ensemble->directory);
}
