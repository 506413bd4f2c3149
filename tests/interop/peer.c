/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "peer.h"

#include "child.h"
#include "probe.h"
#include "proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct peer {
    struct child *child;
    struct proxy *proxy; /* knows the session, whatever the language */
    char name[64];
};

static struct child *start(const char *language, const char *kind, const char *server,
                           const char *path)
{
    char launcher[4096], timeout[16];
    const char *argv[] = {launcher, getenv("ZKC_INTEROP"), language, kind, server, path, timeout,
                          NULL};

    snprintf(timeout, sizeof timeout, "%d", PEER_SESSION_MS);
    if (strcmp(language, "c") == 0)
        return child_start("ours", kind, server, path, timeout, NULL);
    snprintf(launcher, sizeof launcher, "%s/tests/interop/peers/run", getenv("top_srcdir"));
    return child_start_program(argv);
}

struct peer *peer_start(const char *language, const char *kind, const char *server,
                        const char *path)
{
    struct peer *peer = calloc(1, sizeof *peer);

    assert_non_null(peer);
    snprintf(peer->name, sizeof peer->name, "%s %s", language, kind);
    peer->proxy = proxy_start(server);
    assert_non_null(peer->proxy);
    peer->child = start(language, kind, proxy_address(peer->proxy), path);
    assert_non_null(peer->child);
    return peer;
}

void peer_kill(struct peer *peer)
{
    child_kill(peer->child);
    assert_true(child_wait(peer->child, NULL, PEER_SOON));
}

void peer_free(struct peer *peer)
{
    if (peer == NULL)
        return;
    child_free(peer->child);
    proxy_stop(peer->proxy);
    free(peer);
}

static void hear(struct peer *peer, char *line, size_t size)
{
    if (!child_read_line(peer->child, line, size, PEER_SOON))
        fail_msg("%s: no answer", peer->name);
}

static void expect(const struct peer *peer, const char *line, const char *words, size_t length)
{
    if (strncmp(line, words, length) != 0)
        fail_msg("%s: says \"%s\", not \"%s\"", peer->name, line, words);
}

void peer_says(struct peer *peer, const char *words)
{
    char line[4096];

    hear(peer, line, sizeof line);
    expect(peer, line, words, strlen(words) + 1);
}

void peer_says_with(struct peer *peer, const char *beginning)
{
    char line[4096];

    hear(peer, line, sizeof line);
    expect(peer, line, beginning, strlen(beginning));
}

int peer_worked(struct peer *peer)
{
    char line[4096];

    hear(peer, line, sizeof line);
    expect(peer, line, "worked ", strlen("worked "));
    return atoi(line + strlen("worked "));
}

void peer_tell(struct peer *peer, const char *format, ...)
{
    char line[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (!child_write_line(peer->child, line))
        fail_msg("%s: has ended", peer->name);
}

void peer_is_silent(struct peer *peer, int64_t deadline)
{
    char line[4096];

    if (child_read_line(peer->child, line, sizeof line, deadline))
        fail_msg("%s: says \"%s\" out of turn", peer->name, line);
}

void peer_expire(struct peer *peer, const char *server)
{
    struct proxy_session session;

    assert_true(proxy_last_session(peer->proxy, &session));
    assert_true(probe_expire(server, session.id, session.password));
}
