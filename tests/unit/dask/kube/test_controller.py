"""What the controller does where upstream's would do something else."""

from collections.abc import Callable
from typing import Any

import pytest
from dask_gateway_server.backends.kubernetes.controller import ClusterInfo
from dask_gateway_server.backends.kubernetes.utils import k8s_timestamp
from dask_gateway_server.workqueue import WorkQueue
from kubernetes_asyncio.client import ApiException

from qhub_hub.dask.kube.controller import QHubController
from qhub_hub.dask.kube.seal import Credentials, Seal


class Pods:
    """Kubernetes' core API, as far as these tests go."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.refusal: ApiException | None = None

    async def delete_namespaced_pod(self, name: str, namespace: str) -> None:
        self.deleted.append(name)

    async def delete_namespaced_secret(self, name: str, namespace: str) -> None:
        self.deleted.append(name)

    async def create_namespaced_secret(self, namespace: str, secret: Any) -> None:
        return None

    async def create_namespaced_pod(self, namespace: str, pod: Any) -> None:
        if self.refusal:
            raise self.refusal


class Known:
    """An informer that knows what it was told."""

    def __init__(self, **found: Any) -> None:
        self.cache = {f"team.{name}": value for name, value in found.items()}
        self.get = self.cache.get
        self.client: Any = None


@pytest.fixture
async def running(controller: QHubController) -> QHubController:
    """A controller with an empty cluster before it."""
    controller.core_client = Pods()
    controller.queue = WorkQueue()
    controller.cluster_info = {}
    controller.stopped_clusters = {}
    controller._informers = {"cluster": Known(), "pod": Known(), "endpoints": Known()}
    return controller


@pytest.fixture
def object_of(cluster: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """A cluster's object: `object_of(phase="Pending")`."""

    def build(born: str | None = None, **status: Any) -> dict[str, Any]:
        sealed = Seal("k" * 40).close(Credentials("c", "k", "t"), "team.abc")
        return {
            "apiVersion": "v1alpha1",
            "kind": "DaskCluster",
            "metadata": {
                "name": "abc",
                "namespace": "team",
                "uid": "u",
                "creationTimestamp": born or k8s_timestamp(),
            },
            "spec": {"sealed": sealed, "config": cluster().record},
            "status": status,
        }

    return build


async def failed(controller: QHubController, found: dict[str, Any]) -> str:
    controller.informers["cluster"].cache["team.abc"] = found
    status, again = await controller.handle_cluster(found)
    assert status is not None
    assert status["phase"] == "Failed"
    assert "completionTime" in status
    assert not again
    return str(status["reason"])


async def test_a_scheduler_that_ended_leaves_its_reason(running, object_of) -> None:
    ended = {
        "spec": {"containers": [{"image": "own:1"}]},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "dask-scheduler", "state": {"terminated": {"reason": "OOMKilled"}}}],
        },
    }
    running.informers["pod"].cache["team.sched"] = ended
    found = object_of(phase="Running", schedulerPod="sched", credentials="creds")
    assert "needed more memory" in await failed(running, found)
    assert running.core_client.deleted == ["sched", "creds"]


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_a_refusal_by_kubernetes_ends_the_cluster_at_once(running, object_of, status) -> None:
    running.core_client.refusal = ApiException(status=status, reason="exceeded quota: secret-name")
    reason = await failed(running, object_of())
    assert "a quota is used up, or a rule forbids it" in reason
    assert "secret-name" not in reason


async def test_a_kubernetes_that_is_away_is_asked_again(running, object_of) -> None:
    running.core_client.refusal = ApiException(status=503)
    running.informers["cluster"].cache["team.abc"] = found = object_of()
    with pytest.raises(ApiException):
        await running.handle_cluster(found)


async def test_credentials_that_cannot_be_read_end_the_cluster(running, object_of) -> None:
    found = object_of()
    found["spec"]["sealed"] = "forged"
    assert "damaged" in await failed(running, found)


async def test_a_record_that_asks_for_a_secret_ends_the_cluster(running, object_of) -> None:
    found = object_of(credentials="creds")
    found["spec"]["config"]["scheduler_parts"]["volumes"] = [{"name": "x", "secret": {"secretName": "hub"}}]
    assert "damaged" in await failed(running, found)


async def test_a_scheduler_that_never_starts_is_given_up(running, object_of) -> None:
    waits = {"spec": {"containers": [{"image": "own:1"}]}, "status": {"phase": "Pending"}}
    running.informers["pod"].cache["team.sched"] = waits
    status = {"schedulerPod": "sched", "credentials": "creds"}
    fresh, _ = await running.handle_cluster(object_of(**status))
    assert fresh["phase"] == "Pending"
    reason = await failed(running, object_of(born="2026-01-01T00:00:00Z", **status))
    assert "did not start within 10 minutes" in reason


def worker(phase: str = "Pending", statuses: list[Any] | None = None) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": "dask-worker", "gateway.dask.org/cluster": "abc"}
    found = {"phase": phase, **({"containerStatuses": statuses} if statuses else {})}
    return {"metadata": {"name": "w1", "namespace": "team", "labels": labels}, "status": found}


async def test_a_worker_that_no_node_has_room_for_is_counted(running) -> None:
    info = running.cluster_info["team.abc"] = ClusterInfo()
    info.set_expectations(creates=1)
    running.on_pod_update(worker())
    assert info.pending == {"w1"}
    assert info.should_trigger(), "else nothing is added or removed for ten minutes"


@pytest.mark.parametrize(("waiting", "wanted", "left"), [(5, 0, 0), (5, 3, 3), (5, 5, 5), (2, 0, 0)])
async def test_workers_that_wait_for_a_node_are_given_up_when_they_are_not_needed(
    running, object_of, waiting: int, wanted: int, left: int
) -> None:
    info = ClusterInfo()
    info.pending = {f"w{number}" for number in range(waiting)}
    await running.handle_scale_down(object_of(), {}, info, wanted, wanted - waiting)
    assert waiting - len(running.core_client.deleted) == left


def test_pods_carry_what_network_policies_find_them_by(cluster) -> None:
    made = cluster()
    for role in ("scheduler", "worker"):
        labels = getattr(made, role)["metadata"]["labels"]
        assert {
            "release": "qhub",
            "component": f"dask-{role}",
            "gateway.dask.org/instance": "qhub-dask-gateway",
            "hub.jupyter.org/username": "ann",
            "qhub/profile": "p",
        }.items() <= labels.items()
