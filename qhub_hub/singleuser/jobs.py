"""Which programs started from terminals work: processor time and bytes written to files, read from /proc.

A program belongs to a terminal while it descends from the terminal's shell or is in its session. One that left both
(tmux, `setsid`) is still known by the address of this server in its environment, which only terminals are given; it
counts for the server, but for no terminal.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DETACHED = 0
"""Stands for a terminal where a program has none any more; no process has this number."""

CPU_SHARE = 0.05
"""Of one core. `top` and `htop` take 1 to 2 % of one, a shell that waits takes nothing."""

WRITTEN_PER_SECOND = 16 * 1024
"""Bytes, to files: about 1 MiB per minute. A download takes hardly any processor time, but writes."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table.

    Args:
        parent, session: process numbers.
        started: in clock ticks since the machine's start; with the number it names a process for ever.
        own: processor time of the process, in ticks.
        reaped: that of its children that have ended and were waited for.
    """

    parent: int
    session: int
    started: int
    own: int
    reaped: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one terminal's programs had used at one time. By number and start of the process."""

    processes: Mapping[tuple[int, int], Process]
    written: Mapping[tuple[int, int], int]


def in_session(leader: int, table: Path = Path("/proc")) -> list[int]:
    """Numbers of the processes in a session.

    Args:
        leader: number of the process that began it, which may have ended.
        table: the process table.
    """
    return [pid for pid, process in _processes(table).items() if process.session == leader]


def works(before: Reading, now: Reading, seconds: float) -> bool:
    """Whether programs used or wrote more than a screen that only refreshes itself.

    Args:
        seconds: between the two readings.
    """
    return _used(before, now) / _TICKS >= CPU_SHARE * seconds or _written(before, now) >= WRITTEN_PER_SECOND * seconds


def _used(before: Reading, now: Reading) -> int:
    own = sum(process.own - _own(before, key) for key, process in now.processes.items())
    reaped = sum(process.reaped - _reaped(before, key) for key, process in now.processes.items())
    # What ended and was waited for is in its parent's sum now, with the part that was counted the last time.
    gone = (process for key, process in before.processes.items() if key not in now.processes)
    return own + max(0, reaped - sum(process.own + process.reaped for process in gone))


def _own(reading: Reading, key: tuple[int, int]) -> int:
    return reading.processes[key].own if key in reading.processes else 0


def _reaped(reading: Reading, key: tuple[int, int]) -> int:
    return reading.processes[key].reaped if key in reading.processes else 0


def _written(before: Reading, now: Reading) -> int:
    return sum(count - before.written.get(key, 0) for key, count in now.written.items())


@dataclass
class Jobs:
    """Looks at the programs of a server's terminals.

    Args:
        mark: `NAME=value` that programs started from this server's terminals have in their environment.
        table: the process table.
    """

    mark: bytes
    table: Path = Path("/proc")
    _marked: dict[tuple[int, int], bool] = field(default_factory=dict)

    def read(self, terminals: Iterable[int]) -> dict[int, Reading]:
        """What the programs of each terminal have used until now.

        Args:
            terminals: process numbers of their shells.

        Returns:
            By these numbers, and by `DETACHED`.
        """
        table = _processes(self.table)
        roots = frozenset(terminals)
        self._marked = {key: known for key, known in self._marked.items() if key[0] in table}
        groups: dict[int, dict[tuple[int, int], Process]] = {root: {} for root in (*roots, DETACHED)}
        for pid, process in table.items():
            owner = _terminal_of(pid, table, roots)
            if owner is None and self._has_mark(pid, process):
                owner = DETACHED
            if owner is not None:
                groups[owner][pid, process.started] = process
        return {
            root: Reading(processes, {key: self._bytes_written(key[0]) for key in processes})
            for root, processes in groups.items()
        }

    def _has_mark(self, pid: int, process: Process) -> bool:
        key = (pid, process.started)
        if key not in self._marked:
            self._marked[key] = self.mark in self._content(pid, "environ").split(b"\0")
        return self._marked[key]

    def _bytes_written(self, pid: int) -> int:
        found = [line for line in self._content(pid, "io").splitlines() if line.startswith(b"write_bytes:")]
        return int(found[0].split()[1]) if found else 0

    def _content(self, pid: int, name: str) -> bytes:
        try:
            return (self.table / str(pid) / name).read_bytes()
        except OSError:  # ended, somebody else's, or one that keeps its secrets (`ssh-agent`)
            return b""


def _processes(table: Path) -> dict[int, Process]:
    numbers = (int(name) for name in os.listdir(table) if name.isdecimal())
    return {pid: process for pid in numbers if (process := _process(table / str(pid))) is not None}


def _process(folder: Path) -> Process | None:
    try:
        text = (folder / "stat").read_bytes()
    except OSError:  # it has ended meanwhile
        return None
    # The second field is a name in brackets that may hold anything; proc_pid_stat(5) numbers the others.
    fields = text.rpartition(b")")[2].split()
    return Process(
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        own=int(fields[11]) + int(fields[12]),
        reaped=int(fields[13]) + int(fields[14]),
    )


def _terminal_of(pid: int, table: Mapping[int, Process], roots: frozenset[int]) -> int | None:
    seen: set[int] = set()
    while pid in table and pid not in seen:
        for found in (pid, table[pid].session):
            if found in roots:
                return found
        seen.add(pid)  # the table is read line by line: numbers that are used again may seem to form a ring
        pid = table[pid].parent
    return None
