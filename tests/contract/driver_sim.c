/* Cases on simulated servers. The case is a fiber; every line is a machine. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "driver_sim.h"

#include <stdio.h>
#include <stdlib.h>

struct line {
    struct machine *machine;
    char addresses[80];
};

/* ---- time ---- */

bool driver_wait(bool (*condition)(void *arg), void *arg, int ms)
{
    int64_t until = world_now() + ms * SIM_MS;

    while (!condition(arg)) {
        if (world_now() >= until)
            return false;
        fiber_sleep(world_between(SIM_MS / 10, 2 * SIM_MS));
    }
    return true;
}

void driver_lock(void)
{
}

void driver_unlock(void)
{
}

/* ---- servers ---- */

int driver_servers(void)
{
    return cluster_servers();
}

static bool has_leader(void *arg)
{
    (void)arg;
    return cluster_leader() >= 0;
}

int driver_leader(void)
{
    driver_wait(has_leader, NULL, 60000);
    return cluster_leader();
}

static bool other_leads(void *arg)
{
    return cluster_leader() >= 0 && cluster_leader() != *(int *)arg;
}

bool driver_wait_leader_but(int server)
{
    return driver_wait(other_leads, &server, 60000);
}

int driver_follower(void)
{
    int count = cluster_servers();

    return count > 1 ? (driver_leader() + 1) % count : -1;
}

void driver_kill(int server)
{
    cluster_crash(server);
}

void driver_start(int server)
{
    cluster_restart(server);
}

void driver_cut(int server)
{
    cluster_isolate(server);
}

void driver_heal(void)
{
    cluster_heal();
}

static bool serves(void *arg)
{
    (void)arg;
    return cluster_serving() == cluster_servers();
}

bool driver_wait_serving(void)
{
    return driver_wait(serves, NULL, 60000);
}

/* ---- lines ---- */

static struct line *new_line(void)
{
    struct line *line = calloc(1, sizeof *line);

    if (line == NULL)
        abort();
    line->machine = machine_new("line", 0, 0);
    return line;
}

struct line *line_open_to(const char *addresses)
{
    struct line *line = new_line();

    snprintf(line->addresses, sizeof line->addresses, "%s", addresses);
    return line;
}

struct line *line_open(int server)
{
    struct line *line = new_line();

    if (server == DRIVER_ALL)
        snprintf(line->addresses, sizeof line->addresses, "%s", cluster_addresses());
    else
        cluster_address(server, line->addresses, sizeof line->addresses);
    return line;
}

void line_close(struct line *line)
{
    free(line);
}

const char *line_addresses(const struct line *line)
{
    return line->addresses;
}

void line_set(struct line *line, enum line_fault fault)
{
    static const enum link_fault faults[] = {
        [LINE_FINE] = LINK_FINE,           [LINE_BLACKHOLE] = LINK_BLACKHOLE,
        [LINE_TO_SERVER] = LINK_TO_SERVER, [LINE_TO_CLIENT] = LINK_TO_CLIENT,
        [LINE_REFUSED] = LINK_REFUSED,
    };

    cluster_link(line->machine, -1, faults[fault]);
}

void line_bar(struct line *line, bool barred)
{
    cluster_bar(line->machine, barred);
}

void line_reset(struct line *line)
{
    cluster_reset(line->machine);
}

void line_reset_at_next(struct line *line, bool applied)
{
    cluster_reset_at_next(line->machine, applied);
}

void line_run(struct line *line, void (*fn)(void *arg), void *arg)
{
    machine_visit(line->machine, fn, arg);
}

struct machine *line_machine(struct line *line)
{
    return line->machine;
}
