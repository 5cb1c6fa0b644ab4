"""A pod's life: `start` returns when the server in it listens, `stop` when it is gone, and nothing is left behind.

It takes the place of KubeSpawner 7.1's own, which waits with random pauses and until a timeout also where waiting
can't help. Names, manifests and certificates stay KubeSpawner's.
"""

import asyncio
import json
import secrets
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.spawner import SpawnException
from jupyterhub.utils import exponential_backoff, maybe_future
from kubernetes_asyncio.client import ApiException, V1Pod
from kubespawner.objects import make_owner_reference

from qhub_hub.hub.kube_api import PASSING, UNREACHABLE, answered, failure
from qhub_hub.hub.kube_orphans import HUB
from qhub_hub.hub.kube_pods import WatchedPod
from qhub_hub.hub.kube_port import until_it_listens
from qhub_hub.hub.kube_watch import Pod
from qhub_hub.hub.progress import REMOVED, Asked, gave_up, stage_of

START = "qhub/start"
"""Annotation: another one for every start. It tells the pod of this start from an older one of the same name."""

_TAKEN_UP_WITHIN = 20.0  # seconds in which a start may still end well whose hub has gone
_ASK_EVERY = 0.5  # seconds between two questions for a pod that the watch says is gone
_IMAGE_PATIENCE = 60.0  # seconds in which a registry may come back


