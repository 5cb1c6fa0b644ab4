"""The pods of a Dask cluster: what Dask-Gateway needs of them, and over that the parts of their owner's server."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from qhub_hub.sessions.pod import GROUP, PASSWD, PodParts

SCRATCH = "/var/tmp/dask"  # noqa: S108 - inside a container, on a volume of its own
"""Where workers put what doesn't fit into memory: on the node's own disk, never on the share."""

CREDENTIALS = "dask-credentials"
"""The volume that upstream's pods have: key, certificate and token of the cluster."""

WORKER_PORT, NANNY_PORT = 8789, 8790
"""Fixed, so that a NetworkPolicy can leave these to other pods, and dashboards to nobody."""

_NAMES = frozenset({PASSWD, GROUP})
_VOLUMES = frozenset({"name", "persistentVolumeClaim", "downwardAPI"})
# Nodes for Dask carry this label and taint in the chart dask-gateway, too; Google's can't hold a slash.
_PURPOSE = "k8s.dask.org/node-purpose"
_DEDICATED = ("k8s.dask.org/dedicated", "k8s.dask.org_dedicated")


class UnsafePod(Exception):
    """A cluster's record asks for a pod that no plan makes. `str()` says which part of it."""


def to_record(parts: PodParts) -> dict[str, Any]:
    """The parts of one kind of pod, as plain JSON, without what all pods of a cluster have in common."""
    record = {field.name: getattr(parts, field.name) for field in fields(parts)}
    record["annotations"] = {name: text for name, text in parts.annotations.items() if name not in _NAMES}
    return record


def common_annotations(parts: PodParts) -> dict[str, str]:
    """The passwd and group files: as large as everything else together, so they are kept once per cluster."""
    return {name: text for name, text in parts.annotations.items() if name in _NAMES}


def planned_pod(pod: Mapping[str, Any], record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A pod of a cluster that is like its owner's server.

    Args:
        pod: as upstream makes it: labels, credentials, ports, probe, and how Dask's program is called.
        record: see `to_record`.
        names: see `common_annotations`.

    Raises:
        UnsafePod: the record is not one that a plan gives.
    """
    parts = PodParts(**record)
    _check(parts)
    metadata, spec = pod["metadata"], pod["spec"]
    (container,) = spec["containers"]
    marks = {**metadata["annotations"], **parts.annotations, **names}
    return {
        **pod,
        "metadata": {**metadata, "labels": {**parts.labels, **metadata["labels"]}, "annotations": marks},
        "spec": {
            **spec,
            "containers": [_container(container, parts)],
            "volumes": [*spec["volumes"], *parts.volumes, {"name": "dask-scratch", "emptyDir": {}}],
            "securityContext": parts.pod_security,
            "nodeSelector": parts.node_selector,
            "affinity": {"nodeAffinity": _prefers(parts.node_affinity, metadata["labels"])},
            "tolerations": [*parts.tolerations, *_dedicated(metadata["labels"])],
            "enableServiceLinks": False,
        },
    }


def _container(container: Mapping[str, Any], parts: PodParts) -> dict[str, Any]:
    # The gateway's own variables win: by them the processes of a cluster trust each other.
    own = {entry["name"] for entry in container["env"]}
    env = {**parts.env, "DASK_TEMPORARY_DIRECTORY": SCRATCH}
    stated = [{"name": name, "value": value} for name, value in env.items() if name not in own]
    return {
        **{name: value for name, value in container.items() if name != "args"},
        "image": parts.image or container["image"],
        # The whole command line: neither the image's entry point nor QHub's is in between.
        "command": container["args"],
        "env": [*stated, *container["env"]],
        "resources": parts.resources,
        "workingDir": parts.working_dir,
        "securityContext": parts.container_security,
        # The end of the log comes along with the pod's status: nobody needs the right to read logs for it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **_startup(container),
        "volumeMounts": [
            *container["volumeMounts"],
            *parts.volume_mounts,
            {"name": "dask-scratch", "mountPath": SCRATCH},
        ],
    }


def _startup(container: Mapping[str, Any]) -> dict[str, Any]:
    """Upstream's probe, every second until it succeeds: people wait for it, and five seconds are long."""
    if "readinessProbe" not in container:
        return {}
    return {"startupProbe": {**container["readinessProbe"], "periodSeconds": 1, "failureThreshold": 900}}


def _role(labels: Mapping[str, str]) -> str:
    return labels["app.kubernetes.io/component"].removeprefix("dask-")


def _prefers(affinity: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    wanted = {"matchExpressions": [{"key": _PURPOSE, "operator": "In", "values": [_role(labels)]}]}
    key = "preferredDuringSchedulingIgnoredDuringExecution"
    return {**affinity, key: [{"weight": 100, "preference": wanted}, *affinity.get(key, [])]}


def _dedicated(labels: Mapping[str, str]) -> list[dict[str, str]]:
    role = _role(labels)
    return [{"key": key, "operator": "Equal", "value": role, "effect": "NoSchedule"} for key in _DEDICATED]


def _check(parts: PodParts) -> None:
    """The second lock: whoever can write records, and could read no Secret, must not be given one by a pod."""
    for volume in parts.volumes:
        if more := volume.keys() - _VOLUMES:
            raise UnsafePod(f"a volume of the kind {', '.join(sorted(more))}, which no plan has")
        if volume["name"] == CREDENTIALS:
            raise UnsafePod("a volume in place of the credentials")
    for security in (parts.pod_security, parts.container_security):
        if security.get("runAsNonRoot") is not True or not int(security.get("runAsUser") or 0):
            raise UnsafePod("a process that runs as root")
    if parts.container_security.get("allowPrivilegeEscalation") is not False:
        raise UnsafePod("a process that may gain rights")
