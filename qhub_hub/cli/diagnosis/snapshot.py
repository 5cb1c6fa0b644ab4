"""What the checks look at: the objects of one namespace, fetched once."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from qhub_hub.cli.kubectl import Kubectl, KubectlError

Object = Mapping[str, Any]

KINDS = (
    "deployments",
    "replicasets",
    "pods",
    "persistentvolumeclaims",
    "events",
    "secrets",
    "resourcequotas",
    "networkpolicies",
    "nodes",
    "storageclasses",
    "namespaces",
)
OPTIONAL = ("nodes", "storageclasses", "namespaces")
"""Kinds of the whole cluster: the administrator of a namespace may not see them, which is no fault."""

WORKLOADS = ("hub", "proxy", "qhub-storage")
"""Deployments that every release has."""

BUILDER = "qhub-environments"
"""Deployment of what builds environments, which a release may be without."""

VOLUMES = {"hub": "/srv/jupyterhub", "qhub-storage": "/share"}
"""Where a workload's volume is mounted."""

_LINES = 25  # of the log of a container that ended


@dataclass(frozen=True)
class Snapshot:
    """One look at a namespace.

    Args:
        namespace: its name.
        objects: by kind, in the plural; a kind that could not be read is missing.
        unread: why, by kind.
        logs: last lines of containers that ended badly, by `POD/CONTAINER`.
        used: how full the volumes are, in per cent, by workload.
    """

    namespace: str
    objects: Mapping[str, tuple[Object, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)

    def all(self, kind: str) -> tuple[Object, ...]:
        """Every object of a kind."""
        return self.objects.get(kind, ())

    def named(self, kind: str, name: str) -> Object | None:
        """The object of that name, if it is there."""
        return next((one for one in self.all(kind) if one["metadata"]["name"] == name), None)

    def pods(self) -> Iterator[Object]:
        """Pods of QHub."""
        return (pod for pod in self.all("pods") if is_ours(pod))

    def events(self, reason: str) -> Iterator[Object]:
        """Events of a reason, newest first, one per object."""
        seen = set()
        for event in sorted(self.all("events"), key=_moment, reverse=True):
            about = event["involvedObject"]
            key = (about.get("kind"), about.get("name"))
            if event.get("reason") == reason and key not in seen:
                seen.add(key)
                yield event

    def workload(self, one: Object) -> str:
        """What a pod or replica set belongs to, as kubectl names it: `deployment/hub`, or itself."""
        for owner in one["metadata"].get("ownerReferences", ()):
            if owner["kind"] == "Deployment":
                return f"deployment/{owner['name']}"
            replica_set = self.named("replicasets", owner["name"]) if owner["kind"] == "ReplicaSet" else None
            if replica_set is not None:
                return self.workload(replica_set)
        return f"pod/{one['metadata']['name']}"


def is_ours(one: Object) -> bool:
    """Whether an object is QHub's, judged by the labels that the chart sets."""
    labels = one["metadata"].get("labels") or {}
    # The chart's own parts, those of its subchart `jupyterhub`, and people's servers.
    return labels.get("app") in ("qhub", "jupyterhub")


def containers(pod: Object) -> Iterator[Object]:
    """States of a pod's containers, init containers included."""
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _moment(event: Object) -> str:
    times = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((time for time in times if time), "")


def fetch(kubectl: Kubectl) -> Snapshot:
    """Look at the namespace, all kinds at once.

    Raises:
        KubectlError: the pods can't be read, so nothing can be said.
    """
    with ThreadPoolExecutor(6) as pool:
        answers = dict(zip(KINDS, pool.map(lambda kind: _list(kubectl, kind), KINDS), strict=True))
        if isinstance(answers["pods"], KubectlError):
            raise answers["pods"]
        objects = {kind: found for kind, found in answers.items() if isinstance(found, tuple)}
        unread = {kind: found.why for kind, found in answers.items() if isinstance(found, KubectlError)}
        first = Snapshot(kubectl.namespace, objects, unread)
        ended = [(pod["metadata"]["name"], one["name"]) for pod in first.pods() for one in _ended(pod)]
        logs = pool.map(lambda which: _log(kubectl, *which), ended)
        volumes = [name for name in VOLUMES if _is_ready(first.named("deployments", name))]
        used = pool.map(lambda name: _used(kubectl, name), volumes)
        return Snapshot(
            kubectl.namespace,
            objects,
            unread,
            {f"{pod}/{container}": text for (pod, container), text in zip(ended, logs, strict=True)},
            {name: share for name, share in zip(volumes, used, strict=True) if share is not None},
        )


def _list(kubectl: Kubectl, kind: str) -> tuple[Object, ...] | KubectlError:
    try:
        if kind == "namespaces":
            return (kubectl.get(f"namespace/{kubectl.namespace}"),)
        return tuple(kubectl.get(kind)["items"])
    except KubectlError as error:
        return error


def _ended(pod: Object) -> Iterable[Object]:
    return [one for one in containers(pod) if one.get("restartCount") and not one.get("ready")]


def _log(kubectl: Kubectl, pod: str, container: str) -> str:
    words = ("logs", pod, f"--container={container}", "--previous", f"--tail={_LINES}")
    try:
        return kubectl.run("A log can't be read", *words).decode(errors="replace")
    except KubectlError:
        return ""


def _is_ready(deployment: Object | None) -> bool:
    return bool(deployment and deployment.get("status", {}).get("readyReplicas"))


def _used(kubectl: Kubectl, name: str) -> int | None:
    words = ("exec", f"deployment/{name}", "--", "df", "-P", VOLUMES[name])
    try:
        last = kubectl.run("A volume can't be measured", *words).decode(errors="replace").splitlines()[-1]
        return int(last.split()[4].rstrip("%"))
    except (KubectlError, IndexError, ValueError):
        return None
