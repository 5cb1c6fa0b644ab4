"""A real hub in the test's own process, whose servers are pods of the Kubernetes API that the test kit plays."""

import asyncio
import copy
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.utils import random_port
from kubespawner import KubeSpawner
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from traitlets.config import Config

from qhub_hub.environments.service import handlers
from qhub_hub.storage import Provisioner
from qhub_hub.storage.layout import ENVIRONMENTS
from qhub_hub.storage.service import application, token_in
from qhub_hub.testing.waiting import PATIENCE

CONFIG = Path(__file__).with_name("jupyterhub_config.py")

TEAM = """
qhub:
  culling: {enabled: false}
  users:
    ann: {uid: 120001, displayName: "Ann {Example}"}
    bob: {}
    eve: {}
  groups:
    data: {gid: 80001, members: [ann, bob]}
    /lab/gpu: {gid: 80002, members: [ann]}
  nodeGroups:
    user: {cpu: 8, memory: "32Gi"}
    gpu: {cpu: 8, memory: "32Gi", gpu: {count: 2}, labels: {kind: gpu}, taints: [{key: nvidia.com/gpu}]}
  profiles:
    small:
      displayName: Small
      order: -1
      cpu: {guarantee: 0.5, limit: 1}
      memory: {limit: "2Gi"}
      env: {BRACES: '{"username": "{username}"}', DOLLARS: "$(HOME) $$"}
    sized:
      displayName: As you like
      order: 5
      options:
        sizes:
          one: {cpu: {limit: 1}, memory: {limit: "1Gi"}}
          two: {cpu: {limit: 2}, memory: {limit: "2Gi"}}
    gpu:
      displayName: Accelerated
      order: 10
      nodeGroup: gpu
      gpu: 1
      cpu: {limit: 2}
      memory: {limit: "4Gi"}
      image: registry.example/gpu:1
      allowedGroups: [/lab/gpu]
  limits:
    everyone: {servers: 2}
"""


class InProcessHub(JupyterHub):
    """JupyterHub, but for what belongs to a process of its own."""

    settings: dict[str, Any]

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        super().load_config_file(*args, **kwargs)
        self.update_config(Config(self.settings))

    def init_signal(self) -> None:
        """The test runner has its own."""

    def _stop_event_loop(self) -> None:
        """The loop is the test's."""

    def init_logging(self) -> None:
        super().init_logging()
        self.log.propagate = True
        self.log.handlers.clear()


