# SPDX-License-Identifier: Apache-2.0
# A contender that uses Kazoo. contender.py KIND SERVER PATH TIMEOUT-MS; the protocol is in peer.h.
import logging
import os
import sys
import threading

from kazoo.client import KazooClient


class Lock:
    def __init__(self, lock):
        self.lock = lock

    def acquire(self):
        self.lock.acquire()

    def release(self):
        self.lock.release()

    def leader(self):
        return self.lock.contenders()[0]


class Election:
    def __init__(self, client, path):
        self.election = client.Election(path, "kazoo")

    def lead(self):
        self.elected.set()
        self.over.wait()

    def acquire(self):
        self.elected = threading.Event()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.election.run, args=(self.lead,), daemon=True)
        self.thread.start()
        self.elected.wait()

    def release(self):
        self.over.set()
        self.thread.join()

    def leader(self):
        return self.election.contenders()[0]


KINDS = {
    "lock": lambda client, path: Lock(client.Lock(path, "kazoo")),
    "patterns": lambda client, path: Lock(
        client.Lock(path, "kazoo", extra_lock_patterns=("-lock-",))
    ),
    "read": lambda client, path: Lock(client.ReadLock(path, "kazoo")),
    "write": lambda client, path: Lock(client.WriteLock(path, "kazoo")),
    "election": Election,
}


def count(directory):
    with open(directory + "/counter", "r+") as file:
        number = int(file.read())
        file.seek(0)
        file.write(str(number + 1))
    with open(directory + "/log", "a") as file:
        file.write("t")


def work(seat, directory):
    turns = 0
    while True:
        seat.acquire()
        if os.path.exists(directory + "/stop"):
            seat.release()
            return "worked %d" % turns
        count(directory)
        turns += 1
        seat.release()


def obey(seat, words):
    if words[0] == "acquire":
        seat.acquire()
        return "acquired"
    if words[0] == "release":
        seat.release()
        return "released"
    if words[0] == "leader":
        return "leader " + seat.leader()
    if words[0] == "work":
        return work(seat, words[1])
    raise ValueError(words[0])


def main(kind, server, path, timeout):
    logging.basicConfig(level=logging.CRITICAL)
    client = KazooClient(server, timeout=int(timeout) / 1000)
    client.start()
    seat = KINDS[kind](client, path)
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            answer = obey(seat, line.split())
        except Exception as error:
            answer = "failed %r" % error
        print(answer, flush=True)
    client.stop()


main(*sys.argv[1:])
