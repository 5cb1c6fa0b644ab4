"""Makes and removes the pods of Dask clusters, as the objects say that Dask-Gateway's API wrote."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from dask_gateway_server.backends.kubernetes.controller import KubeController, get_container_status
from dask_gateway_server.backends.kubernetes.utils import Informer, k8s_timestamp, parse_k8s_timestamp
from kubernetes_asyncio.client import ApiException
from traitlets import Float, Unicode

from qhub_hub.dask.kube.namespaced import in_namespace
from qhub_hub.dask.kube.pods import UnsafePod, planned_pod
from qhub_hub.dask.kube.reasons import why_it_ended, why_it_waits
from qhub_hub.dask.kube.seal import REASON, SEALED, BrokenSeal, Seal

_REFUSED = (400, 403, 422)  # answers of Kubernetes that asking again won't change

Object = dict[str, Any]


class QHubController(KubeController):  # type: ignore[misc]  # upstream has no types
    """Upstream's controller in one namespace, without traefik, whose pods are like their owners' servers."""

    namespace = Unicode(help="where this release is", config=True)
    release = Unicode(help="Helm's name of it", config=True)
    seal_key = Unicode(help="see Seal", config=True)
    start_timeout = Float(600, help="seconds after which a scheduler that does not start is given up", config=True)

    _informers: dict[str, Informer]

    @property
    def informers(self) -> dict[str, Informer]:
        """Of clusters, pods and endpoints."""
        return self._informers

    @informers.setter
    def informers(self, made: dict[str, Informer]) -> None:
        # Upstream's `setup` makes them and then starts them: this is where they can be told to stay in the namespace.
        self._informers = {name: in_namespace(informer, self.namespace) for name, informer in made.items()}

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """Nothing: settings come from the chart, and a file in the working folder must not count."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """See `KubeController.initialize`."""
        super().initialize(argv)
        self.seal = Seal(self.seal_key)
        self.app.router.add_get("/api/health", self._health)

    async def setup(self) -> None:
        """See `KubeController.setup`."""
        await super().setup()
        self.task_pool.spawn(self._look_at_waiting_ones())

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "pass"})

    async def _look_at_waiting_ones(self) -> None:
        """Reconcile what waits from time to time: of a pod that does not start there are no events."""
        while True:
            await asyncio.sleep(self.start_timeout / 20)
            for name, cluster in list(self.informers["cluster"].cache.items()):
                if cluster.get("status", {}).get("phase", "Pending") == "Pending":
                    self.queue.put(name)

    async def handle_cluster(self, cluster: Object) -> tuple[Object | None, bool]:
        """See `KubeController.handle_cluster`; a cluster that fails says why."""
        pod = self._scheduler(cluster)
        try:
            status, again = await super().handle_cluster(cluster)
        except (UnsafePod, BrokenSeal) as error:
            self.log.error("The cluster %s is not started: %s", cluster["metadata"]["name"], error)
            return await self._failed(cluster, "The record of the cluster is damaged. Start another one."), False
        except ApiException as error:
            if error.status not in _REFUSED or self._phase(cluster) != "Pending":
                raise
            self.log.error("Kubernetes refuses the cluster %s: %s", cluster["metadata"]["name"], error.body)
            reason = (
                "Kubernetes refuses the scheduler: a quota is used up, or a rule forbids it. Tell an administrator."
            )
            return await self._failed(cluster, reason), False
        phase = (status or {}).get("phase")
        if status is not None and phase == "Failed":
            status = {**status, REASON: why_it_ended(pod)}
        elif status is not None and phase == "Pending" and self._waits_too_long(cluster):
            return await self._failed(cluster, why_it_waits(pod, self.start_timeout)), False
        return status, again

    def _scheduler(self, cluster: Object) -> Object | None:
        name = cluster.get("status", {}).get("schedulerPod")
        found: Object | None = self.informers["pod"].get(f"{self.namespace}.{name}") if name else None
        return found

    @staticmethod
    def _phase(cluster: Object) -> str:
        return str(cluster.get("status", {}).get("phase", "Pending"))

    def _waits_too_long(self, cluster: Object) -> bool:
        born = parse_k8s_timestamp(cluster["metadata"]["creationTimestamp"]) / 1000
        return bool(time.time() - born > self.start_timeout)

    async def _failed(self, cluster: Object, reason: str) -> Object:
        status = dict(cluster.get("status", {}))
        await self.cleanup_cluster_resources(status, self.namespace)
        return {**status, "phase": "Failed", "completionTime": k8s_timestamp(), REASON: reason}

    def on_pod_update(self, pod: Object, old: Object | None = None) -> None:
        """See `KubeController.on_pod_update`.

        A worker that no node has room for has no container's status, and upstream (2026.3.0) does not count it: it
        would go on to expect the pod for ten minutes, and neither add nor remove any worker meanwhile.
        """
        labels = pod["metadata"]["labels"]
        waits = pod["status"].get("phase") == "Pending" and labels.get("app.kubernetes.io/component") == "dask-worker"
        if waits and get_container_status(pod, "dask-worker") is None:
            known = [{"name": "dask-worker", "state": {"waiting": {}}}]
            pod = {**pod, "status": {**pod["status"], "containerStatuses": known}}
        super().on_pod_update(pod, old)

    async def handle_scale_down(self, cluster: Object, sched_pod: Object, info: Any, replicas: int, delta: int) -> bool:
        """See `KubeController.handle_scale_down`.

        Upstream (2026.3.0) takes the first `delta` of the waiting pods, and delta is negative: of five that are not
        needed any more it would delete none.
        """
        again: bool = await super().handle_scale_down(cluster, sched_pod, info, replicas, abs(delta))
        return again

    def get_labels(self, cluster_name: str, component: str | None = None) -> dict[str, str]:
        """See `KubeController.get_labels`, with those by which the chart's network policies find pods."""
        labels: dict[str, str] = super().get_labels(cluster_name, component)
        return {**labels, "app": "dask-gateway", "release": self.release, "component": component or "dask-cluster"}

    def make_pod(self, namespace: str, cluster_name: str, config: Any, is_worker: bool = False) -> Object:
        """See `KubeController.make_pod`; like the server of the cluster's owner."""
        made = super().make_pod(namespace, cluster_name, config, is_worker=is_worker)
        return planned_pod(made, config["worker_parts" if is_worker else "scheduler_parts"], config["names"])

    def make_secret(self, cluster_name: str) -> Object:
        """The Secret that the pods of a cluster mount: what the API sealed in the cluster's object."""
        key = f"{self.namespace}.{cluster_name}"
        cluster: Mapping[str, Any] = self.informers["cluster"].get(key) or {}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.make_secret_name(cluster_name),
                "labels": self.get_labels(cluster_name, "credentials"),
                "annotations": self.common_annotations,
            },
            "immutable": True,
            "data": self.seal.open(cluster.get("spec", {}).get(SEALED), key).as_secret_data(),
        }

    async def create_ingressroute_if_not_exists(self, cluster: Object, sched_pod: Object) -> str:
        """Nothing: the proxy gets its routes from the gateway's API. The name is only looked at."""
        return "proxy"

    async def create_ingressroutetcp_if_not_exists(self, cluster: Object, sched_pod: Object) -> str:
        """Nothing, as above."""
        return "proxy"