class Hub:
    """A running hub, and requests to it.

    Args:
        state: folder of its databases and values.
        address: where it listens.
    """

    def __init__(self, state: Path, address: str) -> None:
        self.state = state
        self.address = address
        self.http = httpx.AsyncClient(
            base_url=f"{address}/hub/api", headers={"Authorization": "token test-test-test"}, timeout=60
        )
        self.app: InProcessHub | None = None

    async def start(self, **settings: dict[str, Any]) -> "Hub":
        """Start it; `KubeSpawner={"start_timeout": 3}` sets what the configuration file leaves open."""
        InProcessHub.clear_instance()
        app = self.app = InProcessHub.instance(config_file=str(CONFIG), log_level=logging.INFO)
        app.settings = settings
        await app.initialize([])
        await app.start()
        return self

    async def stop(self) -> None:
        """Stop the hub and leave its servers."""
        if self.app is None:
            return
        app, self.app = self.app, None
        for user in app.users.values():
            for spawner in user.spawners.values():
                spawner.stop_polling()
        for callback in app._periodic_callbacks.values():
            callback.stop()
        app.http_server.stop()
        await app.http_server.close_all_connections()
        await app.cleanup()
        await KubeSpawner._stop_all_reflectors()  # they end with a hub's process
        app.db.close()
        app.tornado_settings["qhub"].store.close()
        app.tornado_settings["qhub_usage"].database.close()
        app.log.handlers.clear()
        InProcessHub.clear_instance()

    async def api(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """A request to the REST API, with all rights."""
        return await self.http.request(method, path, json=json)

    async def add(self, *names: str) -> None:
        """Make people known."""
        for name in names:
            await self.api("POST", f"/users/{name}")

    async def start_server(self, name: str, options: Any = None, server: str = "") -> httpx.Response:
        """Start a server by REST; waits until it runs or has failed, and returns the first answer."""
        await self.add(name)
        answer = await self.api("POST", f"/users/{name}/server{'s/' + server if server else ''}", options)
        if answer.status_code == 202:
            await self.until(lambda: self._settled(name, server))
        return answer

    async def _settled(self, name: str, server: str) -> bool:
        return not (await self.server(name, server)).get("pending")

    async def stop_server(self, name: str, server: str = "") -> httpx.Response:
        """Stop a server and wait until it is gone."""
        answer = await self.api("DELETE", f"/users/{name}/server{'s/' + server if server else ''}")
        await self.until(lambda: self._gone(name, server))
        return answer

    async def _gone(self, name: str, server: str) -> bool:
        return not await self.server(name, server)

    async def server(self, name: str, server: str = "") -> dict[str, Any]:
        """The hub's model of a server; empty where it does not run."""
        model = (await self.api("GET", f"/users/{name}")).json()
        found: dict[str, Any] = model.get("servers", {}).get(server, {})
        return found

    async def until(self, so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not await so():
            assert time.monotonic() < deadline, "it did not come about in time"
            await asyncio.sleep(0.02)


@pytest.fixture
async def kube_hub(
    fake_kube: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Awaitable[Hub]]]:
    """Start hubs: `await kube_hub(KubeSpawner={...})`; a second one on the same state is the first one restarted."""
    address = f"http://127.0.0.1:{random_port()}"
    monkeypatch.setenv("QHUB_TEST_STATE", str(tmp_path))
    monkeypatch.setenv("QHUB_TEST_ADDRESS", address)
    (tmp_path / "values.yaml").write_text(TEAM)
    hubs: list[Hub] = []

    async def started(**settings: Any) -> Hub:
        hub = Hub(tmp_path, address)
        hubs.append(hub)
        return await hub.start(**settings)

    yield started
    for hub in hubs:
        await hub.stop()
        await hub.http.aclose()


@dataclass(frozen=True)
class StorageService:
    """A storage service in the test's own process, and what it has made."""

    url: str
    token_file: Path
    share: Path


@pytest.fixture
async def storage_service(tmp_path: Path) -> AsyncIterator[StorageService]:
    """Makes folders in the test's temporary folder, and tells of environments, for whoever has the token."""
    found = StorageService("", tmp_path / "storage-token", tmp_path / "share")
    found.token_file.write_text("a-storage-token-of-some-length")
    found.share.mkdir()
    socket, port = bind_unused_port()
    with Provisioner(found.share, own_ids=False) as share:
        token = token_in(found.token_file)
        service = application(share, token)
        service.add_handlers(".*", handlers(share.root.joinpath(*ENVIRONMENTS.parts), token))
        server = HTTPServer(service)
        server.add_sockets([socket])
        yield replace(found, url=f"http://127.0.0.1:{port}")
        server.stop()
        await server.close_all_connections()


@pytest.fixture
async def hub(kube_hub: Callable[..., Awaitable[Hub]]) -> Hub:
    """A hub for a small team."""
    return await kube_hub()


@pytest.fixture
def created(fake_kube: Any) -> Callable[[], list[dict[str, Any]]]:
    """All pods that were ever admitted in this test, also those that are gone, as they were asked for."""
    pods: list[dict[str, Any]] = []

    def remember(review: Any) -> None:
        if (review.operation, review.kind.plural) == ("CREATE", "pods"):
            pods.append(copy.deepcopy(review.object))

    fake_kube.admission.append(remember)
    return lambda: pods
