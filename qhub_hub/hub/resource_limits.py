"""Memory and processor limits on one machine: by control group where the kernel lets us, else by rlimit."""

import contextlib
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qhub_hub.config.quantities import show_bytes

CGROUPS = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds; the kernel's own default
_LEAST_QUOTA = 1_000  # microseconds; the kernel refuses less

MOST_PROCESSES = 4096
"""Processes and threads of one person: far more than work needs, far less than it takes to stop a machine."""


class Limiter(Protocol):
    """A way to hold a server to its plan."""

    @property
    def notice(self) -> str:
        """What is not limited here, as a sentence for the administrator; empty: everything is."""

    def inside(self, memory: int | None) -> Mapping[int, int]:
        """Resource limits that the process must set itself before it begins. `memory` in bytes; None: not limited."""

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """Limit a process and all it will start from outside."""

    def names(self) -> tuple[str, ...]:
        """Servers that have a group here, also those of an earlier run."""

    def members(self, name: str) -> frozenset[int]:
        """Pids of a server's processes, as far as groups tell."""

    def release(self, name: str) -> None:
        """Forget the limits of a server that has ended."""

    def close(self) -> None:
        """Leave nothing behind when no server runs any more."""


@dataclass(frozen=True)
class ProcessLimits:
    """Per process and memory only: what any kernel grants, also without root."""

    notice: str = (
        "Control groups can't be used here: memory limits hold for each process by itself, processor limits not."
    )

    def inside(self, memory: int | None) -> Mapping[int, int]:
        """See `Limiter.inside`."""
        # RLIMIT_DATA and not RLIMIT_AS: V8 and numpy reserve address space that they never use.
        return {} if memory is None else {resource.RLIMIT_DATA: memory}

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """See `Limiter.apply`; all is done inside."""

    def names(self) -> tuple[str, ...]:
        """See `Limiter.names`; there are no groups."""
        return ()

    def members(self, name: str) -> frozenset[int]:
        """See `Limiter.members`; nothing is known."""
        return frozenset()

    def release(self, name: str) -> None:
        """See `Limiter.release`; the limits ended with the processes."""

    def close(self) -> None:
        """See `Limiter.close`; there is nothing."""


@dataclass(frozen=True)
class ControlGroups:
    """One control group per server, below a group of this hub.

    Args:
        memory: folder of our group in the hierarchy that counts memory.
        cpu: the same for processor time; the same folder with cgroup v2.
        version: 1 or 2.
    """

    memory: Path
    cpu: Path
    version: int
    notice: str = ""

    def inside(self, memory: int | None) -> Mapping[int, int]:
        """See `Limiter.inside`; the groups do it."""
        return {}

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """See `Limiter.apply`."""
        for parent in {self.memory, self.cpu}:
            (parent / name).mkdir(exist_ok=True)
        quota = None if cores is None else max(int(cores * _PERIOD), _LEAST_QUOTA)
        if self.version == 2:
            _limit_unified(self.memory / name, memory, quota)
        else:
            _limit_separate(self.memory / name, self.cpu / name, memory, quota)
        with contextlib.suppress(ProcessLookupError):
            for parent in {self.memory, self.cpu}:
                (parent / name / "cgroup.procs").write_text(str(pid))

    def names(self) -> tuple[str, ...]:
        """See `Limiter.names`."""
        return tuple({group.name for parent in (self.memory, self.cpu) for group in parent.glob("*/")})

    def members(self, name: str) -> frozenset[int]:
        """See `Limiter.members`."""
        found: set[int] = set()
        for parent in {self.memory, self.cpu}:
            with contextlib.suppress(OSError):
                found.update(map(int, (parent / name / "cgroup.procs").read_text().split()))
        return frozenset(found)

    def release(self, name: str) -> None:
        """See `Limiter.release`; a group that still holds processes stays."""
        for parent in {self.memory, self.cpu}:
            with contextlib.suppress(OSError):
                (parent / name).rmdir()

    def close(self) -> None:
        """See `Limiter.close`; groups of servers that go on stay."""
        for parent in {self.memory, self.cpu}:
            with contextlib.suppress(OSError):
                parent.rmdir()


