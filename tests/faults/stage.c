/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include "agreement.h"
#include "keeper.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <zookeeper/zookeeper.h>

#define SYNC_LIMIT 5  /* ticks until a silent server is noticed; longer than sessions live */
#define INIT_LIMIT 10 /* ticks until a failed election is repeated */
#define PROBE_MS (20 * STAGE_TICK_MS)
#define AGREE_MS 10000

struct servers *stage_servers(void)
{
    return servers_start(
        &(struct servers_options){.count = STAGE_SERVERS,
                                  .tick_ms = STAGE_TICK_MS,
                                  .sync_limit = SYNC_LIMIT,
                                  .init_limit = INIT_LIMIT,
                                  .proxied_quorum = true,
                                  .extra = "fastleader.maxNotificationInterval=400\n"});
}

/* ---- contenders ---- */

static void link_player(struct stage *s, struct player *p)
{
    p->nodes[0] = '\0';
    for (int i = 0; i < STAGE_SERVERS; i++) {
        p->links[i] = proxy_start(server_address(s->servers, i));
        assert_non_null(p->links[i]);
        if (i > 0)
            strcat(p->nodes, ",");
        strcat(p->nodes, proxy_address(p->links[i]));
    }
}

static void start_player(struct stage *s, struct player *p, enum lie lie)
{
    char kind[16], session[16], seed[32], lying[16];

    snprintf(p->journal, sizeof(p->journal), "%s/%s", s->dir, p->name);
    snprintf(kind, sizeof(kind), "%d",
             (int)(s->kind == SCENE_READER && !p->shares ? SCENE_LOCK : s->kind));
    snprintf(session, sizeof(session), "%d", p->session_ms);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)harness_random(UINT32_MAX) << 16);
    snprintf(lying, sizeof(lying), "%d", (int)lie);
    p->born = now_ns();
    p->child =
        child_start("contender", p->nodes, kind, s->id, session, seed, p->journal, lying, NULL);
    assert_non_null(p->child);
}

/* Sessions of two, three and four ticks: two is the least that servers grant. */
static void add_player(struct stage *s, int who, enum lie lie)
{
    struct player *p = &s->players[who];

    snprintf(p->name, sizeof(p->name), "%d", who);
    p->session_ms = (2 + who % 3) * STAGE_TICK_MS;
    p->shares = s->kind == SCENE_READER && who % 2 == 0;
    link_player(s, p);
    start_player(s, p, lie);
    s->count++;
}

struct stage *stage_new(struct servers *servers, enum scene_kind kind, int count, enum lie lie)
{
    static int number;
    struct stage *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    assert_in_range(count, 1, STAGE_PLAYERS);
    s->servers = servers;
    s->kind = kind;
    s->judge = judge_new();
    snprintf(s->id, sizeof(s->id), "stage-%d", number++);
    if (kind != SCENE_LEADER)
        scene_lock_path(s->path, sizeof(s->path), s->id);
    else
        scene_leader_path(s->path, sizeof(s->path), s->id);
    assert_int_equal(keeper_make_dir(s->dir, sizeof(s->dir)), 0);
    stage_look_again(s);
    for (int i = 0; i < count; i++)
        add_player(s, i, i == 0 ? lie : HONEST);
    return s;
}

void stage_free(struct stage *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->count; i++) {
        child_free(s->players[i].child);
        for (int k = 0; k < STAGE_SERVERS; k++)
            proxy_stop(s->players[i].links[k]);
    }
    probe_close(s->probe);
    judge_free(s->judge);
    keeper_remove_dir(s->dir);
    free(s);
}

static void tell(struct stage *s, int who, const char *command)
{
    assert_true(child_write_line(s->players[who].child, command));
}

/* ---- waiting for them ---- */

struct wanted {
    struct stage *stage;
    int who;
    int64_t since;
};

bool stage_keeps(struct stage *s, int who)
{
    struct belief b;
    bool kept;

    return journal_newest(s->players[who].journal, &b, &kept) && kept && b.over == 0;
}

static bool keeps_before_all(void *arg)
{
    struct wanted *w = arg;

    return stage_keeps(w->stage, w->who) &&
           scene_count(w->stage->probe, w->stage->path) == w->stage->count;
}

void stage_ask_to_keep(struct stage *s, int who)
{
    tell(s, who, "keep");
}

void stage_keep(struct stage *s, int who)
{
    stage_look_again(s);
    stage_ask_to_keep(s, who);
    assert_true(wait_until(keeps_before_all, &(struct wanted){.stage = s, .who = who}, STAGE_SOON));
}

void stage_go(struct stage *s, int who)
{
    tell(s, who, "go");
}

static bool had_turn(struct stage *s, int who, int64_t since)
{
    struct belief b;
    bool kept;

    return journal_newest(s->players[who].journal, &b, &kept) && b.first >= since;
}

static bool other_believes(void *arg)
{
    struct wanted *w = arg;
    const struct player *players = w->stage->players;

    for (int i = 0; i < w->stage->count; i++) {
        if (i != w->who && !(players[i].shares && players[w->who].shares) &&
            had_turn(w->stage, i, w->since))
            return true;
    }
    return false;
}

void stage_taken_over(struct stage *s, int who, int64_t since)
{
    struct wanted w = {.stage = s, .who = who, .since = since};

    assert_true(wait_until(other_believes, &w, STAGE_SOON));
}

static bool believes_not(void *arg)
{
    struct wanted *w = arg;
    struct belief b;
    bool kept;

    return journal_newest(w->stage->players[w->who].journal, &b, &kept) && b.over != 0;
}

