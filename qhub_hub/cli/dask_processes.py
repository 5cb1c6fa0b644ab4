"""Processes of Dask clusters on one machine: made, limited and ended as the hub does it with servers."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from resource import RLIMIT_NPROC
from subprocess import Popen

from qhub_hub.hub.held import Surroundings, give_up, hold, last_words, let_go
from qhub_hub.hub.processes import MARK, end_left_behind, start_ticks, wait_until_gone
from qhub_hub.hub.resource_limits import MOST_PROCESSES, Limiter
from qhub_hub.sessions import Process

_PATIENCE = 10.0  # seconds for a process to end by itself
_KILLED_WITHIN = 5.0  # seconds


@dataclass
class Processes:
    """See `qhub_hub.dask.local.backend.Launcher`.

    Args:
        limiter: how processes are held to their plan.
        mark: begins the mark of every process of this hub.
        logs: folder of their output, closed to everybody but the hub.
        own_ids: whether they become their owners; needs root.
    """

    limiter: Limiter
    mark: str
    logs: Path
    own_ids: bool
    _children: dict[int, "Popen[bytes]"] = field(default_factory=dict)

    def start(self, process: Process, env: dict[str, str], name: str) -> tuple[int, int]:
        """Start one process; returns its number and when it began. Raises `OSError`."""
        limits = dict(self.limiter.inside(process.memory_limit))
        if self.own_ids:
            limits[RLIMIT_NPROC] = MOST_PROCESSES
        env = {**env, MARK: self._mark(name)}
        held = hold(process, Surroundings((), env, self._log(name), limits, self.own_ids))
        try:
            self.limiter.apply(_group(name), held.pid, process.memory_limit, process.cpu_limit)
        except BaseException:
            give_up(held)
            raise
        ticks = start_ticks(held.pid)
        self._children[held.pid] = held
        let_go(held)
        return held.pid, ticks or 0

    def runs(self, pid: int, ticks: int) -> bool:
        """Whether that very process is still there."""
        if pid in self._children and self._children[pid].poll() is not None:
            del self._children[pid]
        return start_ticks(pid) == ticks

    async def stop(self, pid: int, ticks: int, name: str) -> None:
        """End it and whatever it started, and remove its log."""
        for sign, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, _KILLED_WITHIN)):
            if not self.runs(pid, ticks):
                break
            _signal(pid, sign)
            await wait_until_gone(pid, patience)
        await asyncio.to_thread(end_left_behind, {self._mark(name)}, lambda: self.limiter.members(_group(name)))
        self.runs(pid, ticks)  # reaps it
        self.limiter.release(_group(name))
        self._log(name).unlink(missing_ok=True)

    def last_words(self, name: str) -> str:
        """The end of its output."""
        return last_words(self._log(name))

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _mark(self, name: str) -> str:
        return f"{self.mark}/dask/{name}"


def _group(name: str) -> str:
    return f"dask-{name}"


def _signal(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
