/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random faults for $ZKC_SOAK_SECONDS (120), in chapters. Each has new contenders, a seed of its
 * own, and is judged at its end. To repeat a chapter: ZKC_SEED=<its seed> ZKC_SOAK_SECONDS=1. The
 * same faults come in the same order; how they meet the servers' work is left to chance.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTENDERS 5
#define STEPS 6
#define LONGEST_MS (8 * STAGE_TICK_MS) /* of a fault: sessions live for four ticks at most */
#define REST_MS (2 * STAGE_TICK_MS)

/* Two faults that begin one after the other. */
struct step {
    const struct fault *faults[2];
    int who;                 /* who suffers, or is tied to the server */
    int target[2];           /* chosen when the fault begins */
    int between, both, rest; /* how long */
    bool keep;
};

struct soak {
    unsigned chapters, diverged, beliefs, takeovers;
    int64_t least_takeover, sure_takeover, least_release, longest_wait;
};

static int soak_seconds(void)
{
    const char *given = getenv("ZKC_SOAK_SECONDS");

    return given ? atoi(given) : 120;
}

static const struct fault *draw_fault(bool of_contender)
{
    const struct fault *f;

    do {
        f = &faults[harness_random((uint32_t)fault_count)];
    } while ((f->target == ON_CONTENDER) != of_contender);
    return f;
}

/* One of each sort, in any order; or one only. */
static void draw(struct step *step)
{
    bool of_contender = harness_random(2) == 0;

    step->faults[0] = draw_fault(of_contender);
    step->faults[1] = harness_random(2) == 0 ? draw_fault(!of_contender) : NULL;
    step->who = (int)harness_random(CONTENDERS);
    step->between = (int)harness_random(LONGEST_MS / 2);
    step->both = (int)harness_random(LONGEST_MS);
    step->rest = (int)harness_random(REST_MS);
    step->keep = harness_random(3) > 0;
}

static void begin_fault(struct stage *s, struct step *step, int i)
{
    const struct fault *f = step->faults[i];

    if (!f)
        return;
    step->target[i] = fault_choose(f, s, step->who);
    print_message("  %s (%d)\n", f->name, step->target[i]);
    if (f->tied)
        stage_tie(s, step->who, step->target[i]);
    f->begin(s, step->target[i]);
}

static void end_fault(struct stage *s, struct step *step, int i)
{
    const struct fault *f = step->faults[i];

    if (!f)
        return;
    f->end(s, step->target[i]);
    stage_tie(s, step->who, -1);
}

/* Faults end in the order in which they began. */
static void take_step(struct stage *s, struct step *step)
{
    if (step->keep)
        stage_ask_to_keep(s, step->who);
    faults_pass(step->rest);
    begin_fault(s, step, 0);
    faults_pass(step->between);
    begin_fault(s, step, 1);
    faults_pass(step->both);
    end_fault(s, step, 0);
    faults_pass(step->between / 2);
    end_fault(s, step, 1);
    stage_go(s, step->who);
}

static void add_up(struct soak *soak, const struct verdict *v)
{
    soak->chapters++;
    soak->beliefs += v->beliefs;
    soak->takeovers += v->takeovers;
    if (v->least_takeover < soak->least_takeover)
        soak->least_takeover = v->least_takeover;
    if (v->sure_takeover < soak->sure_takeover)
        soak->sure_takeover = v->sure_takeover;
    if (v->least_release < soak->least_release)
        soak->least_release = v->least_release;
    if (v->longest_wait > soak->longest_wait)
        soak->longest_wait = v->longest_wait;
}

/*
 * ZooKeeper broke its own promise (agreement.h), in a way that lets nobody be served. That is no
 * fault of ours, as long as it stays rare; that two hold, or out of order, would be one.
 */
static void replace_servers(struct soak *soak, const struct verdict *v)
{
    assert_int_equal(v->overlaps + v->disorders + v->errors, 0);
    soak->chapters++;
    soak->diverged++;
    assert_int_equal(play_clean_up(NULL), 0);
    play_stop(NULL);
    assert_int_equal(play_start(NULL), 0);
}

static void play_chapter(struct soak *soak, uint64_t seed)
{
    struct step steps[STEPS] = {0};
    struct verdict v;
    char title[64];
    enum scene_kind kind;

    harness_reseed(seed);
    print_message("chapter %u; to repeat it: ZKC_SEED=%llu ZKC_SOAK_SECONDS=1\n", soak->chapters,
                  (unsigned long long)seed);
    for (int i = 0; i < STEPS; i++)
        draw(&steps[i]);
    kind = (enum scene_kind)harness_random(SCENE_READER + 1);
    play_stage = stage_new(play_servers, kind, CONTENDERS, HONEST);
    stage_heal(play_stage);
    for (int i = 0; i < STEPS; i++) {
        take_step(play_stage, &steps[i]);
        if (i % 2 == 1)
            stage_heal(play_stage);
    }
    snprintf(title, sizeof(title), "chapter %u (%s)", soak->chapters, scene_kind_name(kind));
    v = stage_judge(play_stage, title);
    if (play_stage->diverged) {
        replace_servers(soak, &v);
        return;
    }
    stage_accept(play_stage, &v);
    add_up(soak, &v);
    play_clean_up(NULL);
}

static void soak_of_random_faults(void **state)
{
    struct soak soak = {
        .least_takeover = INT64_MAX, .sure_takeover = INT64_MAX, .least_release = INT64_MAX};
    int64_t end = deadline_in_ms(soak_seconds() * 1000LL);

    (void)state;
    do {
        play_chapter(&soak, harness_seed() + soak.chapters);
    } while (!deadline_passed(end));
    print_message(
        "soak: %u chapters, %u of them void for servers that had lost transactions, %u beliefs, "
        "%u takeovers, margin least %.1f ms (surely %.1f); margin of releases least %.2f ms; "
        "longest wait %.0f ms\n",
        soak.chapters, soak.diverged, soak.beliefs, soak.takeovers,
        (double)soak.least_takeover / 1e6, (double)soak.sure_takeover / 1e6,
        (double)soak.least_release / 1e6, (double)soak.longest_wait / 1e6);
    assert_true(soak.diverged <= 1 + soak.chapters / 10);
    assert_true(soak.chapters > soak.diverged);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(soak_of_random_faults, play_clean_up),
    };
    char limit[32];

    snprintf(limit, sizeof(limit), "%d", soak_seconds() + 180);
    setenv("ZKC_TEST_LIMIT", limit, 0);
    harness_start(argc, argv, play_roles);
    if (!servers_available())
        return 77;
    return cmocka_run_group_tests(tests, play_start, play_stop);
}
