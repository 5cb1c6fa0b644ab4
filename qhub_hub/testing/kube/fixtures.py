"""Pytest fixtures of the fake cluster; `qhub_hub.testing.plugin` loads them where pytest-asyncio is installed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from qhub_hub.testing.kube.cluster import FakeKube
from qhub_hub.testing.kube.kubeconfig import clients_use
from qhub_hub.testing.kube.kubelet import Kubelet
from qhub_hub.testing.kube.stub_kubelet import StubKubelet

if TYPE_CHECKING:
    from playwright.async_api import Page

    from qhub_hub.testing.kube.hub import Answer, Config, KubeHub
    from qhub_hub.testing.kube.people import SignedIn


@pytest.fixture
def kubelet() -> Kubelet:
    """What runs the pods of `fake_kube`; define a fixture of this name to choose another one."""
    return StubKubelet()


@pytest_asyncio.fixture
async def fake_kube(kubelet: Kubelet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeKube]:
    """A Kubernetes cluster for one test; `KUBECONFIG`, kubernetes_asyncio and KubeSpawner point at it."""
    async with FakeKube(kubelet) as kube:
        kubeconfig = kube.kubeconfig(tmp_path / "kubeconfig.yaml")
        async with clients_use(kubeconfig, monkeypatch):
            yield kube
            # Whatever a test broke, the clients that stop now must not wait for it.
            kube.faults.clear()


@pytest.fixture
def ended_hubs() -> "Iterator[list[KubeHub]]":
    """Hubs whose files are closed after `hub_app` has ended them, which pytest-jupyterhub (0.1) leaves open."""
    hubs: list[KubeHub] = []
    yield hubs
    for hub in hubs:
        hub.close_files()


@pytest_asyncio.fixture
async def hub(
    fake_kube: FakeKube, ended_hubs: "list[KubeHub]", hub_app: Callable[..., Awaitable[Any]]
) -> "Callable[..., Awaitable[KubeHub]]":
    """Start a real JupyterHub on `fake_kube`: `await hub(MySpawner, {"KubeSpawner": {"image": "…"}})`."""
    from qhub_hub.testing.kube.hub import start_hub

    async def start(spawner: type | str = "kubespawner.KubeSpawner", config: "Config | None" = None) -> "KubeHub":
        ended_hubs.append(await start_hub(hub_app, fake_kube, spawner, config or {}))
        return ended_hubs[-1]

    return start


@pytest_asyncio.fixture
async def login() -> "AsyncIterator[Callable[..., Awaitable[SignedIn]]]":
    """Sign somebody in to a hub of `hub`, through its form or the provider's: `await login(running, "ann")`."""
    from qhub_hub.testing.kube.people import SignedIn, sign_in

    people: list[SignedIn] = []

    async def let_in(hub: "KubeHub", name: str, password: str | None = None, page: "Page | None" = None) -> "SignedIn":
        # pytest-jupyterhub's own authenticator takes everybody's name for their password.
        people.append(await sign_in(hub, name, name if password is None else password, page))
        return people[-1]

    yield let_in
    for person in people:
        await person.http.aclose()


@pytest.fixture
def spawn() -> "Callable[..., Awaitable[Answer]]":
    """Start a server of somebody who is signed in, and wait until it answers: `await spawn(ann, {"profile": "…"})`."""
    from qhub_hub.testing.kube.people import SignedIn

    return SignedIn.spawn
