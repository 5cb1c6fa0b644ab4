"""A real hub with the real KubeSpawner on the fake cluster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from qhub_hub.testing.kube import FakeKube, Kubelet, ProcessKubelet
from qhub_hub.testing.kube.hub import KubeHub

StartHub = Callable[..., Awaitable[KubeHub]]


async def test_a_server_starts_as_a_pod_and_stops(hub: StartHub, fake_kube: FakeKube) -> None:
    running = await hub(config={"KubeSpawner": {"image": "example.org/other:2", "cpu_guarantee": 0.5}})
    assert (await running.start("ann")).status == 201
    pod = running.pod("ann")
    assert pod is not None
    assert pod["spec"]["containers"][0]["image"] == "example.org/other:2"
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "500m"}
    assert running.spawner("ann").server.ip == pod["status"]["podIP"]
    model = (await running.api("GET", "/users/ann")).body
    assert model["servers"][""]["ready"]
    assert (await running.stop("ann")).status == 204
    assert fake_kube.pods() == []


async def test_a_named_server_gets_a_pod_of_its_own(hub: StartHub, fake_kube: FakeKube) -> None:
    running = await hub()
    for server in ("", "second"):
        assert (await running.start("ann", server=server)).status == 201
    assert len({pod["metadata"]["name"] for pod in fake_kube.pods()}) == 2


async def test_forty_people_start_at_once(hub: StartHub, fake_kube: FakeKube) -> None:
    running = await hub(config={"JupyterHub": {"concurrent_spawn_limit": 0}})
    names = [f"user-{number}" for number in range(40)]
    answers = await asyncio.gather(*(running.start(name) for name in names))
    assert {answer.status for answer in answers} == {201}
    assert len(fake_kube.pods()) == 40
    answers = await asyncio.gather(*(running.stop(name) for name in names))
    assert {answer.status for answer in answers} == {204}
    assert fake_kube.pods() == []


async def test_a_full_quota_fails_the_start(hub: StartHub, fake_kube: FakeKube) -> None:
    fake_kube.limit({"pods": 1})
    running = await hub(config={"KubeSpawner": {"k8s_api_request_retry_timeout": 1}})
    assert (await running.start("ann")).status == 201
    assert (await running.start("bob")).status == 500
    assert len(fake_kube.pods()) == 1


async def test_a_claim_is_made_and_outlives_its_server(hub: StartHub, fake_kube: FakeKube) -> None:
    claims = {"storage_pvc_ensure": True, "storage_capacity": "1Gi"}
    running = await hub(config={"KubeSpawner": claims})
    await running.start("ann")
    await running.stop("ann")
    assert [claim["status"]["phase"] for claim in fake_kube.objects("persistentvolumeclaims")] == ["Bound"]


async def test_an_api_that_fails_once_fails_one_start(hub: StartHub, fake_kube: FakeKube) -> None:
    running = await hub()
    fault = fake_kube.faults.api_errors(500, times=1, on="create pods")
    assert (await running.start("ann")).status == 500  # KubeSpawner (7.1) tries again after timeouts only
    assert fault.struck == 1
    assert fake_kube.pods() == []
    assert (await running.start("ann")).status == 201


async def test_a_pod_that_fails_is_seen_by_the_hub(hub: StartHub, fake_kube: FakeKube) -> None:
    running = await hub()
    await running.start("ann")
    assert await running.spawner("ann").poll() is None
    fake_kube.delete("pods", running.spawner("ann").pod_name)
    await fake_kube.until(lambda: not fake_kube.pods())
    while await running.spawner("ann").poll() is None:  # noqa: ASYNC110 - the hub tells nobody
        await asyncio.sleep(0.01)


async def test_groups_are_known_to_a_spawner(hub: StartHub) -> None:
    running = await hub()
    await running.add_user("ann", groups=["/lab/gpu", "data"])
    await running.start("ann")
    assert {group.name for group in running.spawner("ann").user.groups} == {"/lab/gpu", "data"}


@pytest.mark.parametrize("round_", [1, 2])
async def test_nothing_of_one_test_is_left_for_the_next(hub: StartHub, fake_kube: FakeKube, round_: int) -> None:
    running = await hub()
    assert (await running.start("ann")).status == 201
    assert len(fake_kube.pods()) == 1


class TestRealServers:
    """Pods as processes: the single-user program of the hub's own tests."""

    @pytest.fixture
    def kubelet(self, tmp_path: Path) -> Kubelet:
        return ProcessKubelet(tmp_path / "pods")

    async def test_a_process_answers_the_hub_from_its_own_address(self, hub: StartHub) -> None:
        running = await hub(config={"KubeSpawner": {"cmd": ["python3", "-m", "jupyterhub.tests.mocksu"]}})
        answer = await running.start("ann")
        assert answer.status == 201, running.kube.kubelet.log(running.spawner("ann").pod_name)  # type: ignore[attr-defined]
        assert (await running.stop("ann")).status == 204
        assert running.kube.pods() == []
