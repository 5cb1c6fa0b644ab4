"""One pod of a KubeSpawner: what the watch tells of it, and requests about it.

KubeSpawner 7.1 looks at its copy of the pods with pauses of random length up to 5 s, which cost 0.1–4.7 s per start
and stop (facts/charts.md §8). Here one waits for the watch itself.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from kubernetes_asyncio.client import ApiException, V1DeleteOptions, V1Preconditions
from kubespawner import KubeSpawner
from kubespawner.reflector import ResourceReflector

from qhub_hub.hub.kube_api import UNREACHABLE, answered, persistently, told
from qhub_hub.hub.kube_orphans import Orphans
from qhub_hub.hub.kube_watch import EventWatch, Pod, PodWatch, has_given_up

T = TypeVar("T")

_LOOK_AGAIN = 5.0  # seconds without news from the watch after which the pod itself is asked for
_ORPHANS_EVERY = 30.0  # seconds
_WATCHES = {"pods": PodWatch, "events": EventWatch}


class WatchedPod(KubeSpawner):  # type: ignore[misc]
    """A KubeSpawner that knows of changes of its pod when they happen."""

    async def _start_reflector(
        self, kind: str, reflector_class: type[Any], replace: bool = False, **kwargs: Any
    ) -> ResourceReflector:
        """KubeSpawner's, with a watch that can be waited for, and another one where the last has given up."""
        before = self.__class__.reflectors.get(self._get_reflector_key(kind))
        pods = kind == "pods"
        if before is not None and (has_given_up(before) or (pods and not isinstance(before, PodWatch))):
            replace = True
        elif before is not None and not replace and before.first_load_future.done():
            return before

        async def begin() -> ResourceReflector:
            found = await parent(kind, _WATCHES.get(kind, reflector_class), replace, **kwargs)
            if pods and found is not before:
                orphans = Orphans(self.hub.api_url, self.user.settings["users"], self._delete_orphan, self.log)
                found.accompany(partial(orphans.end_them, every=_ORPHANS_EVERY))
            return found

        parent = super()._start_reflector
        # Everybody waits for the same first list (KubeSpawner 7.1, `first_load_future`): if one of them is cancelled
        # by a timeout of theirs, it must go on for the others.
        return await asyncio.shield(begin())

    def _expand_user_properties(self, template: str, slug_scheme: str | None = None) -> str:
        # Most strings have nothing to expand, and KubeSpawner 7.1 works out a dozen names for each of them.
        if "{" not in template and "}" not in template:
            return template
        expanded: str = super()._expand_user_properties(template, slug_scheme)
        return expanded

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.pod_name}"

    @property
    def pod(self) -> Pod | None:
        """The pod of this name as the watch last told."""
        watch = self.pod_reflector
        pod: Pod | None = watch.resources.get(self.key) if watch is not None else None
        return pod

    async def _follow(self, look: Callable[[Pod | None], T | None]) -> T:
        """Wait until a look at the pod finds something, for as long as it takes."""
        while (found := look(self.pod)) is None:
            await self._news()
        return found

    async def _news(self) -> bool:
        """Return when the pod may have changed; False: the watch had nothing to say for a while, but it was read."""
        if await self.pod_reflector.changed(self.key, _LOOK_AGAIN):
            return True
        await self._read()
        return False

    async def _read(self) -> bool:
        """Take the pod from the API itself, as the watch may have been interrupted; False: there was no answer."""
        try:
            await self._start_watching_pods()
            body = await answered(partial(self.api.read_namespaced_pod, self.pod_name, self.namespace))
            self.pod_reflector.resources[self.key] = json.loads(body)
        except (ApiException, *UNREACHABLE, ValueError) as error:
            if getattr(error, "status", 0) != 404:
                return False
            self.pod_reflector.resources.pop(self.key, None)
        return True

    async def _ask(self, request: Callable[[], Awaitable[T]], *expected: int) -> T:
        """Make a request until it is answered.

        Raises:
            ApiException: with one of the expected statuses.
            SpawnException: anything else, in people's words.
        """
        try:
            return await persistently(
                request, each=self.k8s_api_request_timeout, within=self.k8s_api_request_retry_timeout
            )
        except ApiException as error:
            if error.status in expected:
                raise
            self.log.error("Kubernetes answers %s for %s: %s", error.status, self.key, error.body)
            raise told(error) from error
        except UNREACHABLE as error:
            self.log.error("Kubernetes does not answer for %s: %r", self.key, error)
            raise told(error) from error

    async def _delete(self, name: str, namespace: str, uid: str | None, grace: int) -> None:
        """Have a pod deleted; the one with this uid, where it is known."""
        options = V1DeleteOptions(grace_period_seconds=grace, preconditions=V1Preconditions(uid=uid) if uid else None)
        request = partial(self.api.delete_namespaced_pod, name, namespace, body=options, grace_period_seconds=grace)
        try:
            await self._ask(partial(answered, request), 404, 409)
        except ApiException:
            # 409: another pod has taken the name, so this one is gone, too.
            self.log.info("There is no pod %s/%s to delete", namespace, name)

    async def _delete_orphan(self, pod: Pod) -> None:
        meta = pod["metadata"]
        await self._delete(meta["name"], meta["namespace"], meta["uid"], grace=self.delete_grace_period)
