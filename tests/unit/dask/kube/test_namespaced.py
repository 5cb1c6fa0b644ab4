"""Informers stay in one namespace, and are patient with a Kubernetes that refuses them."""

from typing import Any

import pytest
from dask_gateway_server.backends.kubernetes.utils import Informer

from qhub_hub.dask.kube import namespaced
from qhub_hub.dask.kube.controller import QHubController


class Client:
    """A client of Kubernetes that answers every list in the same way."""

    def __init__(self, status: int = 200) -> None:
        self.api_client = self
        self.status, self.reason = status, "Forbidden"
        self.asked: list[dict[str, Any]] = []

    async def list_namespaced_pod(self, **arguments: Any) -> "Client":
        self.asked.append(arguments)
        return self

    list_namespaced_endpoints = list_namespaced_custom_object = list_namespaced_pod


METHODS = ["list_pod_for_all_namespaces", "list_endpoints_for_all_namespaces", "list_cluster_custom_object"]


@pytest.mark.parametrize("method", METHODS)
async def test_what_upstream_asks_of_the_whole_cluster_is_asked_of_the_namespace(
    controller: QHubController, method: str
) -> None:
    client = Client()
    controller.informers = {"any": Informer(name="any", client=client, method=method)}
    informer = controller.informers["any"]
    await getattr(informer.client, informer.method)(label_selector="x")
    assert client.asked == [{"label_selector": "x", "namespace": "team", "_request_timeout": 30}]


def test_nothing_else_can_be_asked() -> None:
    with pytest.raises(KeyError):
        _ = namespaced.NamespacedClient(Client(), "team").list_secret_for_all_namespaces


async def test_a_refused_watch_is_no_answer_and_is_not_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(namespaced.asyncio, "sleep", pause)
    with pytest.raises(ConnectionError, match="403 Forbidden"):
        await namespaced.NamespacedClient(Client(403), "team").list_pod_for_all_namespaces(watch=True)
    assert paused == [1.0]
