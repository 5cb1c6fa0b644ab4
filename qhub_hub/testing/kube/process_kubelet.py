"""Pods that run as real processes of this machine, each with an address of its own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from qhub_hub.testing.kube import pod_init
from qhub_hub.testing.kube.container_environment import container_environment
from qhub_hub.testing.kube.kubelet import Container, ContainerError
from qhub_hub.testing.kube.pod import Pod

_ALL_ADDRESSES = re.compile(r"(?<![0-9.])0\.0\.0\.0(?![0-9.])")


class ProcessContainer:
    """A running command, with everything that it started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # A pidfd becomes readable at the moment the process ends: no polling, no thread.
        self._handle = os.pidfd_open(process.pid)
        self._loop.add_reader(self._handle, self._end)

    def _end(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        self._process.wait()
        self._ended.set()

    async def wait(self) -> int:
        """Wait until it ends; returns its exit code, 128 and more where a signal ended it."""
        await self._ended.wait()
        return self._process.returncode

    async def stop(self, grace: float) -> int:
        """SIGTERM, and after so many seconds SIGKILL to all that is left."""
        if not self._ended.is_set():
            self._process.send_signal(signal.SIGTERM if grace > 0 else signal.SIGHUP)
            try:
                await asyncio.wait_for(self._ended.wait(), grace or None)
            except TimeoutError:
                self._process.send_signal(signal.SIGHUP)  # its first process then kills all of it
        return await self.wait()


class ProcessKubelet:
    """Runs the command of a pod's first container as a process of this machine.

    The process gets the pod's environment and, wherever an environment variable or argument says `0.0.0.0`, the
    pod's own address in its place: all pods may listen on one port. It runs as the user who runs the tests, in a
    folder of its own. Volumes, limits and security contexts are not carried out.

    Args:
        folder: where pods have their folders and logs.
        command: of the image, for pods that name none.
        environment: of the image.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str] = ("jupyterhub-singleuser",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder, self._command = folder, list(command)
        self._environment = dict(environment or {})

    def log(self, pod: str) -> str:
        """What a pod has printed so far.

        Args:
            pod: its name.
        """
        path = self._folder / pod / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def start(self, pod: Pod) -> Container:
        """Start the process.

        Raises:
            ContainerError: its environment names a secret or config map that is not there.
        """
        container = pod.containers[0]
        home = self._folder / pod.name
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(home),
            "HOSTNAME": pod.name,
            "LANG": "C.UTF-8",
            **self._environment,
            **container_environment(pod, container),
        }
        command = [*(container.get("command") or []), *(container.get("args") or [])] or self._command

        def here(text: str) -> str:
            return _ALL_ADDRESSES.sub(pod.address, text)

        return self._run(
            [here(argument) for argument in command], {key: here(value) for key, value in environment.items()}, home
        )

    def _run(self, command: list[str], environment: Mapping[str, str], home: Path) -> ProcessContainer:
        with (home / "log").open("ab") as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - a test's own pod
                    [sys.executable, "-I", "-S", str(pod_init.__file__), str(os.getpid()), *command],
                    cwd=home,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, ValueError):
                # A null byte in an argument, an environment beyond the kernel's bound.
                raise ContainerError(
                    "RunContainerError", f"The command {command[0]!r} or its environment is no possible process."
                ) from None
        return ProcessContainer(process)
