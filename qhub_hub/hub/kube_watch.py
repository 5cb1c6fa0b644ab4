"""The watch on pods, for those who wait: KubeSpawner's own copy of the pods, which also says what changed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector
from traitlets import default

from qhub_hub.sessions.pod import GROUP, PASSWD

Pod = dict[str, Any]


_LIST_EVERY = 240.0  # seconds; the API remembers changes for five minutes
_WATCHED_FOR = 50  # seconds at most; with the above less than five minutes

_UNREAD = ("env", "volumeMounts", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "args", "command")


def kept(pod: Pod) -> Pod:
    """A pod without what nobody reads again: most of it, and a thousand of them lie in the hub's memory.

    The pod that is passed in is changed.
    """
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    metadata.pop("managedFields", None)
    for name in (PASSWD, GROUP):
        (metadata.get("annotations") or {}).pop(name, None)
    for name in ("affinity", "tolerations", "volumes"):
        spec.pop(name, None)
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for name in _UNREAD:
            container.pop(name, None)
    return pod


class _Announcing(dict[str, Pod]):
    """Pods by `namespace/name`, as small as they can be; tells a function which one was set or removed.

    KubeSpawner 7.1's reflector changes its dictionary in place and tells nobody.
    """

    def __init__(self, pods: dict[str, Pod], changed: Callable[[str], None]) -> None:
        super().__init__({key: kept(pod) for key, pod in pods.items()})
        self._changed = changed

    def __setitem__(self, key: str, pod: Pod) -> None:
        super().__setitem__(key, kept(pod))
        self._changed(key)

    def pop(self, key: str, *default: Any) -> Any:
        found = super().pop(key, *default)
        self._changed(key)
        return found


def has_given_up(watch: ResourceReflector) -> bool:
    """Whether a watch will tell nothing any more.

    KubeSpawner 7.1 keeps one for ever whose first list failed, or which gave up after a minute without the API.
    """
    return watch.first_load_future.done() and (watch.watch_task is None or watch.watch_task.done())


class _Lasting(ResourceReflector):  # type: ignore[misc]
    """A watch that goes on where the last one ended.

    KubeSpawner 7.1 ends a watch after ten seconds, then lists everything anew, and sets up TLS anew for the next
    watch: with many servers that is half of what its hub does at rest.
    """

    _listed = float("-inf")

    @default("timeout_seconds")
    def _timeout_seconds_default(self) -> int:
        # The API must end it first: the client takes a watch that lasts for `request_timeout` for a broken one.
        return min(int(self.request_timeout * 5 / 6) or _WATCHED_FOR, _WATCHED_FOR)

    @default("restart_seconds")
    def _restart_seconds_default(self) -> int:
        # With news of other servers every second, it would be this that ends it.
        return int(self.timeout_seconds) or _WATCHED_FOR

    async def _list_and_update(self, resource_version: str | None = None) -> str:
        # A watch that goes on misses nothing: the API says 410 where it can't, and then this is "0".
        now = asyncio.get_running_loop().time()
        if resource_version not in (None, "0") and now - self._listed < _LIST_EVERY:
            return str(resource_version)
        version: str = await super()._list_and_update(resource_version)
        self._listed = now
        return version


class EventWatch(_Lasting, EventReflector):  # type: ignore[misc]
    """All events of pods, as the API last told."""


class PodWatch(_Lasting, PodReflector):  # type: ignore[misc]
    """All pods of people's servers, as the API last told, and a way to wait for a change."""

    resources: dict[str, Pod]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._companions: list[asyncio.Task[None]] = []

    def accompany(self, work: Callable[["PodWatch"], Coroutine[Any, Any, None]]) -> None:
        """Run something for as long as the watch runs."""
        self._companions.append(asyncio.create_task(work(self)))

    async def stop(self) -> None:
        """End the watch, and what accompanies it."""
        for task in self._companions:
            task.cancel()
        await asyncio.gather(*self._companions, return_exceptions=True)
        await super().stop()

    async def _list_and_update(self, resource_version: str | None = None) -> str:
        version: str = await super()._list_and_update(resource_version)
        if not isinstance(self.resources, _Announcing):  # a new list
            self.resources = _Announcing(self.resources, self._announce)
            for key in list(self._waiting):
                self._announce(key)
        return version

    def _announce(self, key: str) -> None:
        for waiter in self._waiting.get(key, ()):
            waiter.set()

    async def changed(self, key: str, within: float) -> bool:
        """Return when this pod has changed or is gone, or False after `within` seconds without that.

        Args:
            key: `namespace/name`.
        """
        waiter = asyncio.Event()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(waiter)
        try:
            async with asyncio.timeout(within):
                await waiter.wait()
        except TimeoutError:
            return False
        finally:
            waiting.discard(waiter)
            if not waiting:
                self._waiting.pop(key, None)
        return True
