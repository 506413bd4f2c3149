#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kazoo, measured: speaks what PROTOCOL says."""

import itertools
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic_ns as now

from kazoo.client import KazooClient

AT_ONCE = 64
STACK = 256 << 10

output = threading.Lock()
closing = threading.Event()


def say(*words):
    with output:
        print(*words, flush=True)


def fail(what, error):
    if not closing.is_set():
        say("error", what, " ".join(repr(error).split()))


def in_threads(count, work):
    """Runs work(0), work(1), ... at the same time; raises what the first of them raised."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))


def open_client(nodes, session_ms):
    client = KazooClient(nodes, timeout=session_ms / 1000)
    client.start()
    return client


def close_client(client):
    client.stop()
    client.close()


def cycle_once(lock):
    lock.acquire()
    lock.release()


class Contender(threading.Thread):
    """Waits for its turn, and keeps it until it is told to release."""

    def __init__(self, contend, number, holders):
        super().__init__(daemon=True)
        self.contend = contend
        self.number = number
        self.holders = holders
        self.told = threading.Semaphore(0)
        self.release_began = None

    def run(self):
        try:
            self.contend(self.reign)
        except Exception as error:
            fail(f"contender {self.number}:", error)
        else:
            say("ok", self.release_began, now())

    def reign(self):
        granted = now()
        self.holders[self.number] = self
        say("granted", self.number, granted)
        self.told.acquire()
        self.release_began = now()


def with_lock(lock):
    """The like of Election.run."""

    def contend(reign):
        with lock:
            reign()

    return contend


class Driver:
    """Has a method for each command; what it returns is said after "ok"."""

    commands = ("cycle", "threads", "queue", "release", "hold", "drop", "sessions", "objects")

    def __init__(self, nodes, session_ms):
        self.session = nodes, session_ms
        self.client = open_client(*self.session)
        self.others = []  # clients
        self.holders = {}  # contenders, by their numbers
        self.held = []  # locks

    def carry_out(self, name, *arguments):
        if name not in self.commands:
            say("error unsupported")
            return
        try:
            result = getattr(self, name)(*arguments)
        except Exception as error:
            fail(name, error)
        else:
            if result is not None:
                say("ok", *result)

    def cycle(self, path, n):
        lock = self.client.Lock(path)
        times = [now()]
        for _ in range(n):
            cycle_once(lock)
            times.append(now())
        return [end - begin for begin, end in zip(times, times[1:])]

    def threads(self, prefix, k, n):
        turns = itertools.count()  # next() is atomic

        def work(i):
            lock = self.client.Lock(f"{prefix}/{i}")
            while next(turns) < n:
                cycle_once(lock)

        began = now()
        in_threads(k, work)
        return [now() - began]

    def queue(self, path, first, n, kind):
        if kind == "drain":
            self.drain(path, n)
            return []
        for number in range(first, first + n):
            if kind == "election":
                contend = self.client.Election(path).run
            else:
                contend = with_lock(self.client.Lock(path))
            Contender(contend, number, self.holders).start()
        return []

    def drain(self, path, n):
        turns = itertools.count(1)

        def work():
            try:
                cycle_once(self.client.Lock(path))
            except Exception as error:
                fail("drain:", error)
            else:
                if next(turns) == n:
                    say("drained", now())

        for _ in range(n):
            threading.Thread(target=work, daemon=True).start()

    def release(self, number):
        """The contender answers itself."""
        self.holders.pop(number).told.release()

    def hold(self, prefix, n):
        numbers = itertools.count()

        def work(_):
            while (i := next(numbers)) < n:
                lock = self.client.Lock(f"{prefix}/{i}")
                lock.acquire()
                self.held.append(lock)

        began = now()
        in_threads(AT_ONCE, work)
        return [now() - began]

    def drop(self):
        def work(_):
            while self.held:
                try:
                    lock = self.held.pop()
                except IndexError:  # another thread took the last one
                    return
                lock.release()

        began = now()
        in_threads(AT_ONCE, work)
        return [now() - began]

    def sessions(self, n):
        times = []
        for _ in range(n):
            began = now()
            client = open_client(*self.session)
            opened = now()
            close_client(client)
            times += [opened - began, now() - opened]
        return times

    def objects(self, n):
        began = now()
        for _ in range(n):
            self.others.append(open_client(*self.session))
        return [now() - began]

    def close(self):
        closing.set()
        for client in [self.client, *self.others]:
            close_client(client)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} NODES SESSION_MS")
    logging.disable()
    threading.stack_size(STACK)
    driver = Driver(sys.argv[1], int(sys.argv[2]))
    say("ready")
    for line in sys.stdin:
        words = [int(word) if word.isdigit() else word for word in line.split()]
        if words == ["quit"]:
            break
        if words:
            driver.carry_out(*words)
    driver.close()
    say("ok")
    os._exit(0)  # whoever still waits is not waited for


if __name__ == "__main__":
    main()
