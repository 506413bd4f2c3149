/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "servers_internal.h"

#include "harness.h"
#include "ports.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE (1 << 20)

/* ---- asking ---- */

static bool ready(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, deadline_left_ms(deadline)) == 1;
}

/* Reads to the end; what does not fit is thrown away. */
static int read_all(int fd, char *answer, size_t size, int64_t deadline)
{
    char rest[4096] = "";
    size_t used = 0;

    while (ready(fd, POLLIN, deadline)) {
        bool full = used + 1 >= size;
        ssize_t n = recv(fd, full ? rest : answer + used, full ? sizeof(rest) : size - 1 - used,
                         MSG_DONTWAIT);
        if (n < 0)
            return -1;
        if (n == 0) {
            answer[used] = '\0';
            return (int)used;
        }
        used += full ? 0 : (size_t)n;
    }
    return -1;
}

static int ask(const char *address, const char *word, char *answer, size_t size, int64_t deadline)
{
    int n = -1, fd = port_connect(address);

    answer[0] = '\0';
    if (fd < 0)
        return -1;
    if (ready(fd, POLLOUT, deadline) && send(fd, word, strlen(word), MSG_NOSIGNAL) > 0)
        n = read_all(fd, answer, size, deadline);
    close(fd);
    return n;
}

/*
 * A connection that reaches a lone server 3.8 in the moment before its database exists gets no
 * answer and no end (closing it fails by a NullPointerException): so ask again rather than wait.
 */
int server_command(struct servers *s, int i, const char *word, char *answer, size_t size)
{
    static const int patience_ms[] = {100, 400, 2500};
    int n = -1;

    for (size_t try = 0; n < 0 && try < sizeof(patience_ms) / sizeof(patience_ms[0]); try++)
        n = ask(s->at[i].address, word, answer, size, deadline_in_ms(patience_ms[try]));
    return n;
}

/* The whole answer, to be freed; or NULL. */
static char *ask_long(struct servers *s, int i, const char *word)
{
    char *answer = malloc(ANSWER_SIZE);

    if (answer && server_command(s, i, word, answer, ANSWER_SIZE) < 0) {
        free(answer);
        answer = NULL;
    }
    return answer;
}

/* ---- srvr ---- */

enum server_mode server_mode_and_epoch(struct servers *s, int i, long *epoch)
{
    char answer[2048];
    const char *zxid;

    *epoch = -1;
    if (!s->at[i].pid || s->at[i].paused ||
        server_command(s, i, "srvr", answer, sizeof(answer)) < 0)
        return SERVER_DOWN;
    zxid = strstr(answer, "Zxid: 0x");
    if (zxid)
        *epoch = (long)(strtoull(zxid + 6, NULL, 16) >> 32);
    if (strstr(answer, "Mode: standalone"))
        return SERVER_STANDALONE;
    if (strstr(answer, "Mode: leader"))
        return SERVER_LEADER;
    return strstr(answer, "Mode: follower") ? SERVER_FOLLOWER : SERVER_DOWN;
}

enum server_mode server_mode(struct servers *s, int i)
{
    long epoch;

    return server_mode_and_epoch(s, i, &epoch);
}

/* ---- wchs, wchp ---- */

int server_watches(struct servers *s, int i)
{
    char answer[1024];
    const char *total;

    if (server_command(s, i, "wchs", answer, sizeof(answer)) < 0)
        return -1;
    total = strstr(answer, "Total watches:");
    return total ? atoi(total + strlen("Total watches:")) : -1;
}

/* A path on a line of its own, then one indented line for each session that watches it. */
int server_watchers(struct servers *s, int i, const char *path)
{
    char *answer = ask_long(s, i, "wchp"), *next = answer, *line;
    bool here = false;
    int n = 0;

    if (!answer)
        return -1;
    while ((line = strsep(&next, "\n"))) {
        if (line[0] == '\t')
            n += here;
        else
            here = strcmp(line, path) == 0;
    }
    free(answer);
    return n;
}

/* ---- cons ---- */

int server_sessions(struct servers *s, int i, int64_t *ids, int max)
{
    char *answer = ask_long(s, i, "cons");
    int n = 0;

    if (!answer)
        return -1;
    for (char *sid = strstr(answer, "sid=0x"); sid; sid = strstr(sid + 1, "sid=0x")) {
        if (n < max)
            ids[n] = (int64_t)strtoull(sid + 4, NULL, 16);
        n++;
    }
    free(answer);
    return n;
}

int server_connections(struct servers *s, int i)
{
    return server_sessions(s, i, NULL, 0);
}

/* ---- dump ---- */

/* Where a part of the answer begins. It is cut off where the next part begins. */
static char *part_of(char *answer, const char *title)
{
    char *part = answer ? strstr(answer, title) : NULL;
    char *end = part ? strstr(part, "\nephemeral nodes dump:") : NULL;

    if (!end && part)
        end = strstr(part, "\nConnections dump:");
    if (end)
        end[1] = '\0';
    return part;
}

/* "\t0x123\n" where sessions are expired (the leader), "0x123\t4000ms\n" elsewhere. */
bool server_knows_session(struct servers *s, int i, int64_t id)
{
    char *answer = ask_long(s, i, "dump"), *part = part_of(answer, "SessionTracker dump:");
    char text[32];
    bool known = false;

    snprintf(text, sizeof(text), "0x%" PRIx64, id);
    if (part && (part = strcasestr(part, text)))
        known = strchr("\t\n", part[strlen(text)]) != NULL;
    free(answer);
    return known;
}

int server_ephemerals(struct servers *s, int i, int64_t id)
{
    char *answer = ask_long(s, i, "dump"), *next = part_of(answer, "ephemeral nodes dump:");
    char text[32], *line;
    bool here = false;
    int n = 0;

    if (!answer)
        return -1;
    snprintf(text, sizeof(text), "0x%" PRIx64 ":", id);
    while ((line = strsep(&next, "\n"))) {
        if (line[0] == '\t')
            n += here;
        else
            here = strcasecmp(line, text) == 0;
    }
    free(answer);
    return n;
}
