# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured, spoken to as PROTOCOL says."""
import atexit
import queue
import subprocess
import threading
import time

ANSWER_SECONDS = 300
IN_C = ["floor", "wire", "single", "single_thread", "zkcoord"]
PEERS = ["kazoo", "curator", "gozk"]
NAMES = IN_C + PEERS


class Unsupported(Exception):
    """The library has no such thing."""


class Driver:
    """A running program with one session."""

    def __init__(self, directory, name, nodes, session_ms=20000):
        self.name, self.program = name, f"{directory}/{name}"
        self.process = subprocess.Popen([self.program, nodes, str(session_ms)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.kill)
        self.answers, self.events = queue.Queue(), queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        if self._answer(ANSWER_SECONDS) != ["ready"]:
            raise RuntimeError(f"{name} does not become ready")

    def _read(self):
        for line in self.process.stdout:
            words = line.split()
            if words[0] in ("granted", "drained", "deleted"):
                self.events.put(words)
            else:
                self.answers.put(words)
        self.answers.put(["error", "it ended"])

    def _answer(self, seconds):
        try:
            return self.answers.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"{self.name} does not answer") from None

    def ask(self, command, seconds=ANSWER_SECONDS):
        """Carries a command out; returns its numbers."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        words = self._answer(seconds)
        if words[0] == "error":
            if words[1:] == ["unsupported"]:
                raise Unsupported(self.name)
            raise RuntimeError(f"{self.name}: {command}: {' '.join(words)}")
        return [int(w) for w in words[1:]]

    def event(self, kind, seconds=ANSWER_SECONDS):
        """Waits for the next thing that it tells by itself; returns its numbers."""
        try:
            words = self.events.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"{self.name}: no \"{kind}\"") from None
        if words[0] != kind:
            raise RuntimeError(f"{self.name}: {' '.join(words)} instead of \"{kind}\"")
        return [int(w) for w in words[1:]]

    def cpu_ns(self):
        """CPU time of the whole process: Linux derives the clock's number from the pid."""
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def status(self, field):
        """A number of /proc/PID/status: Threads, VmRSS (in KiB)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise KeyError(field)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def quit(self):
        try:
            self.ask("quit")
        finally:
            self.kill()
