"""A Kubernetes cluster in the test process: API server, controllers, and a node."""

import asyncio
import copy
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

from qhub_hub.testing.kube.admission import Rule
from qhub_hub.testing.kube.api import Api
from qhub_hub.testing.kube.deletion import DeleteOptions
from qhub_hub.testing.kube.faults import Call, Faults
from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.kubeconfig import write_kubeconfig
from qhub_hub.testing.kube.kubelet import Kubelet
from qhub_hub.testing.kube.nodes import Nodes
from qhub_hub.testing.kube.pod import post_event
from qhub_hub.testing.kube.pod_faults import PodFaults
from qhub_hub.testing.kube.pod_security import ENFORCE
from qhub_hub.testing.kube.server import Server
from qhub_hub.testing.kube.stub_kubelet import StubKubelet

PATIENCE = 10.0  # seconds


class FakeKube:
    """A Kubernetes API server and a node, in this process and on a free port; use it in an `async with`.

    Args:
        kubelet: runs the pods; without one, pods answer like users' servers, and nothing runs.
    """

    def __init__(self, kubelet: Kubelet | None = None) -> None:
        self.admission: list[Rule] = []
        """Rules asked before every write; append your own."""
        self.kubelet: Kubelet = kubelet or StubKubelet()
        self.url = ""
        self._api = Api(self.admission)
        self._server = Server(self._api)
        self._nodes: Nodes | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "FakeKube":
        self._nodes = Nodes(self._api, self.kubelet)
        application = self._server.application()
        # A watch whose client has gone must end, and the end of a test must not wait for one.
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is None or self._nodes is None:
            raise RuntimeError("The fake cluster was never started.")
        self._server.watches.drop()
        await self._runner.cleanup()
        await self._nodes.close()

    @property
    def faults(self) -> Faults:
        """What can break between clients and the API server."""
        return self._server.faults

    @property
    def pod_faults(self) -> PodFaults:
        """What can go wrong with pods."""
        if self._nodes is None:
            raise RuntimeError("The fake cluster is not started yet: use it in an `async with`.")
        return self._nodes.faults

    @property
    def calls(self) -> list[Call]:
        """The requests so far, oldest first; the last 20,000 of them."""
        return list(self._server.calls)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig for this cluster."""
        return write_kubeconfig(path, self.url)

    def serve(self, kind: Kind) -> Kind:
        """Serve one more kind of object, as a custom resource definition does."""
        return self._api.kinds.serve(kind)

    def create(self, manifest: Object, namespace: str = "default") -> Object:
        """Create an object from its manifest, by all rules. Raises `ApiError`."""
        kind = self._api.kinds.of(manifest)
        place = manifest.get("metadata", {}).get("namespace", namespace) if kind.namespaced else ""
        return copy.deepcopy(self._api.create(kind, place, copy.deepcopy(manifest)))

    def get(self, resource: str, name: str, namespace: str = "default") -> Object | None:
        """An object, as a copy; None: there is none.

        Args:
            resource: such as `pods`.
        """
        kind = self._api.kinds.named(resource)
        stored = self._api.store.get(kind, namespace if kind.namespaced else "", name)
        return copy.deepcopy(stored.object) if stored else None

    def objects(self, resource: str, namespace: str = "") -> list[Object]:
        """The objects of a kind, as copies; an empty namespace means all of them."""
        kind = self._api.kinds.named(resource)
        return [copy.deepcopy(stored.object) for stored in self._api.store.all(kind, namespace)]

    def pods(self, namespace: str = "") -> list[Object]:
        """The pods, as copies."""
        return self.objects("pods", namespace)

    def delete(self, resource: str, name: str, namespace: str = "default", grace: int | None = None) -> None:
        """Delete an object as a client would. Raises `ApiError`.

        Args:
            grace: seconds a pod may take to end; None: what the pod says.
        """
        kind = self._api.kinds.named(resource)
        stored = self._api.get(kind, namespace if kind.namespaced else "", name)
        self._api.delete(kind, stored.object, DeleteOptions(grace=grace))

    def post_event(self, about: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Post an event about an object, as controllers do."""
        post_event(self._api, about, (reason, message), warning=warning)

    def limit(self, hard: dict[str, Any], namespace: str = "default", name: str = "quota") -> None:
        """Put a quota on a namespace: `limit({"pods": 2, "requests.memory": "8Gi"})`."""
        spec = {"hard": {key: str(value) for key, value in hard.items()}}
        self.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec}, namespace)

    def enforce_pod_security(self, level: str = "restricted", namespace: str = "default") -> None:
        """Let a namespace take only pods that keep to a level of the Pod Security Standards."""
        kind = self._api.kinds.named("namespaces")
        found = self._api.get(kind, "", namespace).object
        metadata = {**found["metadata"], "labels": {**found["metadata"].get("labels", {}), ENFORCE: level}}
        self._api.store.put(kind, {**found, "metadata": metadata})

    async def until(self, so: Callable[[], Any], within: float = PATIENCE) -> Any:
        """Wait until something is so, looking again whenever an object changes; returns what it gave.

        Args:
            so: what must become true.
            within: seconds.

        Raises:
            TimeoutError: it did not.
        """
        changed = asyncio.Event()
        end = self._api.store.listen(lambda change: changed.set())
        try:
            async with asyncio.timeout(within):
                while not (found := so()):
                    await changed.wait()
                    changed.clear()
            return found
        finally:
            end()
