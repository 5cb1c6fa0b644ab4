"""Pods that no server of this hub accounts for are deleted: of a hub that was killed, of a stop that failed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from logging import Logger
from typing import Any

from kubernetes_asyncio.client import ApiException

from qhub_hub.hub.kube_api import UNREACHABLE
from qhub_hub.hub.kube_watch import Pod, PodWatch

HUB = "qhub/hub"
"""Annotation: the API address of the hub that made a pod. Two hubs of a namespace have different ones."""


def accounted_for(users: Mapping[Any, Any]) -> set[str]:
    """`namespace/name` of the pods of all servers that run, start or stop.

    Args:
        users: the hub's users.
    """
    return {
        f"{spawner.namespace}/{spawner.pod_name}"
        for user in list(users.values())
        for spawner in list(user.spawners.values())
        if spawner.active and hasattr(spawner, "pod_name")
    }


class Orphans:
    """Looks for orphans among the pods that the watch shows.

    Args:
        hub: API address of this hub.
        users: the hub's users.
        delete: deletes a pod, but not another one that took its name.
        log: where it says what it deleted.
    """

    def __init__(
        self, hub: str, users: Mapping[Any, Any], delete: Callable[[Pod], Awaitable[None]], log: Logger
    ) -> None:
        self._hub = hub
        self._users = users
        self._delete = delete
        self._log = log
        self._suspects: set[str] = set()  # uids

    async def end_them(self, watch: PodWatch, every: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            await self.look(watch)
            await asyncio.sleep(every)

    async def look(self, watch: PodWatch) -> None:
        """Delete those that were orphans at the last look already: what is just being stopped is none."""
        found = dict(self._unaccounted(watch.resources))
        for uid in self._suspects & found.keys():
            name = found[uid]["metadata"]["name"]
            try:
                await self._delete(found[uid])
            except (ApiException, *UNREACHABLE):
                self._log.warning("The pod %s belongs to no server, but can't be deleted now", name)
            else:
                self._log.warning("Deleted the pod %s, which belonged to no server of this hub", name)
        self._suspects = set(found)

    def _unaccounted(self, pods: Mapping[str, Pod]) -> Iterator[tuple[str, Pod]]:
        known = accounted_for(self._users)
        for key, pod in pods.items():
            marks = pod["metadata"].get("annotations") or {}
            if key not in known and marks.get(HUB) == self._hub and not pod["metadata"].get("deletionTimestamp"):
                yield pod["metadata"]["uid"], pod
