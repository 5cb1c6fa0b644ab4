"""Memory and processor limits on one machine: by control group where the kernel lets us, else by rlimit."""

import contextlib
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qhub_hub.config.quantities import show_bytes

CGROUPS = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds; the kernel's own default


class Limiter(Protocol):
    """A way to hold a server to its plan."""

    @property
    def notice(self) -> str:
        """What is not limited here, as a sentence for the administrator; empty: everything is."""

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """Limit a process and all it will start. `memory` in bytes; None: not limited."""

    def release(self, name: str) -> None:
        """Forget the limits of a server that has ended."""


@dataclass(frozen=True)
class ProcessLimits:
    """Per process and memory only: what any kernel grants, also without root."""

    notice: str = (
        "Control groups can't be used here: memory limits hold for each process by itself, processor limits not."
    )

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """See `Limiter.apply`."""
        if memory is not None:
            # RLIMIT_DATA and not RLIMIT_AS: V8 and numpy reserve address space that they never use.
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_DATA, (memory, memory))

    def release(self, name: str) -> None:
        """See `Limiter.release`; the limits ended with the processes."""


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

    def apply(self, name: str, pid: int, memory: int | None, cores: float | None) -> None:
        """See `Limiter.apply`."""
        for parent in {self.memory, self.cpu}:
            (parent / name).mkdir(exist_ok=True)
        quota = "max" if self.version == 2 else "-1"
        if cores is not None:
            quota = str(int(cores * _PERIOD))
        if self.version == 2:
            _write(self.memory / name / "memory.max", "max" if memory is None else str(memory))
            _write(self.cpu / name / "cpu.max", f"{quota} {_PERIOD}")
        else:
            _write(self.memory / name / "memory.limit_in_bytes", "-1" if memory is None else str(memory))
            _write(self.cpu / name / "cpu.cfs_quota_us", quota)
        with contextlib.suppress(ProcessLookupError):
            for parent in {self.memory, self.cpu}:
                _write(parent / name / "cgroup.procs", str(pid))

    def release(self, name: str) -> None:
        """See `Limiter.release`; a group that still holds processes stays."""
        for parent in {self.memory, self.cpu}:
            with contextlib.suppress(OSError):
                (parent / name).rmdir()


def _write(path: Path, text: str) -> None:
    path.write_text(text)


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
    if own is None or not (own / "cgroup.controllers").is_file():
        return None
    if not {"cpu", "memory"} <= set((own / "cgroup.controllers").read_text().split()):
        return None
    _write(own / "cgroup.subtree_control", "+memory +cpu")
    ours = own / name
    ours.mkdir(exist_ok=True)
    _write(ours / "cgroup.subtree_control", "+memory +cpu")
    return ControlGroups(ours, ours, version=2)


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
