"""What goes wrong with pods on their way to running, by name."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType

NO_NODE = (
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found."
)


@dataclass(eq=False)
class PodFault:
    """Something that is wrong with pods; mended at the end of its `with` or by `lift()`, and then they go on.

    Args:
        pods: names of the pods it strikes, as a pattern: `jupyter-*`.
        message: what scheduler or kubelet says.
        scale_up: the cluster autoscaler says that it starts a node.
        code: exit code of the container.
        reason: why the container ended.
        seconds: how long the start takes.
    """

    pods: str
    message: str = ""
    scale_up: bool = False
    code: int = 0
    reason: str = ""
    seconds: float = 0
    mended: asyncio.Event = field(default_factory=asyncio.Event)

    def lift(self) -> None:
        """Mend it."""
        self.mended.set()

    def __enter__(self) -> "PodFault":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lift()


class PodFaults:
    """Troubles of the nodes of one cluster. Every method gives a `PodFault`; use it in a `with`, or lift it."""

    def __init__(self) -> None:
        self._scheduling: list[PodFault] = []
        self._pulling: list[PodFault] = []
        self._crashing: list[PodFault] = []
        self._slow: list[PodFault] = []

    def unschedulable(self, pods: str = "*", message: str = NO_NODE, scale_up: bool = False) -> PodFault:
        """No node takes the pod: it stays Pending, and the scheduler says why.

        Args:
            pods: pattern of names.
            message: the scheduler's.
            scale_up: the cluster autoscaler says that it starts a node.
        """
        return _add(self._scheduling, PodFault(pods, message, scale_up))

    def image_pull_error(self, pods: str = "*", message: str = "manifest unknown") -> PodFault:
        """The image cannot be pulled: ErrImagePull, then ImagePullBackOff."""
        return _add(self._pulling, PodFault(pods, message))

    def crash_loop(self, pods: str = "*", code: int = 1, reason: str = "Error") -> PodFault:
        """The container ends at once, and again after each restart: CrashLoopBackOff, or Failed if it is not restarted.

        Args:
            code: exit code; 137 with the reason `OOMKilled` is a container over its memory limit.
        """
        return _add(self._crashing, PodFault(pods, code=code, reason=reason))

    def slow_start(self, seconds: float, pods: str = "*") -> PodFault:
        """The container takes some seconds to be created."""
        return _add(self._slow, PodFault(pods, seconds=seconds))

    def scheduling(self, pod: str) -> PodFault | None:
        """What keeps this pod from a node."""
        return _first(self._scheduling, pod)

    def pulling(self, pod: str) -> PodFault | None:
        """What is wrong with this pod's image."""
        return _first(self._pulling, pod)

    def crashing(self, pod: str) -> PodFault | None:
        """What ends this pod's container."""
        return _first(self._crashing, pod)

    def slow(self, pod: str) -> PodFault | None:
        """What makes this pod wait."""
        return _first(self._slow, pod)


def _add(faults: list[PodFault], fault: PodFault) -> PodFault:
    faults.append(fault)
    return fault


def _first(faults: list[PodFault], pod: str) -> PodFault | None:
    return next((fault for fault in faults if not fault.mended.is_set() and fnmatchcase(pod, fault.pods)), None)
