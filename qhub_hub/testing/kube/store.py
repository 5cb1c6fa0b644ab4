"""What etcd is to a cluster: objects by kind, namespace and name, one counter of versions, and the recent changes."""

import json
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

from qhub_hub.testing.kube.errors import expired
from qhub_hub.testing.kube.kinds import Kind, Object

HISTORY = 20_000
"""Changes kept for watches that come late; older ones are answered with 410, as etcd does after a compaction."""

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str]  # namespace (empty for cluster objects) and name


class Stored:
    """One version of an object, never changed in place; its JSON is made once, however many watches send it."""

    __slots__ = ("_item", "kind", "object")

    def __init__(self, kind: Kind, obj: Object) -> None:
        self.kind, self.object = kind, obj
        self._item: bytes | None = None

    @property
    def item(self) -> bytes:
        """The object as an item of a list: there it carries neither `kind` nor `apiVersion`."""
        if self._item is None:
            body = {key: value for key, value in self.object.items() if key not in ("kind", "apiVersion")}
            self._item = json.dumps(body, separators=(",", ":")).encode()
        return self._item

    @property
    def json(self) -> bytes:
        """The object on its own."""
        head = f'{{"kind":"{self.kind.kind}","apiVersion":"{self.kind.api_version}",'
        return head.encode() + self.item[1:]


class Change:
    """Something that happened to one object at one version."""

    __slots__ = ("before", "kind", "stored", "type", "version")

    def __init__(self, change: ChangeType, kind: Kind, stored: Stored, before: Stored | None) -> None:
        self.type, self.kind, self.stored, self.before = change, kind, stored, before
        self.version = int(stored.object["metadata"]["resourceVersion"])

    @property
    def object(self) -> Object:
        """The object after the change; when it was deleted, as it was last."""
        return self.stored.object

    @property
    def namespace(self) -> str:
        """Namespace of the object; empty for cluster objects."""
        return str(self.object["metadata"].get("namespace", ""))


class Store:
    """All objects of a cluster. Nothing is checked here; whoever writes has checked."""

    def __init__(self) -> None:
        self.version = 0
        self.oldest = 0  # changes up to this version are forgotten
        self._objects: dict[Kind, dict[Key, Stored]] = {}
        self._history: deque[Change] = deque()
        self._listeners: list[Callable[[Change], None]] = []
        self._untold: deque[Change] = deque()

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call the listener at every change, at once; returns how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def get(self, kind: Kind, namespace: str, name: str) -> Stored | None:
        """The object of that name."""
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> Iterator[Stored]:
        """The objects of a kind, by namespace and name; an empty namespace means every one."""
        found = self._objects.get(kind, {})
        for key in sorted(found):
            if not namespace or key[0] == namespace:
                yield found[key]

    def kinds(self) -> list[Kind]:
        """Kinds of which there is, or was, an object."""
        return list(self._objects)

    def put(self, kind: Kind, obj: Object) -> Object:
        """Store a new version of an object, and tell everybody who listens."""
        key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        objects = self._objects.setdefault(kind, {})
        before = objects.get(key)
        stored = objects[key] = self._next(kind, obj)
        self._tell(Change("MODIFIED" if before else "ADDED", kind, stored, before))
        return stored.object

    def remove(self, kind: Kind, obj: Object) -> Object:
        """Take an object away, and tell everybody who listens."""
        key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        before = self._objects[kind].pop(key)
        stored = self._next(kind, obj)
        self._tell(Change("DELETED", kind, stored, before))
        return stored.object

    def _next(self, kind: Kind, obj: Object) -> Stored:
        self.version += 1
        return Stored(kind, {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}})

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        while len(self._history) > HISTORY:
            self.oldest = self._history.popleft().version
        self._untold.append(change)
        if len(self._untold) > 1:
            return  # a listener made this change: everybody hears of the one before first
        while self._untold:
            for listener in list(self._listeners):
                listener(self._untold[0])
            self._untold.popleft()

    def since(self, version: int) -> list[Change]:
        """Every change after a version.

        Raises:
            ApiError: 410, the history does not reach back that far.
        """
        if version < self.oldest:
            raise expired(version, self.oldest)
        # Versions are consecutive numbers, so the place of one is known.
        first = bisect_right(self._history, version, key=lambda change: change.version)
        return [self._history[index] for index in range(first, len(self._history))]

    def compact(self) -> None:
        """Forget the history up to now."""
        self._history.clear()
        self.oldest = self.version
