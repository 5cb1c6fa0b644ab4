"""Which resources the API knows: the ones a hub's charts and plugins use, and those a test adds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as its JSON."""

_COMMON_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of one API group.

    Args:
        group: API group; empty for the core group.
        version: such as `v1`.
        plural: as in the address: `pods`.
        kind: as in the object: `Pod`.
        namespaced: lives in a namespace.
        selectable: fields a field selector may name, besides name and namespace.
        returns_deleted: a deletion is answered with the object instead of a Status.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    selectable: frozenset[str] = frozenset()
    returns_deleted: bool = False

    @property
    def api_version(self) -> str:
        """What objects of this kind carry as `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """How error messages name it: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def fields(self) -> frozenset[str]:
        """Every field a field selector may name."""
        return _COMMON_FIELDS | self.selectable


def _built_in() -> Iterator[Kind]:
    pod_fields = "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork"
    pod_fields += " status.phase status.podIP status.podIPs status.nominatedNodeName"
    event_fields = "reason reportingComponent source type " + " ".join(
        f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")
    )
    selectable = {
        "Pod": pod_fields,
        "Event": f"{event_fields} involvedObject.fieldPath",
        "Secret": "type",
        "Namespace": "status.phase",
        "Node": "spec.unschedulable",
    }
    # These answer a deletion with what was deleted.
    returned = {"Pod", "Service", "ServiceAccount", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota"}
    cluster = {"Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "PriorityClass"}
    cluster |= {"StorageClass", "CustomResourceDefinition"}
    groups = {
        "v1": "Namespace Node Pod Service Endpoints Secret ConfigMap PersistentVolumeClaim PersistentVolume Event "
        "ServiceAccount ResourceQuota LimitRange",
        "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet",
        "batch/v1": "Job CronJob",
        "networking.k8s.io/v1": "NetworkPolicy Ingress",
        "rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
        "coordination.k8s.io/v1": "Lease",
        "policy/v1": "PodDisruptionBudget",
        "scheduling.k8s.io/v1": "PriorityClass",
        "storage.k8s.io/v1": "StorageClass",
        "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    }
    for api_version, names in groups.items():
        group, _, version = api_version.rpartition("/")
        for kind in names.split():
            fields = frozenset(selectable.get(kind, "").split())
            yield Kind(group, version, _plural(kind), kind, kind not in cluster, fields, kind in returned)


def _plural(kind: str) -> str:
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    if name.endswith("s"):
        return name if name == "endpoints" else f"{name}es"
    return f"{name}s"


class Kinds:
    """The resources that one API server serves."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Kind] = {}
        for kind in _built_in():
            self.serve(kind)

    def serve(self, kind: Kind) -> Kind:
        """Serve one more resource, as a custom resource definition does."""
        self._served[kind.group, kind.version, kind.plural] = kind
        return kind

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The resource at an address, if it is served."""
        return self._served.get((group, version, plural))

    def named(self, plural: str) -> Kind:
        """The resource of a short name such as `pods`, or `daskclusters.gateway.dask.org` where two share one.

        Raises:
            KeyError: nothing of that name is served.
        """
        for kind in self._served.values():
            if plural in (kind.plural, kind.resource):
                return kind
        raise KeyError(f"The fake cluster serves no {plural!r}; add it with `serve(Kind(…))`.")

    def of(self, manifest: Object) -> Kind:
        """The resource that a manifest describes by its `apiVersion` and `kind`.

        Raises:
            KeyError: nothing of that kind is served.
        """
        for kind in self._served.values():
            if (kind.api_version, kind.kind) == (manifest.get("apiVersion"), manifest.get("kind")):
                return kind
        described = f"{manifest.get('apiVersion')} {manifest.get('kind')}"
        raise KeyError(f"The fake cluster serves no {described}; add it with `serve(Kind(…))`.")

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._served.values())
