"""Pods that answer like a user's server, inside the test process: hundreds in a second."""

import asyncio
import contextlib
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from qhub_hub.testing.kube.kubelet import Container, ContainerError
from qhub_hub.testing.kube.pod import Pod

_LINGER = 0.01  # seconds for open connections; aiohttp (3.14) takes 0 for "as long as they want"


def _hub_version() -> str:
    try:
        return version("jupyterhub")
    except PackageNotFoundError:
        return "0"


class StubContainer:
    """Listens on the pod's ports until it is stopped."""

    def __init__(self, web_server: web.Server, listeners: list[asyncio.Server]) -> None:
        self._web_server, self._listeners = web_server, listeners
        self._ended = asyncio.Event()
        self._code = 0

    async def wait(self) -> int:
        """Wait until it is told to exit."""
        await self._ended.wait()
        return self._code

    def exit(self, code: int) -> None:
        """End as the program in it would, with an exit code."""
        self._code = code
        self._close()

    async def stop(self, grace: float) -> int:
        """End at once: nothing in it needs time."""
        self._close()
        await self._web_server.shutdown(_LINGER)
        return self._code

    def _close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._ended.set()


class StubKubelet:
    """Every pod answers all requests on all its ports with 200 and `X-JupyterHub-Version`, like a user's server."""

    def __init__(self) -> None:
        self.containers: dict[str, StubContainer] = {}
        """By name of the pod: `kubelet.containers["jupyter-ann"].exit(1)` ends one."""
        self._version = _hub_version()

    async def start(self, pod: Pod) -> Container:
        """Listen on the pod's ports.

        Raises:
            ContainerError: a port of its address is taken.
        """
        server = web.Server(self._answer)
        listeners: list[asyncio.Server] = []
        container = self.containers[pod.name] = StubContainer(server, listeners)
        for each in pod.containers:
            for port in each.get("ports") or []:
                await self._listen(pod, int(port["containerPort"]), container, listeners, server)
        return container

    async def _listen(
        self, pod: Pod, port: int, container: StubContainer, listeners: list[asyncio.Server], server: web.Server
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            listeners.append(await loop.create_server(server, pod.address, port))
        except OSError:
            await container.stop(0)
            raise ContainerError(
                "RunContainerError",
                f"Port {port} of {pod.address} is taken: something on this machine listens on all addresses.",
            ) from None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        with contextlib.suppress(ConnectionResetError):
            await request.read()
        return web.json_response({"version": "stub"}, headers={"X-JupyterHub-Version": self._version})
