"""What runs the containers of a pod; a test chooses which."""

from typing import Protocol

from qhub_hub.testing.kube.pod import Pod


class ContainerError(Exception):
    """A container cannot be started.

    Args:
        reason: as a waiting container carries it, such as `CreateContainerConfigError`.
        message: a sentence.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


class Container(Protocol):
    """Something that runs."""

    async def wait(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        ...

    async def stop(self, grace: float) -> int:
        """End it: politely, and after so many seconds by force; returns its exit code."""
        ...


class Kubelet(Protocol):
    """Starts the containers of pods on one node."""

    async def start(self, pod: Pod) -> Container:
        """Start a pod's containers.

        Raises:
            ContainerError: they cannot be started.
        """
        ...
