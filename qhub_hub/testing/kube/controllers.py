"""What controllers do in a cluster, and a hub waits for: claims get bound, namespaces empty, quotas counted."""

from collections.abc import Iterator
from dataclasses import dataclass

from qhub_hub.testing.kube.defaults import CLAIM_PROTECTION, new_object
from qhub_hub.testing.kube.deletion import DeleteOptions, Deletion
from qhub_hub.testing.kube.kinds import Kind, Kinds, Object
from qhub_hub.testing.kube.quantities import show
from qhub_hub.testing.kube.quotas import usage
from qhub_hub.testing.kube.store import Change, Store

_ENDED = ("Succeeded", "Failed")


def _lets_go(change: Change) -> bool:
    return change.type == "DELETED" or change.object["status"].get("phase") in _ENDED


@dataclass(slots=True)
class Controllers:
    """Follows a store and does at once what controllers do after a while."""

    kinds: Kinds
    store: Store
    deletion: Deletion

    def __post_init__(self) -> None:
        self.store.listen(self._follow)

    def _follow(self, change: Change) -> None:
        name = change.kind.kind if change.kind.group == "" else ""
        if name == "PersistentVolumeClaim" and change.type != "DELETED":
            self._bind(change.kind, change.object)
        if name == "PersistentVolumeClaim" or (name == "Pod" and _lets_go(change)):
            self._release_claims(change.namespace)
        if name != "Event":
            self._count(change)
        if name == "Namespace" and change.type == "ADDED":
            self._furnish(change.object["metadata"]["name"])
        elif name == "Namespace" and change.type == "MODIFIED":
            self._empty(change.object)
        elif change.type == "DELETED" and change.namespace:
            self._forget_namespace(change.namespace)

    def _furnish(self, namespace: str) -> None:
        """Give a new namespace what every one has; quotas count it."""
        for resource, name in (("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")):
            kind = self.kinds.named(resource)
            self.store.put(kind, new_object(kind, namespace, {"metadata": {"name": name}}))

    def _bind(self, kind: Kind, claim: Object) -> None:
        # `volumeBindingMode: Immediate`, with storage that never runs out.
        if claim["status"].get("phase") == "Pending" and "deletionTimestamp" not in claim["metadata"]:
            spec = {"volumeName": f"pvc-{claim['metadata']['uid']}", **claim["spec"]}
            capacity = (claim["spec"].get("resources") or {}).get("requests") or {}
            status = {"phase": "Bound", "accessModes": spec.get("accessModes"), "capacity": capacity}
            self.store.put(kind, {**claim, "spec": spec, "status": status})

    def _release_claims(self, namespace: str) -> None:
        """Let claims go that wait to be deleted and that no pod uses any more."""
        kind = self.kinds.named("persistentvolumeclaims")
        going = [
            stored.object
            for stored in self.store.all(kind, namespace)
            if "deletionTimestamp" in stored.object["metadata"]
        ]
        if not going:
            return
        used = set(self._used_claims(namespace))
        for claim in going:
            metadata = claim["metadata"]
            if metadata["name"] not in used and CLAIM_PROTECTION in metadata.get("finalizers", ()):
                kept = [each for each in metadata["finalizers"] if each != CLAIM_PROTECTION]
                released = {**claim, "metadata": {**metadata, "finalizers": kept}}
                if not self.deletion.released(kind, released):
                    self.store.put(kind, released)

    def _used_claims(self, namespace: str) -> Iterator[str]:
        for pod in self.store.all(self.kinds.named("pods"), namespace):
            if pod.object["status"].get("phase") not in _ENDED:
                for volume in pod.object["spec"].get("volumes") or []:
                    yield (volume.get("persistentVolumeClaim") or {}).get("claimName", "")

    def _count(self, change: Change) -> None:
        kind = self.kinds.named("resourcequotas")
        for stored in list(self.store.all(kind, change.namespace)) if change.namespace else []:
            quota = stored.object
            hard = (quota.get("spec") or {}).get("hard") or {}
            used = {
                key: show(amount, binary="memory" in key or "storage" in key)
                for key, amount in usage(self.store, change.namespace, iter(hard)).items()
            }
            status = {"hard": hard, "used": used}
            if quota.get("status") != status:
                self.store.put(kind, {**quota, "status": status})

    def _empty(self, namespace: Object) -> None:
        if "deletionTimestamp" not in namespace["metadata"]:
            return
        name = namespace["metadata"]["name"]
        for kind in self.kinds:
            for stored in list(self.store.all(kind, name)) if kind.namespaced else []:
                if "deletionTimestamp" not in stored.object["metadata"]:
                    self.deletion.delete(kind, stored.object, DeleteOptions())
        self._forget_namespace(name)

    def _forget_namespace(self, name: str) -> None:
        """Let a namespace go that waited for its last object."""
        kind = self.kinds.named("namespaces")
        stored = self.store.get(kind, "", name)
        if stored is None or "deletionTimestamp" not in stored.object["metadata"]:
            return
        if not any(next(self.store.all(each, name), None) for each in self.kinds if each.namespaced):
            self.store.remove(kind, stored.object)
