/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "servers_internal.h"

#include "harness.h"
#include "keeper.h"
#include "ports.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 60000

/* ---- configuration ---- */

static int or_default(int value, int otherwise)
{
    return value ? value : otherwise;
}

/* Unknown keys become Java properties "zookeeper.<key>": forceSync and preAllocSize (KiB). */
static void write_common(struct servers *s, int i, FILE *config)
{
    fprintf(config,
            "dataDir=%s\n"
            "clientPort=%d\n"
            "clientPortAddress=127.0.0.1\n"
            "tickTime=%d\n"
            "initLimit=%d\n"
            "syncLimit=%d\n"
            "maxClientCnxns=0\n"
            "admin.enableServer=false\n"
            "4lw.commands.whitelist=*\n"
            "forceSync=no\n"
            "preAllocSize=64\n"
            "extendedTypesEnabled=true\n"
            "DigestAuthenticationProvider.superDigest=super:%s\n",
            s->at[i].dir, s->at[i].ports[CLIENT_PORT], or_default(s->options.tick_ms, 500),
            or_default(s->options.init_limit, 20), or_default(s->options.sync_limit, 5),
            "lK75jTNcA+U9vtVEw5vB51mj/w4="); /* base64(sha1(SERVERS_SUPER)) */
}

static bool write_config(struct servers *s, int i, const char *path)
{
    FILE *config = fopen(path, "we");

    if (!config)
        return false;
    write_common(s, i, config);
    quorum_configure(s, i, config);
    if (s->options.extra)
        fputs(s->options.extra, config);
    return fclose(config) == 0;
}

static bool write_id(const char *dir, int id)
{
    char path[PATH_MAX + 16];
    FILE *f;

    snprintf(path, sizeof(path), "%s/myid", dir);
    f = fopen(path, "we");
    if (!f)
        return false;
    fprintf(f, "%d\n", id);
    return fclose(f) == 0;
}

/* ---- one server ---- */

static bool reserve_ports(struct server *at)
{
    for (int port = 0; port < PORTS; port++) {
        at->reserved[port] = port_reserve(&at->ports[port]);
        if (at->reserved[port] < 0)
            return false;
    }
    snprintf(at->address, sizeof(at->address), "127.0.0.1:%u", at->ports[CLIENT_PORT]);
    return true;
}

static bool prepare(struct servers *s, int i)
{
    struct server *at = &s->at[i];

    if (!reserve_ports(at))
        return false;
    if ((size_t)snprintf(at->dir, sizeof(at->dir), "%s/%d", s->dir, i) >= sizeof(at->dir))
        return false;
    return mkdir(at->dir, 0700) == 0 && write_id(at->dir, i + 1);
}

static bool launch(struct servers *s, int i)
{
    char config[PATH_MAX + 16];
    const char *argv[] = {harness_server_script(), config, NULL};

    snprintf(config, sizeof(config), "%s/zoo.cfg", s->at[i].dir);
    if (!argv[0] || !write_config(s, i, config))
        return false;
    s->at[i].pid = keeper_spawn(argv, -1);
    s->at[i].paused = false;
    if (s->at[i].pid > 0)
        return true;
    s->at[i].pid = 0;
    return false;
}

pid_t server_pid(const struct servers *s, int i)
{
    return s->at[i].pid;
}

void server_kill(struct servers *s, int i)
{
    if (!s->at[i].pid)
        return;
    keeper_signal(s->at[i].pid, SIGKILL);
    keeper_wait(s->at[i].pid, NULL, deadline_in_ms(10000));
    s->at[i].pid = 0;
    s->at[i].paused = false;
}

void server_pause(struct servers *s, int i)
{
    s->at[i].paused = true;
    keeper_signal(s->at[i].pid, SIGSTOP);
}

void server_resume(struct servers *s, int i)
{
    s->at[i].paused = false;
    keeper_signal(s->at[i].pid, SIGCONT);
}

bool server_start_again(struct servers *s, int i)
{
    server_kill(s, i);
    return launch(s, i);
}

/* ---- all of them ---- */

bool servers_available(void)
{
    const char *argv[] = {harness_server_script(), "--check", NULL};
    int status = -1;
    pid_t pid;

    if (!argv[0]) {
        fprintf(stderr, "servers: examples/zookeeper-server not found\n");
        return false;
    }
    pid = keeper_spawn(argv, -1);
    return pid > 0 && keeper_wait(pid, &status, deadline_in_ms(10000)) && status == 0;
}

static struct servers *servers_new(const struct servers_options *options)
{
    struct servers *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    if (options)
        s->options = *options;
    s->count = or_default(s->options.count, 1);
    if (s->count == 1)
        s->options.proxied_quorum = false;
    for (int i = 0; i < SERVERS_MAX; i++) {
        for (int port = 0; port < PORTS; port++)
            s->at[i].reserved[port] = -1;
    }
    return s;
}

static bool prepare_all(struct servers *s)
{
    bool ok = s->count <= SERVERS_MAX && keeper_make_dir(s->dir, sizeof(s->dir)) == 0;

    for (int i = 0; ok && i < s->count; i++) {
        ok = prepare(s, i);
        strcat(strcat(s->addresses, i ? "," : ""), s->at[i].address);
    }
    return ok && quorum_start(s);
}

