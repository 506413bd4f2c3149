# SPDX-License-Identifier: Apache-2.0
"""The measures. Each goes round all programs several times, in an order drawn anew each time, so
that what disturbs the machine disturbs all of them; what counts is the ratio to the floor of the
same round. Each returns {name: {figure: value}}."""
import random
import re
import shutil
import signal
import statistics
import subprocess
import time

from drivers import IN_C, NAMES, PEERS, Driver, Unsupported
from servers import until

LOCKS = ["floor", "zkcoord", *PEERS]
HELD_S = 0.005  # what a lock guards takes some time; measure (5) is of holders who let go at once


def median(values):
    return statistics.median(values) if values else None


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Rounds:
    """Samples of every program, round by round."""

    def __init__(self):
        self.samples = {}

    def add(self, name, figure, value):
        self.samples.setdefault(name, {}).setdefault(figure, []).append(value)

    def medians(self):
        return {name: {figure: median(values) for figure, values in figures.items()}
                for name, figures in self.samples.items()}

    def ratios(self, figure, floor="floor"):
        """Median of the ratios of each round."""
        base = self.samples[floor][figure]
        return {name: median([a / b for a, b in zip(figures[figure], base)])
                for name, figures in self.samples.items() if figure in figures}

    def result(self, *ratio_figures):
        result = self.medians()
        for figure in ratio_figures:
            for name, ratio in self.ratios(figure).items():
                result[name][f"{figure} / floor"] = ratio
        return result


class Bench:
    """What all measures need."""

    def __init__(self, programs, seed, quick):
        self.programs, self.quick = programs, quick
        self.random = random.Random(seed)

    def rounds(self, count):
        return 2 if self.quick else count

    def shuffled(self, names):
        names = list(names)
        self.random.shuffle(names)
        return names

    def start(self, servers, names, nodes=None, session_ms=20000):
        drivers = {}
        for name in names:
            servers.ensure(f"/bench/{name}")
            drivers[name] = Driver(self.programs, name, nodes or servers.nodes, session_ms)
        return drivers


# ---- (1) one lock, nobody else ----


def checked_cycles(servers, driver, path, count):
    """Runs cycles; each is checked: it created exactly one node and deleted it."""
    changes = servers.changes(path)
    cost = Cost(servers, driver)
    times = driver.ask(f"cycle {path} {count}")
    cost.end()
    if servers.changes(path) - changes != 2 * count or servers.children(path) != 0:
        raise RuntimeError(f"{driver.name}: {count} cycles are {servers.changes(path) - changes} "
                           f"changes, {servers.children(path)} nodes are left")
    return times, cost


class Cost:
    """What servers and program count between begin and end."""

    def __init__(self, servers, driver):
        self.servers, self.driver = servers, driver
        self.before = self._read()
        self.requests = self.to_server = self.from_server = self.cpu_ns = None

    def _read(self):
        return (self.servers.requests()[0], *self.servers.bytes(), self.driver.cpu_ns())

    def end(self):
        spent = [b - a for a, b in zip(self.before, self._read())]
        self.requests, self.to_server, self.from_server, self.cpu_ns = spent
        self.requests -= len(self.servers.ports)  # our own question


def uncontended(bench, servers, nodes=None, count=200, rounds=9):
    drivers = bench.start(servers, NAMES, nodes)
    collected, slowest = Rounds(), {}
    for name, driver in drivers.items():
        servers.ensure(f"/bench/{name}/one")
        checked_cycles(servers, driver, f"/bench/{name}/one", count * (4 if name == "curator" else 1))
    for _ in range(bench.rounds(rounds)):
        for name in bench.shuffled(drivers):
            times, cost = checked_cycles(servers, drivers[name], f"/bench/{name}/one", count)
            slowest.setdefault(name, []).extend(times)
            collected.add(name, "p50 us", median(times) / 1e3)
            collected.add(name, "CPU us", cost.cpu_ns / count / 1e3)
            collected.add(name, "requests", cost.requests / count)
            collected.add(name, "bytes to server", cost.to_server / count)
            collected.add(name, "bytes from server", cost.from_server / count)
    result = collected.result("p50 us", "CPU us")
    for name, times in slowest.items():
        result[name]["p99 us"] = percentile(times, 0.99) / 1e3
    return drivers, result