def _limit_unified(group: Path, memory: int | None, quota: int | None) -> None:
    (group / "memory.max").write_text("max" if memory is None else str(memory))
    swap = group / "memory.swap.max"  # a server beyond its memory is to end, not to slow the machine down
    if swap.exists():
        swap.write_text("max" if memory is None else "0")
    (group / "cpu.max").write_text(f"{'max' if quota is None else quota} {_PERIOD}")


def _limit_separate(memory_group: Path, cpu_group: Path, memory: int | None, quota: int | None) -> None:
    amount = "-1" if memory is None else str(memory)
    with_swap = memory_group / "memory.memsw.limit_in_bytes"  # only where the kernel counts swap
    if with_swap.exists():
        with_swap.write_text("-1")  # it may never be below the other one, which may be about to rise
    (memory_group / "memory.limit_in_bytes").write_text(amount)
    if with_swap.exists():
        with_swap.write_text(amount)
    (cpu_group / "cpu.cfs_period_us").write_text(str(_PERIOD))
    (cpu_group / "cpu.cfs_quota_us").write_text("-1" if quota is None else str(quota))


def _own_group(controller: str, cgroups: Path) -> Path | None:
    """Folder of this process' group in the v1 hierarchy of a controller, or in the v2 one (controller "")."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            root = cgroups / controller if controller else cgroups
            here = root / path.lstrip("/")
            # Inside a container the path is the host's and does not exist: the mount shows our group as its root.
            return here if here.is_dir() else root
    return None


def _unified(name: str, cgroups: Path) -> ControlGroups | None:
    own = _own_group("", cgroups)
    if own is None:
        return None
    # A group with processes in it, such as the session that this was started from, can't hand controllers down. The
    # root of the hierarchy can (cgroup-v2.rst, "No Internal Process Constraint").
    for parent in dict.fromkeys((own, cgroups)):
        controllers = parent / "cgroup.controllers"
        if controllers.is_file() and {"cpu", "memory"} <= set(controllers.read_text().split()):
            with contextlib.suppress(OSError):
                (parent / "cgroup.subtree_control").write_text("+memory +cpu")
                ours = parent / name
                ours.mkdir(exist_ok=True)
                (ours / "cgroup.subtree_control").write_text("+memory +cpu")
                return ControlGroups(ours, ours, version=2)
    return None


def _separate(name: str, cgroups: Path) -> ControlGroups | None:
    memory, cpu = _own_group("memory", cgroups), _own_group("cpu", cgroups)
    if memory is None or cpu is None or not memory.is_dir() or not cpu.is_dir():
        return None
    for parent in (memory, cpu):
        (parent / name).mkdir(exist_ok=True)
    return ControlGroups(memory / name, cpu / name, version=1)


def find_limiter(name: str, cgroups: Path = CGROUPS) -> Limiter:
    """The strongest way to limit servers that this machine and this user allow.

    Args:
        name: of our control group; one per state folder, so that two hubs do not share limits.
    """
    if os.geteuid() == 0:
        for attempt in (_unified, _separate):
            # Read-only mounts, missing delegation, a busy parent: each means "not this way", none is an error.
            with contextlib.suppress(OSError):
                if found := attempt(name, cgroups):
                    return found
    return ProcessLimits()


def describe(limiter: Limiter, memory: int | None, cores: float | None) -> str:
    """The limits of a server in words, for its log."""
    if isinstance(limiter, ProcessLimits):
        cores = None
    parts = [f"{cores:g} cores"] if cores is not None else []
    if memory is not None:
        parts.append(show_bytes(memory) + (" for each process" if isinstance(limiter, ProcessLimits) else ""))
    return ", ".join(parts) or "none"