static bool launch_all(struct servers *s)
{
    bool ok = true;

    for (int i = 0; ok && i < s->count; i++)
        ok = launch(s, i);
    return ok && servers_wait_serving(s, deadline_in_ms(START_MS));
}

struct servers *servers_start(const struct servers_options *options)
{
    struct servers *s = servers_new(options);

    if (s && prepare_all(s) && launch_all(s))
        return s;
    fprintf(stderr, "servers: they do not start\n");
    if (s)
        servers_print_logs(s);
    servers_stop(s);
    return NULL;
}

static void release_ports(struct server *at)
{
    for (int port = 0; port < PORTS; port++) {
        if (at->reserved[port] >= 0)
            close(at->reserved[port]);
    }
}

void servers_stop(struct servers *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        if (s->at[i].pid)
            keeper_signal(s->at[i].pid, SIGKILL);
    }
    for (int i = 0; i < s->count; i++)
        server_kill(s, i);
    quorum_stop(s);
    for (int i = 0; i < s->count; i++)
        release_ports(&s->at[i]);
    if (*s->dir)
        keeper_remove_dir(s->dir);
    free(s);
}

int servers_count(const struct servers *s)
{
    return s->count;
}

const char *servers_dir(const struct servers *s)
{
    return s->dir;
}

const char *server_address(const struct servers *s, int i)
{
    return s->at[i].address;
}

const char *servers_addresses(const struct servers *s)
{
    return s->addresses;
}

/* ---- waiting ---- */

/* An exited server (a bad option, say) will never serve: no need to wait for the deadline. */
static bool any_has_exited(struct servers *s)
{
    bool any = false;

    for (int i = 0; i < s->count; i++) {
        if (s->at[i].pid && keeper_ended(s->at[i].pid, NULL)) {
            s->at[i].pid = 0;
            any = true;
        }
    }
    return any;
}

static bool should_serve(const struct servers *s, int i)
{
    return s->at[i].pid && !s->at[i].paused && !s->cut[i];
}

static bool all_serve(struct servers *s)
{
    int leaders = 0;

    for (int i = 0; i < s->count; i++) {
        enum server_mode mode = should_serve(s, i) ? server_mode(s, i) : SERVER_FOLLOWER;
        if (mode == SERVER_DOWN)
            return false;
        leaders += mode != SERVER_FOLLOWER;
    }
    return leaders == 1;
}

struct serving {
    struct servers *servers;
    bool exited;
};

static bool serving_or_exited(void *arg)
{
    struct serving *w = arg;

    w->exited = any_has_exited(w->servers);
    return w->exited || all_serve(w->servers);
}

bool servers_wait_serving(struct servers *s, int64_t deadline)
{
    struct serving w = {.servers = s};

    return wait_until(serving_or_exited, &w, deadline) && !w.exited;
}

int servers_leader_index(struct servers *s)
{
    long newest = -1, epoch;
    int leader = -1;

    for (int i = 0; i < s->count; i++) {
        enum server_mode mode = server_mode_and_epoch(s, i, &epoch);
        if ((mode == SERVER_LEADER || mode == SERVER_STANDALONE) && epoch > newest) {
            newest = epoch;
            leader = i;
        }
    }
    return leader;
}

int servers_follower_index(struct servers *s)
{
    for (int i = 0; i < s->count; i++) {
        if (should_serve(s, i) && server_mode(s, i) == SERVER_FOLLOWER)
            return i;
    }
    return -1;
}

struct expected {
    struct servers *servers;
    int i;
    enum server_mode mode;
};

static bool is_in_mode(void *arg)
{
    struct expected *e = arg;

    return server_mode(e->servers, e->i) == e->mode;
}

bool server_wait_mode(struct servers *s, int i, enum server_mode mode, int64_t deadline)
{
    return wait_until(is_in_mode, &(struct expected){.servers = s, .i = i, .mode = mode}, deadline);
}

static bool other_leads(void *arg)
{
    struct expected *e = arg;

    for (int i = 0; i < e->servers->count; i++) {
        if (i != e->i && server_mode(e->servers, i) == SERVER_LEADER) {
            e->i = i;
            return true;
        }
    }
    return false;
}

int servers_wait_leader(struct servers *s, int except, int64_t deadline)
{
    struct expected e = {.servers = s, .i = except};

    return wait_until(other_leads, &e, deadline) ? e.i : -1;
}

/* ---- logs ---- */

static void print_tail(const char *path)
{
    char text[6000];
    FILE *f = fopen(path, "re");
    size_t n;

    if (!f)
        return;
    fprintf(stderr, "==== the end of %s\n", path);
    if (fseek(f, -(long)sizeof(text), SEEK_END) != 0)
        rewind(f);
    n = fread(text, 1, sizeof(text), f);
    fwrite(text, 1, n, stderr);
    fclose(f);
}

void servers_print_logs(struct servers *s)
{
    char path[PATH_MAX + 32];

    for (int i = 0; i < s->count; i++) {
        snprintf(path, sizeof(path), "%s/zookeeper.log", s->at[i].dir);
        print_tail(path);
    }
}