void stage_believes_no_more(struct stage *s, int who)
{
    assert_true(wait_until(believes_not, &(struct wanted){.stage = s, .who = who}, STAGE_SOON));
}

void stage_replace(struct stage *s, int who)
{
    struct player *p = &s->players[who];

    child_kill(p->child);
    assert_true(child_wait(p->child, NULL, STAGE_SOON));
    child_free(p->child);
    p->child = NULL;
    judge_add(s->judge, p->name, p->journal,
              (struct life){.born = p->born, .died = now_ns(), .shares = p->shares});
    snprintf(p->name, sizeof(p->name), "%d-%d", who, ++s->replaced);
    start_player(s, p, HONEST);
}

/* ---- links ---- */

void stage_links(struct stage *s, int who, enum proxy_mode mode)
{
    for (int i = 0; i < STAGE_SERVERS; i++)
        proxy_set_mode(s->players[who].links[i], mode);
}

void stage_delay(struct stage *s, int who, int to_server_ms, int to_client_ms)
{
    for (int i = 0; i < STAGE_SERVERS; i++)
        proxy_set_delay(s->players[who].links[i], to_server_ms, to_client_ms);
}

void stage_reset(struct stage *s, int who)
{
    for (int i = 0; i < STAGE_SERVERS; i++)
        proxy_reset_all(s->players[who].links[i]);
}

void stage_tie(struct stage *s, int who, int server)
{
    for (int i = 0; i < STAGE_SERVERS; i++) {
        bool refuse = server >= 0 && i != server;
        proxy_refuse(s->players[who].links[i], refuse);
        if (refuse)
            proxy_reset_all(s->players[who].links[i]);
    }
}

/* ---- the end ---- */

void stage_look_again(struct stage *s)
{
    probe_close(s->probe);
    s->probe = probe_open(servers_addresses(s->servers), PROBE_MS);
    assert_non_null(s->probe);
}

/* When something is wrong: is it the servers? */
static void compare_servers(struct stage *s)
{
    struct agreement *a = agreement_open(s->servers);
    bool agreed = agreement_reached(a, s->path, deadline_in_ms(AGREE_MS));

    agreement_close(a);
    if (agreed)
        return;
    s->diverged = true;
    print_message("the servers show different children of %s: one has lost transactions\n",
                  s->path);
}

static bool all_had_turn(void *arg)
{
    struct wanted *w = arg;

    for (int i = 0; i < w->stage->count; i++) {
        if (!had_turn(w->stage, i, w->since))
            return false;
    }
    return true;
}

/* Whether they had is for the judge to say. */
void stage_turns(struct stage *s)
{
    struct wanted w = {.stage = s, .since = now_ns()};

    judge_healed(s->judge, w.since, STAGE_TURN_MS * 1000000LL);
    if (!wait_until(all_had_turn, &w, deadline_in_ms(STAGE_TURN_MS)))
        compare_servers(s);
}

void stage_heal(struct stage *s)
{
    if (!servers_wait_serving(s->servers, STAGE_SOON)) {
        servers_print_logs(s->servers);
        fail_msg("the servers do not come back");
    }
    stage_turns(s);
}

static void all_leave(struct stage *s)
{
    int status;

    for (int i = 0; i < s->count; i++)
        tell(s, i, "quit");
    for (int i = 0; i < s->count; i++) {
        assert_true(child_wait(s->players[i].child, &status, STAGE_SOON));
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* Deletion may still be on its way; what stays longer than any session lives is a ghost. */
static void look_for_ghosts(struct stage *s)
{
    struct probe_list list;

    stage_look_again(s);
    if (scene_wait_count(s->probe, s->path, 0, deadline_in_ms(STAGE_TURN_MS)))
        return;
    compare_servers(s);
    assert_int_equal(probe_children(s->probe, s->path, &list), ZOK);
    for (int i = 0; i < list.count; i++)
        judge_left(s->judge, list.names[i]);
    probe_list_free(&list);
}

static void print_journal(const char *dir, const char *name)
{
    char path[512], text[4096];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "re");
    if (!f)
        return;
    fprintf(stderr, "==== journal %s\n", name);
    while ((n = fread(text, 1, sizeof(text), f)) > 0)
        fwrite(text, 1, n, stderr);
    fclose(f);
}

/* They are gone when the test ends. */
static void print_journals(const struct stage *s)
{
    DIR *dir = opendir(s->dir);

    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (e->d_name[0] != '.')
            print_journal(s->dir, e->d_name);
    }
    if (dir)
        closedir(dir);
}

struct verdict stage_judge(struct stage *s, const char *title)
{
    struct verdict v;

    all_leave(s);
    look_for_ghosts(s);
    for (int i = 0; i < s->count; i++)
        judge_add(s->judge, s->players[i].name, s->players[i].journal,
                  (struct life){.born = s->players[i].born, .shares = s->players[i].shares});
    v = judge_decide(s->judge);
    verdict_print(&v, title);
    return v;
}

void stage_accept(struct stage *s, const struct verdict *v)
{
    if (verdict_wrongs(v) != 0)
        print_journals(s);
    assert_int_equal(verdict_wrongs(v), 0);
    assert_true(scene_wait_watches(s->servers, 0, STAGE_SOON));
}

struct verdict stage_end(struct stage *s, const char *title)
{
    struct verdict v = stage_judge(s, title);

    stage_accept(s, &v);
    return v;
}
