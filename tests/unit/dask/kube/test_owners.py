"""Clusters belong to their gateway's deployment, so that Kubernetes deletes them with it."""

from typing import Any

import pytest
from dask_gateway_server.backends.kubernetes.backend import KubeClusterConfig
from kubernetes_asyncio.client.exceptions import ApiException

from qhub_hub.dask.kube.clusters import NamespacedKubeBackend
from qhub_hub.dask.kube.seal import Seal

KEY = "k" * 40


class Deployments:
    """A client of Kubernetes that knows one deployment, or may read none."""

    def __init__(self, refused: int = 0) -> None:
        self._refused = refused

    async def get_namespaced_custom_object(self, **asked: Any) -> dict[str, Any]:
        if self._refused:
            raise ApiException(status=self._refused)
        assert asked == {"group": "apps", "version": "v1", "namespace": "team", "plural": "deployments", "name": "api"}
        return {"metadata": {"uid": "5f1c"}}


async def written(client: Deployments) -> dict[str, Any]:
    """A cluster as it is written down."""
    backend = NamespacedKubeBackend(namespace="team", deployment="api", seal_key=KEY, gateway_instance="qhub")
    backend.custom_client, backend.seal = client, Seal(KEY)
    backend._owners = await backend._found_owners()
    made: dict[str, Any] = backend.make_cluster_object("ann", {}, KubeClusterConfig(namespace="team"))
    return made


async def test_a_cluster_is_deleted_with_the_gateway() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "5f1c"}
    assert (await written(Deployments()))["metadata"]["ownerReferences"] == [owner]


@pytest.mark.parametrize("refused", [403, 404])
async def test_without_the_right_to_know_it_clusters_are_made_all_the_same(
    refused: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await written(Deployments(refused)))["metadata"]["ownerReferences"] == []
    assert f"The deployment api can't be read ({refused}): Dask clusters go on when it is deleted." in caplog.text