def system_calls(drivers, count=100):
    """By strace, which slows everything down: for nothing but counting."""
    return {name: {"system calls": _count_calls(driver, f"cycle /bench/{name}/one {count}") / count}
            for name, driver in drivers.items()}


def _count_calls(driver, command):
    tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(driver.process.pid)],
                              stderr=subprocess.PIPE, text=True)
    until(lambda: _traced(driver.process.pid), 20, "strace does not attach")
    driver.ask(command)
    tracer.send_signal(signal.SIGINT)
    said = tracer.communicate()[1]
    total = re.search(r"^100\.00 .* total$", said, re.M).group().split()
    return int(total[3])  # % time, seconds, us/call, calls, errors (if any)


def system_calls_while_held(driver, calls=1000000):
    """How many system calls so many questions cost, beside those of the question itself."""
    driver.ask(f"hold /bench/{driver.name}/asked 1")
    asked = [_count_calls(driver, f"held {n}") for n in (1, calls)]
    driver.ask("drop")
    return asked[1] - asked[0]


def _traced(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return not re.search(r"^TracerPid:\s+0$", f.read(), re.M)


def instructions(servers, drivers, count=200):
    """By perf; where the machine does not count them, by valgrind: those in user space, of programs
    that it can run."""
    return _perf(servers, drivers, count) or {
        name: {"instructions u": (_valgrind(servers, driver, 6 * count) -
                                  _valgrind(servers, driver, count)) / (5 * count)}
        for name, driver in drivers.items() if name in IN_C}


def _valgrind(servers, driver, count):
    counter = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                              driver.program, servers.nodes, "20000"],
                             input=f"cycle /bench/{driver.name}/one {count}\nquit\n",
                             capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", counter.stderr).group(1))


def _perf(servers, drivers, count):
    """None where the machine does not count them."""
    if shutil.which("perf") is None:
        return None
    result = {}
    for name, driver in drivers.items():
        counter = subprocess.Popen(
            ["perf", "stat", "-x,", "-e", "instructions:u,instructions:k", "-p",
             str(driver.process.pid)], stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)  # it does not say when it has begun
        checked_cycles(servers, driver, f"/bench/{name}/one", count)
        counter.send_signal(signal.SIGINT)
        counted = re.findall(r"^(\d+),,instructions:([uk])", counter.communicate()[1], re.M)
        if len(counted) != 2:
            return None
        result[name] = {f"instructions {where}": int(n) / count for n, where in counted}
    return result


# ---- (2) many locks of one client ----


def many(bench, servers, count=2000, rounds=5):
    """Cycles per second: by form and by how many at once."""
    drivers = bench.start(servers, NAMES)
    forms = [("threads", 1), ("threads", 8), ("threads", 64),
             ("async", 1), ("async", 8), ("async", 64), ("async", 1000)]
    result = {}
    for form, at_once in forms:
        collected = Rounds()
        speakers = [n for n in NAMES if _can(drivers[n], form, at_once)]
        for _ in range(bench.rounds(rounds)):
            for name in bench.shuffled(speakers):
                ns = drivers[name].ask(f"{form} /bench/{name} {at_once} {count}")[0]
                collected.add(name, "cycles/s", count / ns * 1e9)
        result[f"{form} {at_once}"] = collected.result("cycles/s")
    for driver in drivers.values():
        driver.quit()
    return result


def _can(driver, form, at_once):
    try:
        driver.ask(f"{form} /bench/{driver.name} {at_once} {2 * at_once}")  # and warms up
        return True
    except Unsupported:
        return False