class PodLifecycle(WatchedPod):
    """A KubeSpawner that starts and ends its pod without losing time or pods."""

    mark = ""  # of this start; empty before it
    _may_exist = False  # whether there may be a pod, shown by the watch or not
    _image_trouble: float | None = None

    @property
    def asked(self) -> Asked:
        """What of the plan the sentences about a starting pod mention."""
        raise NotImplementedError

    async def _start(self) -> str:
        """Create the pod, and return the server's address once it listens.

        Raises:
            SpawnException: it can't be created, or can't come up, or did not in time; nothing is left behind.
        """
        await self.load_user_options()
        # JupyterHub gives up after `start_timeout` with a sentence of its own, so ours comes a little earlier.
        tidying = min(10.0, self.start_timeout / 10)
        limit = self.start_timeout - tidying
        scope = asyncio.timeout(limit)
        try:
            async with scope:
                return await self._create_and_follow()
        except Exception as error:
            # What the pod was at last; afterwards there is none.
            stage = stage_of(self.mine(self.pod), self.events_of_pod, self.asked)
            await self._leave_nothing(tidying)
            if scope.expired():
                raise failure(gave_up(stage, limit), reason=stage.reason or "timeout", status=503) from error
            raise

    async def _create_and_follow(self) -> str:
        if self.enable_user_namespaces:
            await self._ask(self._ensure_namespace)
        await self._ask(self._start_watching_pods)
        if self.events_enabled:
            await self._ask(self._start_watching_events)
        pod: Any = await self.get_pod_manifest()
        if self.modify_pod_hook:
            pod = await maybe_future(self.modify_pod_hook(self, pod))
        self.mark = secrets.token_hex(8)
        pod.metadata.annotations = {**(pod.metadata.annotations or {}), START: self.mark, HUB: self.hub.api_url}
        await self._create(pod)
        await self._accompany(await self._shown())
        running = await self._until_running()
        self.pod_id = running["metadata"]["uid"]
        url: str = self._get_pod_url(running)
        address = urlsplit(url)
        await until_it_listens(address.hostname, address.port, self._hopeful)
        return url

    async def _create(self, pod: V1Pod) -> None:
        self._may_exist = True
        while True:
            try:
                await self._ask(partial(answered, partial(self.api.create_namespaced_pod, self.namespace, pod)), 409)
            except ApiException:
                if not await self._make_way():
                    return
            except SpawnException as error:
                cause = error.__cause__
                self._may_exist = not isinstance(cause, ApiException) or cause.status in PASSING
                raise
            else:
                return

    async def _make_way(self) -> bool:
        """Remove an older pod of this name; False: the one that is there is that of this start."""
        try:
            read = partial(self.api.read_namespaced_pod, self.pod_name, self.namespace)
            found = json.loads(await self._ask(partial(answered, read), 404))
        except ApiException:
            return True
        uid = found["metadata"]["uid"]
        if self.mine(found) is not None:
            # An earlier try arrived, only its answer did not.
            return False
        self.log.warning("Deleting the pod %s, which is left of an earlier start", self.key)
        await self._delete(self.pod_name, self.namespace, uid, grace=0)
        await self._follow(lambda pod: True if pod is None or pod["metadata"]["uid"] != uid else None)
        return True

    async def _accompany(self, pod: Pod) -> None:
        """What belongs to a pod: certificates, a service, what the site makes."""
        owner = make_owner_reference(self.pod_name, pod["metadata"]["uid"])
        if self.internal_ssl:
            await self._replace("secret", self.get_secret_manifest(owner))
        if self.internal_ssl or self.services_enabled:
            await self._replace("service", self.get_service_manifest(owner, self._get_pod_port(pod)))
        if self.after_pod_created_hook:
            await maybe_future(self.after_pod_created_hook(self, pod))

    async def _replace(self, kind: str, manifest: Any) -> None:
        name = manifest.metadata.name
        await exponential_backoff(partial(self._ensure_not_exists, kind, name), f"Could not delete {kind} {name}")
        await exponential_backoff(
            partial(self._make_create_resource_request, kind, manifest), f"Could not create {kind} {name}"
        )

    def mine(self, pod: Pod | None) -> Pod | None:
        """The pod, if it is that of this start."""
        marks = (pod or {}).get("metadata", {}).get("annotations") or {}
        return pod if marks.get(START) == self.mark else None

    async def _shown(self) -> Pod:
        while (mine := self.mine(self.pod)) is None:
            if not await self._news():
                return await self._hopeful()
        return mine

    async def _until_running(self) -> Pod:
        while not self.is_pod_running(mine := await self._hopeful()):
            await self._news()
        return mine

    async def _hopeful(self) -> Pod:
        """The pod of this start, as long as it can still come up.

        Raises:
            SpawnException: it can't.
        """
        # A list from the API's cache may be older than what the watch said before, so ask before believing it.
        while (mine := self.mine(self.pod)) is None and not await self._read():
            await self.pod_reflector.changed(self.key, _ASK_EVERY)
        mine = self.mine(self.pod)
        # Whether it can still come up is said by the pod alone; events are for the sentences.
        stage = stage_of(mine, tuple, self.asked) if mine is not None else REMOVED
        now = asyncio.get_running_loop().time()
        self._image_trouble = (self._image_trouble or now) if stage.reason == "image" else None
        out_of_patience = self._image_trouble is not None and now - self._image_trouble > _IMAGE_PATIENCE
        if mine is None or stage.final or out_of_patience:
            self.log.error(
                "The pod %s can't come up (%s): %s", self.key, stage.reason, json.dumps(mine and mine["status"])
            )
            raise failure(stage.message, reason=stage.reason, status=stage.status)
        return mine

    def events_of_pod(self) -> list[dict[str, Any]]:
        """Events of the pod of this name, and of none that had its name before."""
        watch, pod = self.event_reflector, self.pod
        if watch is None or pod is None:
            return []
        uid = pod["metadata"]["uid"]
        return [event for event in watch.resources.values() if event["involvedObject"].get("uid") == uid]

    async def poll(self) -> int | None:
        """None while the server runs. A cluster that does not answer is no reason to forget a server.

        A start whose hub has gone is followed for a moment only: JupyterHub lets nobody stop a server meanwhile.
        """
        try:
            status: int | None = await super().poll()
            if status is None and not self.mark and not await self._taken_up():
                status = 1
        except (ApiException, SpawnException, *UNREACHABLE) as error:
            self.log.warning("Whether %s runs can't be asked now: %r", self.key, error)
            # Without a start in this process, the server was taken up from the hub's database.
            return None if self._may_exist or not self.mark else 1
        if status is not None and self.delete_stopped_pods and self.pod is not None:
            # A pod that failed before its container began has no exit code, and KubeSpawner 7.1 leaves it there.
            await self.stop(now=True)
        return status

    async def _taken_up(self) -> bool:
        """Whether the pod of a start in another hub's process has come up; else nothing is left of it."""
        try:
            async with asyncio.timeout(_TAKEN_UP_WITHIN):
                await self._follow(lambda pod: True if pod is None or self.is_pod_running(pod) else None)
        except TimeoutError:
            self.log.warning("The pod %s did not come up after its hub had gone, so it is deleted", self.key)
            await self.stop(now=True)
            return False
        return True

    async def get_url(self) -> str:
        """Where the server is. Asked after a restart of the hub, which may have ended before it knew."""
        known: str = await super().get_url()
        try:
            async with asyncio.timeout(self.start_timeout):
                await self._follow(lambda pod: True if pod is None or self.is_pod_running(pod) else None)
        except TimeoutError:
            return known
        found: str = self._get_pod_url(pod) if (pod := self.pod) else known
        return found

    async def stop(self, now: bool = False) -> None:
        """Delete the pod, and return once the watch says that it is gone.

        Raises:
            SpawnException: the cluster does not answer, or the pod does not go.
        """
        await self._ask(self._start_watching_pods)
        known = self.pod
        uid = known["metadata"]["uid"] if known else None
        await self._delete(self.pod_name, self.namespace, uid, grace=0 if now else self.delete_grace_period)
        if known is None and await self._read() and (known := self.pod):
            uid = known["metadata"]["uid"]
        try:
            async with asyncio.timeout(self.start_timeout):
                await self._follow(lambda pod: True if pod is None or pod["metadata"]["uid"] != uid else None)
        except TimeoutError:
            self.log.error("The pod %s was not gone %i s after it was deleted", self.key, self.start_timeout)
            text = "Your server has been told to stop, but the cluster has not removed it yet. Try again in a minute."
            raise failure(text, reason="stop", status=503) from None
        self._may_exist = False

    async def _leave_nothing(self, within: float) -> None:
        """Delete what a failed start has made, if the cluster answers; else the look for orphans will."""
        if not self._may_exist:
            return
        try:
            async with asyncio.timeout(within):
                await self._delete(self.pod_name, self.namespace, None, grace=0)
        except (SpawnException, TimeoutError):
            self.log.warning("The pod %s of a failed start can't be deleted now", self.key)
