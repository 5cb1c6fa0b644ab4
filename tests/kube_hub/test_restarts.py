"""The hub ends and comes back: servers go on, and none is lost, doubled or left behind."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

CONFIG = Path(__file__).with_name("jupyterhub_config.py")


async def test_servers_go_on_while_the_hub_is_restarted(kube_hub: Any, fake_kube: Any) -> None:
    hub = await kube_hub()
    await hub.start_server("ann", {"profile": "gpu"})
    await hub.start_server("ann", server="second")
    before = {pod["metadata"]["uid"] for pod in fake_kube.pods()}
    await hub.stop()
    again = await kube_hub()
    server = await again.server("ann")
    assert server["ready"]
    assert server["state"]["qhub"]["profile"] == "gpu"
    assert (await again.start_server("ann", server="third")).status_code == 403, "running servers no longer count"
    assert {pod["metadata"]["uid"] for pod in fake_kube.pods()} == before
    await again.stop_server("ann")
    await again.stop_server("ann", "second")
    assert fake_kube.pods() == []


async def test_a_server_that_ended_while_the_hub_was_away_is_not_taken_for_running(
    kube_hub: Any, fake_kube: Any
) -> None:
    hub = await kube_hub()
    await hub.start_server("ann")
    await hub.stop()
    fake_kube.delete("pods", "jupyter-ann", grace=0)
    again = await kube_hub()
    assert await again.server("ann") == {}
    assert (await again.start_server("ann")).status_code == 201


async def test_servers_are_not_forgotten_when_the_hub_comes_back_before_the_api(kube_hub: Any, fake_kube: Any) -> None:
    hub = await kube_hub()
    await hub.start_server("ann")
    await hub.stop()
    with fake_kube.faults.api_errors(503):
        again = await kube_hub()
        assert (await again.server("ann"))["ready"]
    await again.stop_server("ann")
    assert fake_kube.pods() == []


@asynccontextmanager
async def hub_process(state: Path, kubeconfig: str) -> AsyncIterator[None]:
    """A hub in a process of its own, that can be killed."""
    with (state / "hub.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *("/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)),
            cwd=state,
            stdout=log,
            stderr=log,
            env={**os.environ, "KUBECONFIG": kubeconfig},
        )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                assert process.returncode is None, (state / "hub.log").read_text()
                try:
                    await client.get(f"{os.environ['QHUB_TEST_ADDRESS']}/hub/api/")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await process.wait()


async def killed_during_a_start(state: Path, kubeconfig: str, until: Callable[[], Any]) -> None:
    """Start ann's server on a hub that is killed once something is so."""
    async with (
        hub_process(state, kubeconfig),
        httpx.AsyncClient(
            base_url=f"{os.environ['QHUB_TEST_ADDRESS']}/hub/api", headers={"Authorization": "token test-test-test"}
        ) as client,
    ):
        await client.post("/users/ann")
        started = asyncio.create_task(client.post("/users/ann/server", json={"profile": "gpu"}, timeout=60))
        await until()
        os.sync()
    with pytest.raises(httpx.TransportError):  # the process was killed while it had not answered
        await started


@pytest.fixture
def kubeconfig(fake_kube: Any, tmp_path: Path) -> str:
    """Kubeconfig for a hub in a process of its own."""
    return str(fake_kube.kubeconfig(tmp_path / "own-kubeconfig"))


@pytest.mark.parametrize("came_up_meanwhile", [True, False], ids=["came up meanwhile", "still starting"])
async def test_a_pod_of_a_hub_that_was_killed_before_it_knew_its_address_is_taken_up(
    kube_hub: Any, fake_kube: Any, tmp_path: Path, kubeconfig: str, came_up_meanwhile: bool
) -> None:
    fault = fake_kube.pod_faults.unschedulable()
    await killed_during_a_start(tmp_path, kubeconfig, lambda: fake_kube.until(fake_kube.pods))
    (before,) = fake_kube.pods()

    def running() -> bool:
        return bool(fake_kube.pods()[0]["status"].get("podIP"))

    if came_up_meanwhile:
        fault.lift()
        await fake_kube.until(running)
    else:
        asyncio.get_running_loop().call_later(0.5, fault.lift)
    hub = await kube_hub()

    async def ready() -> bool:
        return bool((await hub.server("ann")).get("ready"))

    await hub.until(ready)
    assert (await hub.server("ann"))["state"]["qhub"]["profile"] == "gpu"
    assert [pod["metadata"]["uid"] for pod in fake_kube.pods()] == [before["metadata"]["uid"]]
    await hub.stop_server("ann")
    assert fake_kube.pods() == []


async def test_a_hub_that_was_killed_before_there_was_a_pod_leaves_nothing(
    kube_hub: Any, fake_kube: Any, tmp_path: Path, kubeconfig: str
) -> None:
    fault = fake_kube.faults.latency(60, on="create pods")
    await killed_during_a_start(tmp_path, kubeconfig, lambda: until_struck(fault))
    fault.lift()
    hub = await kube_hub()
    assert await hub.server("ann") == {}
    assert fake_kube.pods() == []
    assert (await hub.start_server("ann")).status_code == 201


async def until_struck(fault: Any) -> None:
    """Wait until a request has run into it."""
    for _ in range(1500):
        if fault.struck:
            return
        await asyncio.sleep(0.02)
    pytest.fail("no request ran into it")


async def test_a_start_that_does_not_come_up_after_its_hub_was_killed_is_given_up(
    kube_hub: Any, fake_kube: Any, tmp_path: Path, kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qhub_hub.hub.kube_lifecycle._TAKEN_UP_WITHIN", 0.3)
    fake_kube.pod_faults.unschedulable()
    await killed_during_a_start(tmp_path, kubeconfig, lambda: fake_kube.until(fake_kube.pods))
    hub = await kube_hub()
    await fake_kube.until(lambda: not fake_kube.pods())

    async def free() -> bool:
        return await hub.server("ann") == {}

    await hub.until(free)


async def test_a_hub_that_was_restored_elsewhere_looks_for_servers_where_it_is(kube_hub: Any, fake_kube: Any) -> None:
    hub = await kube_hub()
    await hub.start_server("ann")
    await hub.stop()
    fake_kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    again = await kube_hub(KubeSpawner={"namespace": "elsewhere"})
    assert await again.server("ann") == {}
    assert (await again.start_server("ann")).status_code == 201
    assert {pod["metadata"]["namespace"] for pod in fake_kube.pods("elsewhere")} == {"elsewhere"}