# ---- (3), (8) from the call of release to the next holder's return, in another process ----


class Line:
    """Contenders for one path in two processes that take turns, so that every hand-over crosses."""

    def __init__(self, bench, servers, name, kind, waiters):
        self.servers, self.kind = servers, kind
        self.path = f"/bench/{name}/{kind}-{waiters}"
        servers.ensure(f"/bench/{name}")
        self.two = [Driver(bench.programs, name, servers.nodes) for _ in range(2)]
        self.joined = self.turn = self.questions = 0
        for _ in range(waiters + 1):
            self.join()
        self.two[0].event("granted")

    def join(self):
        self.two[self.joined % 2].ask(f"queue {self.path} {self.joined} 1 {self.kind}")
        self.joined += 1
        waiting = self.joined - self.turn
        until(lambda: self.servers.children(self.path) >= waiting, 60, "it does not queue up")

    def hand_over(self):
        """Nanoseconds from the call of release to the next one's grant."""
        time.sleep(HELD_S)
        called = self.two[self.turn % 2].ask(f"release {self.turn}")[0]
        self.turn += 1
        who, at = self.two[self.turn % 2].event("granted")
        if who != self.turn:
            raise RuntimeError(f"{self.two[0].name}: {who} is granted, {self.turn} is next")
        return at - called

    def settle(self):
        """No request is under way: what a waiter does to keep its place has been done."""
        self.questions = len(self.servers.ports)  # our own are counted, too
        until(self._quiet, 60, "it does not come to rest")

    def _quiet(self):
        before = self.servers.requests()[0]
        time.sleep(0.03)
        self.questions += 2 * len(self.servers.ports)
        return self.servers.requests()[0] - before <= len(self.servers.ports)

    def end(self):
        for driver in self.two:
            driver.kill()


