"""Dask-Gateway's API on a cluster: it writes down which clusters there are to be; the controller makes their pods."""

from typing import Any

from qhub_hub.dask.failures import failed
from qhub_hub.dask.kube.cluster_config import PlannedClusterConfig, cluster_config
from qhub_hub.dask.kube.clusters import NamespacedKubeBackend
from qhub_hub.dask.kube.seal import REASON
from qhub_hub.dask.person import Person
from qhub_hub.dask.policy import PolicyMixin
from qhub_hub.sessions import ClusterPlan


class QHubKubeBackend(PolicyMixin, NamespacedKubeBackend):
    """Writes down planned clusters, and looks after them."""

    cluster_config_class = PlannedClusterConfig

    def settings_for(self, plan: ClusterPlan, person: Person) -> dict[str, Any]:
        """See `DecidingMixin.settings_for`."""
        return cluster_config(plan, person, self.values.config.storage)

    async def sync_cluster(self, cluster_name: str) -> None:
        """See `NamespacedKubeBackend.sync_cluster`.

        Schedulers say how many workers they want when that changes, and not from time to time. A gateway that has
        just started knows it from what the one before it wrote down.
        """
        await super().sync_cluster(cluster_name)
        if cluster_name in self.clusters:
            wanted = self.informer.get(cluster_name)["spec"].get("replicas", 0)
            self.workers.setdefault(cluster_name, wanted)

    async def get_cluster(self, cluster_name: str, wait: bool = False) -> Any:
        """A cluster; whoever waits for one that failed is told why."""
        cluster = await super().get_cluster(cluster_name, wait=wait)
        if cluster is None or not wait:
            return cluster
        status = (self.informer.get(cluster_name) or {}).get("status") or {}
        return failed(cluster, str(status.get(REASON, "")))
