"""Upstream's informers watch a whole cluster; ours stay in one namespace, so a Role is enough and no ClusterRole."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dask_gateway_server.backends.kubernetes.utils import Informer

IN_THIS_NAMESPACE = {
    "list_cluster_custom_object": "list_namespaced_custom_object",
    "list_pod_for_all_namespaces": "list_namespaced_pod",
    "list_endpoints_for_all_namespaces": "list_namespaced_endpoints",
}
"""Methods of the client, and those that ask for one namespace only."""

_ANSWERS_WITHIN = 30  # seconds; upstream's watches end by themselves after 10
_PAUSE = 1.0  # seconds after a failure: upstream (2026.3.0, `Informer.run`) asks again at once


class NamespacedClient:
    """A client of Kubernetes as an informer uses it, for one namespace, and without haste after a failure.

    Args:
        client: of kubernetes_asyncio, or upstream's that limits its rate.
        namespace: where this release is.
    """

    def __init__(self, client: Any, namespace: str) -> None:
        self.api_client = client.api_client
        self._client = client
        self._namespace = namespace

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._client, IN_THIS_NAMESPACE[name])

        async def ask(**arguments: Any) -> Any:
            try:
                answer = await method(**arguments, namespace=self._namespace, _request_timeout=_ANSWERS_WITHIN)
                if getattr(answer, "status", 200) in range(400, 600):
                    # A watch hands out its answer as it came, a refusal too.
                    raise ConnectionError(f"Kubernetes answered {answer.status} {answer.reason}")
            except Exception:
                await asyncio.sleep(_PAUSE)
                raise
            return answer

        return ask


def in_namespace(informer: Informer, namespace: str) -> Informer:
    """The same informer, not yet started, looking at one namespace only."""
    informer.client = NamespacedClient(informer.client, namespace)
    return informer