def hand_over(bench, servers, kind, waiters, names, hand_overs=84):
    lines = {name: Line(bench, servers, name, kind, waiters) for name in names}
    each = min(waiters, 12)
    collected = Rounds()
    for round_number in range(bench.rounds(hand_overs // each) + 1):
        for name in bench.shuffled(lines):
            line = lines[name]
            requests = servers.requests()[0]
            times = [line.hand_over() for _ in range(each)]
            line.settle()
            requests = servers.requests()[0] - requests - line.questions
            for _ in range(each):
                line.join()
            line.settle()
            if round_number > 0:  # the first is for warming up
                collected.add(name, "p50 us", median(times) / 1e3)
                collected.add(name, "requests", requests / each)
    for line in lines.values():
        line.end()
    return collected.result("p50 us")


# ---- (4) a holder is killed ----


def take_over(bench, servers, session_ms, rounds=4):
    """From the server's own end of the dead session to the next holder, and from death to there."""
    collected = Rounds()
    for round_number in range(bench.rounds(rounds)):
        lines = {}
        for name in LOCKS:
            lines[name] = _prepare_death(bench, servers, name, round_number, session_ms)
        for line in lines.values():
            line["killed"] = time.monotonic_ns()
            line["holder"].kill()
        for name, line in lines.items():
            deleted = line["witness"].event("deleted")[0]
            granted = line["waiter"].event("granted")[1]
            collected.add(name, "after expiry ms", (granted - deleted) / 1e6)
            collected.add(name, "beyond timeout ms",
                          (granted - line["killed"]) / 1e6 - session_ms)
        for line in lines.values():
            line["waiter"].kill()
            line["witness"].kill()
    return collected.medians()


def _prepare_death(bench, servers, name, number, session_ms):
    path = f"/bench/{name}/death-{number}"
    servers.ensure(f"/bench/{name}")
    holder = Driver(bench.programs, name, servers.nodes, session_ms)
    holder.ask(f"queue {path} 0 1 lock")
    holder.event("granted")
    witness = Driver(bench.programs, "floor", servers.nodes)
    witness.ask(f"watch {path}/{servers.names(path)[0]}")
    waiter = Driver(bench.programs, name, servers.nodes, session_ms)
    waiter.ask(f"queue {path} 1 1 lock")
    until(lambda: servers.children(path) == 2, 60, "it does not queue up")
    return {"holder": holder, "waiter": waiter, "witness": witness}


# ---- (5) a long queue in one process ----


def crowd(bench, servers, count, names):
    result = {}
    for name in names:
        servers.ensure(f"/bench/{name}")
        path = f"/bench/{name}/crowd-{count}"
        # Somebody else is first, so that all wait: of the same kind, for not everybody sees everybody.
        holder = Driver(bench.programs, name, servers.nodes)
        holder.ask(f"queue {path} 0 1 lock")
        holder.event("granted")
        driver = Driver(bench.programs, name, servers.nodes, 40000)
        before, began = servers.bytes(), time.monotonic()
        driver.ask(f"queue {path} 1 {count} drain")
        until(lambda p=path: servers.children(p) == count + 1, 300, "it does not queue up")
        queued = time.monotonic() - began
        _rest(servers)
        middle, began = servers.bytes(), time.monotonic_ns()
        holder.ask("release 0")
        drained = driver.event("drained")[0]
        after = servers.bytes()
        result[name] = {
            "queue s": queued, "MB while queueing": (middle[1] - before[1]) / 1e6,
            "drain s": (drained - began) / 1e9, "MB while draining": (after[1] - middle[1]) / 1e6}
        driver.kill()
        holder.kill()
    return result


def _rest(servers):
    def quiet():
        before = servers.bytes()[1]
        time.sleep(0.3)
        return servers.bytes()[1] - before < 4096
    until(quiet, 300, "it does not come to rest")


# ---- (6), (7) many locks held by one process ----


def held(bench, servers, count, names, idle_seconds):
    result = {}
    for name in names:
        servers.ensure(f"/bench/{name}")
        driver = Driver(bench.programs, name, servers.nodes, 40000)
        driver.ask(f"hold /bench/{name}/held 64")
        driver.ask("drop")
        before = driver.status("VmRSS")
        ns = driver.ask(f"hold /bench/{name}/held {count}", 900)[0]
        _rest(servers)
        resident = driver.status("VmRSS")
        cpu, requests, began = driver.cpu_ns(), servers.requests(), time.monotonic()
        time.sleep(idle_seconds)
        seconds = time.monotonic() - began
        result[name] = {
            "locks/s": count / ns * 1e9, "bytes each": (resident - before) * 1024 / count,
            "idle CPU ms/s": (driver.cpu_ns() - cpu) / 1e6 / seconds,
            "idle requests/s": (servers.requests()[0] - requests[0] - 1) / seconds}
        if name == "zkcoord":
            calls = 20000000
            result[name]["is_held ns"] = driver.ask(f"held {calls}")[0] / calls
        driver.kill()
    return result


# ---- (9) sessions ----


def sessions(bench, servers, names, count=20, rounds=4):
    drivers = bench.start(servers, names)
    collected = Rounds()
    for _ in range(bench.rounds(rounds)):
        for name in bench.shuffled(drivers):
            ns = drivers[name].ask(f"sessions {count}")
            collected.add(name, "open ms", median(ns[0::2]) / 1e6)
            collected.add(name, "close ms", median(ns[1::2]) / 1e6)
    for driver in drivers.values():
        driver.quit()
    return collected.medians()


def objects(bench, servers, count, names):
    result = {}
    for name in names:
        driver = Driver(bench.programs, name, servers.nodes)
        before = driver.status("VmRSS"), driver.status("Threads")
        ns = driver.ask(f"objects {count}")[0]
        result[name] = {"ms each": ns / count / 1e6,
                        "KiB each": (driver.status("VmRSS") - before[0]) / count,
                        "threads each": (driver.status("Threads") - before[1]) / count}
        driver.kill()
    return result
