"""Dask-Gateway's API on a cluster: it writes down which clusters there are to be; the controller makes their pods."""

import asyncio
from typing import Any

from dask_gateway_server.models import ClusterStatus

from qhub_hub.dask.failures import failed
from qhub_hub.dask.kube.cluster_config import PlannedClusterConfig, cluster_config
from qhub_hub.dask.kube.clusters import NamespacedKubeBackend
from qhub_hub.dask.kube.seal import REASON
from qhub_hub.dask.person import Person
from qhub_hub.dask.policy import PolicyMixin
from qhub_hub.sessions import ClusterPlan

_REACHED_AFTER = (0.1, 0.3, 1.0, 2.0)  # seconds between attempts; a new service is known to nodes within about one


class QHubKubeBackend(PolicyMixin, NamespacedKubeBackend):
    """Writes down planned clusters, and looks after them."""

    cluster_config_class = PlannedClusterConfig

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._adapting: dict[str, asyncio.Task[None]] = {}

    def settings_for(self, plan: ClusterPlan, person: Person) -> dict[str, Any]:
        """See `DecidingMixin.settings_for`."""
        return cluster_config(plan, person, self.values.config.storage)

    async def sync_cluster(self, cluster_name: str) -> None:
        """See `NamespacedKubeBackend.sync_cluster`.

        Schedulers say how many workers they want when that changes, and not from time to time. A gateway that has
        just started knows it from what the one before it wrote down.
        """
        before = self.clusters.get(cluster_name)
        await super().sync_cluster(cluster_name)
        cluster = self.clusters.get(cluster_name)
        if cluster is None:
            self._adapting.pop(cluster_name, None)
            return
        wanted = self.informer.get(cluster_name)["spec"].get("replicas", 0)
        self.workers.setdefault(cluster_name, wanted)
        # Not where this gateway has just started: its owner may have said something else since.
        if before and before.status == ClusterStatus.PENDING and cluster.status == ClusterStatus.RUNNING:
            self._adapting[cluster_name] = asyncio.create_task(self.begin_to_adapt(cluster, _REACHED_AFTER))

    async def get_cluster(self, cluster_name: str, wait: bool = False) -> Any:
        """A cluster; whoever waits for one that failed is told why."""
        cluster = await super().get_cluster(cluster_name, wait=wait)
        if cluster is None or not wait:
            return cluster
        if task := self._adapting.get(cluster_name):
            await asyncio.wait([task])
        status = (self.informer.get(cluster_name) or {}).get("status") or {}
        return failed(cluster, str(status.get(REASON, "")))
