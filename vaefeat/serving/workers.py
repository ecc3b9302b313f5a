"""Several processes that serve the same models at the same address, one for each core.

They share the socket on which they listen, so that a connection that waits to be accepted is not lost with a
worker; any free worker accepts it. A worker that dies is replaced. What each has counted is published in
memory that all share, so that whichever answers can tell what all have done; a replacement continues from it.
"""

import json
import logging
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

log = logging.getLogger("vaefeat.serving")

SLOT_BYTES = 2**20  # for the counts of one worker
MIN_SECONDS = 1.0  # between the starts of a worker that dies again and again
_LENGTH_BYTES = 8
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Board:
    """Memory in which each of some processes publishes a JSON object for the others.

    Parameters
    ----------
    n_slots : int

    Attributes
    ----------
    slot : int
        That of this process.
    """

    def __init__(self, n_slots: int) -> None:
        self._memory = mmap.mmap(-1, n_slots * SLOT_BYTES)  # shared with all processes that are forked
        self._n_slots = n_slots
        self.slot = 0

    def publish(self, value: dict[str, Any]) -> None:
        """Replace what this process has published; keep it if there is no room for more."""
        content = json.dumps(value).encode()
        if len(content) > SLOT_BYTES - _LENGTH_BYTES:
            return
        start = self.slot * SLOT_BYTES + _LENGTH_BYTES
        self._set_length(0)
        self._memory[start : start + len(content)] = content
        self._set_length(len(content))

    def read(self, slot: int) -> dict[str, Any] | None:
        """Return what a process has published; None if it has published nothing."""
        start = slot * SLOT_BYTES
        for _ in range(3):  # again if it is being replaced at the moment
            length = int.from_bytes(self._memory[start : start + _LENGTH_BYTES], "little")
            content = self._memory[start + _LENGTH_BYTES : start + _LENGTH_BYTES + length]
            try:
                return json.loads(content)
            except ValueError:
                time.sleep(0.001)
        return None

    def read_others(self) -> list[dict[str, Any]]:
        """Return what the other processes have published."""
        found = [self.read(slot) for slot in range(self._n_slots) if slot != self.slot]
        return [value for value in found if value is not None]

    def _set_length(self, n_bytes: int) -> None:
        start = self.slot * SLOT_BYTES
        self._memory[start : start + _LENGTH_BYTES] = n_bytes.to_bytes(_LENGTH_BYTES, "little")


class Supervisor:
    """Starts workers, replaces those that die, and ends all of them when it is told to end.

    Parameters
    ----------
    n_workers : int
    work : callable
        What a worker does until it is told to end: it is called with the number of the worker, and a function
        to be called as soon as the worker is ready.
    """

    def __init__(self, n_workers: int, work: Callable[[int, Callable[[], None]], None]) -> None:
        self._n_workers = n_workers
        self._work = work
        self._workers: dict[int, int] = {}  # the number of a worker by its process
        self._is_ending = False
        self._alive, self._alive_writer = os.pipe()  # closed, for the workers, when this process ends

    def run(self) -> int:
        """Supervise until told to end; return the exit code.

        The first worker starts alone: what it refuses to serve, no other would serve.
        """
        for sig in _SIGNALS:
            signal.signal(sig, self._end)
        is_ready = self._start(0)
        if is_ready:
            for number in range(1, self._n_workers):
                self._start(number)
        code = 0
        while self._workers:
            pid, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            number = self._workers.pop(pid)
            if is_ready and not self._is_ending:
                self._replace(number, code)
        return abs(code)

    def _start(self, number: int) -> bool:
        """Start a worker, and wait until it is ready; return whether it is."""
        ready, ready_writer = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(ready)
            os.close(self._alive_writer)
            self._become_worker(number, ready_writer)
        os.close(ready_writer)
        self._workers[pid] = number
        with os.fdopen(ready) as file:
            return bool(file.read())

    def _become_worker(self, number: int, ready: int) -> NoReturn:
        for sig in _SIGNALS:
            signal.signal(sig, signal.SIG_DFL)
        threading.Thread(target=self._end_with_supervisor, daemon=True).start()

        def say_ready() -> None:
            os.write(ready, b"ready")
            os.close(ready)

        code = 0
        try:
            self._work(number, say_ready)
        except Exception as exc:
            code = getattr(exc, "exit_code", 1)  # of an error that the command line has reported
            if not hasattr(exc, "exit_code"):
                log.exception("Worker %d failed.", number)
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)  # libraries that were loaded before the fork cannot be unloaded after it

    def _end_with_supervisor(self) -> None:
        os.read(self._alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _replace(self, number: int, code: int) -> None:
        log.error("Worker %d has died (exit code %d); starting another.", number, code)
        time.sleep(MIN_SECONDS)
        if not self._is_ending:
            self._start(number)

    def _end(self, sig: int, frame: object) -> None:
        self._is_ending = True
        for pid in self._workers:
            os.kill(pid, sig)
