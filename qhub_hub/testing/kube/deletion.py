"""How objects go: with grace, held by finalizers, and with whatever they own."""

from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from qhub_hub.testing.kube.defaults import timestamp
from qhub_hub.testing.kube.errors import bad_request, conflict
from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.store import Change, Store

Propagation = Literal["Background", "Foreground", "Orphan"]
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a client may say about a deletion.

    Args:
        grace: seconds a pod may take to end; None: what the pod itself says.
        propagation: what happens to what it owns.
        uid: delete only this very object, not another of the same name.
        version: delete only at this version.
    """

    grace: int | None = None
    propagation: Propagation = "Background"
    uid: str = ""
    version: str = ""

    @classmethod
    def read(cls, body: Object, query: Any) -> "DeleteOptions":
        """From the body and the query of a request.

        Raises:
            ApiError: 400 where they cannot be read.
        """
        grace = query.get("gracePeriodSeconds", body.get("gracePeriodSeconds"))
        propagation = query.get("propagationPolicy", body.get("propagationPolicy")) or "Background"
        if propagation not in get_args(Propagation):
            raise bad_request(f"invalid DeleteOptions: unknown propagationPolicy {propagation!r}")
        conditions = body.get("preconditions") or {}
        try:
            seconds = None if grace is None else int(grace)
        except (TypeError, ValueError):
            raise bad_request(f"invalid DeleteOptions: gracePeriodSeconds {grace!r} is no whole number") from None
        return cls(
            seconds,
            cast(Propagation, propagation),
            conditions.get("uid") or "",
            conditions.get("resourceVersion") or "",
        )


@dataclass(slots=True)
class Deletion:
    """Deletes objects of one store."""

    store: Store
    _owned: dict[str, set[tuple[Kind, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.listen(self._follow)

    def delete(self, kind: Kind, obj: Object, options: DeleteOptions) -> Object:
        """Begin to delete an object; gone at once unless something holds it.

        Returns:
            The object as it is afterwards, or was at last.

        Raises:
            ApiError: 409 where a precondition does not hold.
        """
        self._check(kind, obj, options)
        finalizers = list(obj["metadata"].get("finalizers") or [])
        if options.propagation == "Foreground" and FOREGROUND not in finalizers:
            finalizers.append(FOREGROUND)
        if options.propagation == "Orphan":
            self._orphan(obj)
        grace = self._grace(kind, obj, options)
        if grace == 0 and not finalizers:
            return self.store.remove(kind, obj)
        left = obj["metadata"].get("deletionGracePeriodSeconds")
        if left is not None and left <= grace:
            return obj  # it goes already, and not later
        metadata = {**obj["metadata"], "deletionTimestamp": timestamp(grace), "deletionGracePeriodSeconds": grace}
        if finalizers:
            metadata["finalizers"] = finalizers
        if "generation" in metadata and left is None:
            metadata["generation"] += 1
        going = self.store.put(kind, {**obj, "metadata": metadata})
        if FOREGROUND in finalizers:
            self._delete_owned(going)
        return going

    def _check(self, kind: Kind, obj: Object, options: DeleteOptions) -> None:
        metadata = obj["metadata"]
        if options.uid and options.uid != metadata["uid"]:
            raise conflict(
                kind,
                metadata["name"],
                f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
                "The object might have been deleted and then recreated",
            )
        if options.version and options.version != metadata["resourceVersion"]:
            raise conflict(
                kind,
                metadata["name"],
                f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in "
                f"record ({metadata['resourceVersion']}). The object might have been modified",
            )

    def _grace(self, kind: Kind, obj: Object, options: DeleteOptions) -> int:
        # Only a pod that a node has taken needs time: its kubelet must end the containers first.
        status, spec = obj.get("status") or {}, obj.get("spec") or {}
        if kind.kind != "Pod" or not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            return 0
        asked = spec.get("terminationGracePeriodSeconds", 30) if options.grace is None else options.grace
        return 1 if asked < 0 else int(asked)

    def released(self, kind: Kind, obj: Object) -> bool:
        """Take an object away whose last finalizer has just gone; says whether it was one."""
        metadata = obj["metadata"]
        if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
            return False
        if kind.kind == "Pod" and metadata.get("deletionGracePeriodSeconds"):
            return False
        self.store.remove(kind, obj)
        return True

    def _follow(self, change: Change) -> None:
        """Keep in mind who owns what, and delete what nobody owns any more."""
        metadata = change.object["metadata"]
        key = (change.kind, change.namespace, metadata["name"])
        owners = [owner["uid"] for owner in metadata.get("ownerReferences") or []]
        for uid in owners:
            if change.type == "DELETED":
                self._owned.get(uid, set()).discard(key)
            else:
                self._owned.setdefault(uid, set()).add(key)
        if change.type == "DELETED":
            self._collect(metadata["uid"])
            self._finish_owners(owners)
        elif change.type == "ADDED" and owners and not any(map(self._exists, owners)):
            self.delete(change.kind, change.object, DeleteOptions())

    def _exists(self, uid: str) -> bool:
        return any(
            stored.object["metadata"]["uid"] == uid for kind in self.store.kinds() for stored in self.store.all(kind)
        )

    def _dependents(self, uid: str) -> list[tuple[Kind, Object]]:
        found = []
        for kind, namespace, name in sorted(self._owned.get(uid, ()), key=lambda key: key[1:]):
            stored = self.store.get(kind, namespace, name)
            if stored and any(owner["uid"] == uid for owner in stored.object["metadata"].get("ownerReferences") or []):
                found.append((kind, stored.object))
        return found

    def _collect(self, uid: str) -> None:
        for kind, obj in self._dependents(uid):
            others = [owner["uid"] for owner in obj["metadata"]["ownerReferences"] if owner["uid"] != uid]
            if not any(map(self._exists, others)):
                self.delete(kind, obj, DeleteOptions())
        self._owned.pop(uid, None)

    def _delete_owned(self, obj: Object) -> None:
        for kind, dependent in self._dependents(obj["metadata"]["uid"]):
            self.delete(kind, dependent, DeleteOptions())
        self._finish_owners([obj["metadata"]["uid"]])

    def _finish_owners(self, uids: list[str]) -> None:
        """Let owners go that waited for what they owned."""
        for kind in self.store.kinds() if uids else ():
            for stored in list(self.store.all(kind)):
                metadata = stored.object["metadata"]
                waits = FOREGROUND in (metadata.get("finalizers") or ())
                if waits and metadata["uid"] in uids and not self._dependents(metadata["uid"]):
                    finalizers = [each for each in metadata["finalizers"] if each != FOREGROUND]
                    self.released(kind, {**stored.object, "metadata": {**metadata, "finalizers": finalizers}})

    def _orphan(self, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        for kind, dependent in self._dependents(uid):
            metadata = dict(dependent["metadata"])
            kept = [owner for owner in metadata.pop("ownerReferences") if owner["uid"] != uid]
            if kept:
                metadata["ownerReferences"] = kept
            self.store.put(kind, {**dependent, "metadata": metadata})
