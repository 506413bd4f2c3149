# SPDX-License-Identifier: Apache-2.0
"""bench.py PROGRAMS SERVER-SCRIPT OUTPUT [--seed N] [--quick]: measures, writes OUTPUT/results.json,
then tables and plots. tests/bench/run calls it."""
import argparse
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time

import measures
import report
from measures import LOCKS
from servers import Relay, Servers

DEPTHS = [2, 10, 100, 1000]
ELECTIONS = ["floor", "zkcoord", "kazoo", "curator"]
SESSION_MS = 2000  # of those that are killed


class Run:
    """One run: the servers it needs, one after the other, and what was measured."""

    def __init__(self, arguments):
        seed = arguments.seed if arguments.seed is not None else random.getrandbits(32)
        self.programs, self.script = arguments.programs, arguments.script
        self.output = os.path.join(arguments.output, "results.json")
        self.bench = measures.Bench(arguments.programs, seed, arguments.quick)
        self.quick = arguments.quick
        # In memory where there is such a place: the mood of a disk is not what is measured.
        shared = "/dev/shm"
        place = shared if os.access(shared, os.W_OK) else None
        self.directory = tempfile.mkdtemp(prefix="zkcoord-bench-", dir=place)
        self.running = None
        self.began = time.monotonic()
        self.results = {"run": {"seed": seed, "machine": platform.machine(),
                                "processors": os.cpu_count(), "kernel": platform.release(),
                                "quick": arguments.quick, "data in memory": place is not None}}

    def servers(self, name, count=1, tick=2000):
        self.running = Servers(self.script, os.path.join(self.directory, name), count, tick)
        return self.running

    def stop(self):
        """The servers; whatever program is left loses its session and is killed with us."""
        if self.running is not None:
            self.running.stop()
        self.running = None

    def note(self, name, result):
        self.results[name] = result
        self.results["run"]["seconds"] = round(time.monotonic() - self.began)
        with open(self.output, "w", encoding="ascii") as f:
            json.dump(self.results, f, indent=1)
        print(f"{time.monotonic() - self.began:5.0f} s  {name}", flush=True)

    def end(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def quit_all(drivers):
    for driver in drivers.values():
        driver.quit()


def one_server(run):
    bench, servers = run.bench, run.servers("one")
    drivers, result = measures.uncontended(bench, servers)
    run.note("uncontended", result)
    run.note("system calls", measures.system_calls(drivers))
    run.note("instructions", measures.instructions(servers, drivers))
    run.note("system calls of a million is_held",
             {"zkcoord": {"calls": measures.system_calls_while_held(drivers["zkcoord"])}})
    quit_all(drivers)
    relay = Relay(f"{run.programs}/relay", servers, 1000)
    drivers, result = measures.uncontended(bench, servers, relay.nodes, 60)
    run.note("uncontended, 1 ms each way", result)
    quit_all(drivers)
    relay.stop()
    run.note("many", measures.many(bench, servers))
    run.note("sessions", measures.sessions(bench, servers, LOCKS))
    run.note("hand-over", {waiters: measures.hand_over(bench, servers, "lock", waiters, LOCKS)
                           for waiters in (DEPTHS[:2] if run.quick else DEPTHS)})
    run.note("leader's hand-over", measures.hand_over(bench, servers, "election", 2, ELECTIONS))
    run.stop()


def three_servers(run):
    bench, servers = run.bench, run.servers("three", 3)
    drivers, result = measures.uncontended(bench, servers)
    run.note("uncontended, three servers", result)
    quit_all(drivers)
    run.note("hand-over, three servers", measures.hand_over(bench, servers, "lock", 2, LOCKS))
    run.stop()


def crowds(run):
    servers = run.servers("crowds")
    result = {}
    for count in (10, 100, 1000):
        result[count] = measures.crowd(run.bench, servers, count, LOCKS)
    if not run.quick:
        result[10000] = measures.crowd(run.bench, servers, 10000, ["floor", "zkcoord"])
    run.note("crowd", result)
    run.stop()


def stocks(run):
    servers = run.servers("stocks")
    result = {}
    for count in (1000, 10000):
        result[count] = measures.held(run.bench, servers, count, LOCKS, 3)
    if not run.quick:
        result[100000] = measures.held(run.bench, servers, 100000, ["floor", "zkcoord"], 10)
    run.note("held", result)
    run.note("objects", measures.objects(run.bench, servers, 100 if run.quick else 1000,
                                         LOCKS if run.quick else ["floor", "zkcoord", "gozk"]))
    run.stop()


def deaths(run):
    servers = run.servers("deaths", tick=500)
    run.note("take-over", measures.take_over(run.bench, servers, SESSION_MS))
    run.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("script")
    parser.add_argument("output")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--quick", action="store_true", help="few rounds, small numbers: a try")
    parser.add_argument("--only", action="append", help="one of the parts")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # with everything that it started
    run = Run(arguments)
    print(f"--seed {run.results['run']['seed']} repeats the order", flush=True)
    parts = {p.__name__: p for p in (one_server, three_servers, crowds, stocks, deaths)}
    try:
        for name, part in parts.items():
            if not arguments.only or name in arguments.only:
                part(run)
    finally:
        run.end()
    report.write(arguments.output)


if __name__ == "__main__":
    main()
