# SPDX-License-Identifier: Apache-2.0
"""ZooKeeper servers of our own on loopback, what they count, and the relay that adds distance."""
import atexit
import os
import re
import shutil
import socket
import subprocess
import time

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

START_SECONDS = 60


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def until(condition, seconds, what):
    """Waits for what cannot be waited for otherwise: the state of another process."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.002)


class Servers:
    """One server, or an ensemble; tick in ms. Stop it."""

    def __init__(self, script, directory, count=1, tick=2000):
        self.directory, self.tick = directory, tick
        self.ports = free_ports(count)
        # All programs talk to the same server: otherwise luck decides which one gets the leader.
        self.nodes = f"127.0.0.1:{self.ports[0]}"
        quorum = free_ports(2 * count)
        # Several hundred thousand znodes are more than a server for trying things out holds.
        environment = {**os.environ, "SERVER_JVMFLAGS": "-Xmx1g"}
        self.processes = [subprocess.Popen(["sh", script, self._configure(i, count, quorum)],
                                           env=environment, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
                          for i in range(count)]
        atexit.register(self._kill)  # also when the next lines fail
        until(self._serving, START_SECONDS, f"the servers in {directory} do not serve")
        self.client = KazooClient(",".join(f"127.0.0.1:{p}" for p in self.ports), timeout=30)
        self.client.start(START_SECONDS)
        self.client.ensure_path("/bench")

    def _configure(self, i, count, quorum):
        home = os.path.join(self.directory, str(i))
        os.makedirs(home)
        lines = [f"tickTime={self.tick}", f"dataDir={home}", f"clientPort={self.ports[i]}",
                 "clientPortAddress=127.0.0.1", "maxClientCnxns=0", "admin.enableServer=false",
                 "initLimit=20", "syncLimit=10", "4lw.commands.whitelist=*",
                 "maxSessionTimeout=60000"]
        if count > 1:
            lines += [f"server.{k}=127.0.0.1:{quorum[2 * k]}:{quorum[2 * k + 1]}"
                      for k in range(count)]
            with open(os.path.join(home, "myid"), "w", encoding="ascii") as f:
                f.write(f"{i}\n")
        path = os.path.join(home, "zoo.cfg")
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        return path

    def word(self, port, word):
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            s.sendall(word.encode())
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def _serving(self):
        try:
            return all("zk_server_state" in self.word(p, "mntr") for p in self.ports)
        except OSError:
            return False

    def requests(self):
        """Packets that came in and went out, on all servers."""
        total = [0, 0]
        for port in self.ports:
            counters = dict(re.findall(r"^(\S+)\t(\S+)$", self.word(port, "mntr"), re.M))
            total[0] += int(counters["zk_packets_received"])
            total[1] += int(counters["zk_packets_sent"])
        return total

    def bytes(self):
        """Bytes that came in and went out on the connections that exist, by the kernel's counters."""
        total = [0, 0]
        for port in self.ports:
            said = subprocess.run(["ss", "-tinH", f"sport = :{port}"], check=True,
                                  capture_output=True, text=True).stdout
            total[0] += sum(map(int, re.findall(r"bytes_received:(\d+)", said)))
            total[1] += sum(map(int, re.findall(r"bytes_sent:(\d+)", said)))
        return total

    def children(self, path):
        try:
            return self.client.get(path)[1].numChildren
        except NoNodeError:
            return 0

    def changes(self, path):
        """How often the list of children has changed."""
        try:
            return self.client.get(path)[1].cversion
        except NoNodeError:
            return 0

    def names(self, path):
        return self.client.get_children(path)

    def ensure(self, path):
        self.client.ensure_path(path)

    def stop(self):
        self.client.stop()
        self.client.close()
        self._kill()
        shutil.rmtree(self.directory)

    def _kill(self):
        for p in self.processes:
            p.kill()
            p.wait()


class Relay:
    """Between a client and the first of the servers: every byte takes that much longer, each way."""

    def __init__(self, program, servers, delay_us):
        self.process = subprocess.Popen([program, str(servers.ports[0]), str(delay_us)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.nodes = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
