"""A plan as the parts of a Kubernetes pod, in plain dicts: servers and Dask's pods are made of the same ones.

Whatever is made of them passes Pod Security *restricted*: the restrictions are parts like the others, and there is
no way to leave them out.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qhub_hub.config.models.storage import Storage
from qhub_hub.config.quantities import show_bytes
from qhub_hub.identity.model import Identity
from qhub_hub.sessions.mounts import Mount
from qhub_hub.sessions.plan import Plan
from qhub_hub.sessions.rejection import Rejected
from qhub_hub.sessions.summary import summary

PASSWD = "qhub/passwd"  # noqa: S105 - the name of an annotation
GROUP = "qhub/group"

PLAN = "qhub/plan"
"""Annotation: the plan's summary, for a hub that was ended before it had written it down elsewhere."""

MOST_ANNOTATIONS = 256 * 1024
"""Bytes of all annotations of an object together, names included: Kubernetes refuses more."""

_FOR_OTHERS = 16 * 1024  # of those, for what the spawner and the site add
_SHARE, _NAMES = "qhub-share", "qhub-names"  # volumes

# Nodes for people's servers carry this taint in Zero to JupyterHub, too; Google's can't hold a slash.
_DEDICATED = ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
_PURPOSE = "hub.jupyter.org/node-purpose"


@dataclass(frozen=True, slots=True)
class PodParts:
    """What of a pod a plan decides, in Kubernetes' own words (camelCase inside). Made afresh for every call.

    Args:
        image: empty: the chart's.
        command: what runs instead of the image's own command; empty: that one.
        env: variables of the server; `$` is written so that Kubernetes hands it on as it was.
        resources: `requests` and `limits`, each quantities by resource.
        annotations: with the passwd and group files, and the plan's summary.
        node_affinity: what is preferred where nodes can be chosen.
        working_dir: the person's home.
        pod_security: security context of the pod: who all its containers run as.
        container_security: security context of each container.
    """

    image: str
    command: list[str]
    env: dict[str, str]
    resources: dict[str, dict[str, str]]
    labels: dict[str, str]
    annotations: dict[str, str]
    node_selector: dict[str, str]
    node_affinity: dict[str, Any]
    tolerations: list[dict[str, str]]
    volumes: list[dict[str, Any]]
    volume_mounts: list[dict[str, Any]]
    working_dir: str
    pod_security: dict[str, Any]
    container_security: dict[str, Any]


def to_pod(plan: Plan, *, storage: Storage, passwd: str, group: str) -> PodParts:
    """Translate a plan; nothing is decided here.

    Args:
        storage: which claim holds homes, shared folders and environments.
        passwd, group: text of the two files for this person (`identity.render_passwd`, `identity.render_group`).

    Raises:
        Rejected: reason `identity`; the files are larger than a pod can carry.
    """
    return PodParts(
        image=plan.image,
        command=[_literal(word) for word in plan.command],
        env={name: _literal(value) for name, value in plan.env.items()},
        resources=_resources(plan),
        labels=dict(plan.labels),
        annotations=_annotations(plan, passwd, group),
        node_selector=dict(plan.node_selector),
        node_affinity=_prefers_nodes_for_people(),
        tolerations=[*(dict(taint) for taint in plan.tolerations), *_dedicated()],
        volumes=_volumes(storage.claim.name),
        volume_mounts=[*(_mount(mount) for mount in plan.mounts), *_names_mounts()],
        working_dir=plan.identity.home,
        pod_security=_pod_security(plan.identity, storage.strict_groups),
        container_security=_container_security(plan.identity),
    )


def _literal(text: str) -> str:
    # Kubernetes puts other variables in place of `$(NAME)`, and reads `$$` as one `$`.
    return text.replace("$", "$$") if re.search(r"\$[$(]", text) else text


def _resources(plan: Plan) -> dict[str, dict[str, str]]:
    """Guarantees are requests: the scheduler places by them. Accelerators can't be overcommitted, so they are both."""
    devices = {plan.gpu_resource: str(plan.gpu)} if plan.gpu_resource else {}
    return {
        "requests": _amounts(plan.cpu.guarantee, plan.memory.guarantee) | devices,
        "limits": _amounts(plan.cpu.limit, plan.memory.limit) | devices,
    }


def _amounts(cores: float | None, memory: float | None) -> dict[str, str]:
    found = {}
    if cores is not None:
        found["cpu"] = f"{round(cores * 1000)}m"
    if memory is not None:
        found["memory"] = str(int(memory))
    return found


def _annotations(plan: Plan, passwd: str, group: str) -> dict[str, str]:
    decided = json.dumps(summary(plan), separators=(",", ":"))
    found = {**plan.annotations, PASSWD: passwd, GROUP: group, PLAN: decided}
    size = sum(len(name.encode()) + len(text.encode()) for name, text in found.items())
    most = MOST_ANNOTATIONS - _FOR_OTHERS
    if size > most:
        raise Rejected(
            "identity",
            f"The names of the people in your groups take {show_bytes(size)}, and a server can be given at most "
            f"{show_bytes(most)}. Ask an administrator to split the largest of your groups.",
        )
    return found


def _prefers_nodes_for_people() -> dict[str, Any]:
    # Preferred, not required: a cluster without labelled nodes is fine.
    wanted = {"matchExpressions": [{"key": _PURPOSE, "operator": "In", "values": ["user"]}]}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": wanted}]}


def _dedicated() -> list[dict[str, str]]:
    return [{"key": key, "operator": "Equal", "value": "user", "effect": "NoSchedule"} for key in _DEDICATED]


def _volumes(claim: str) -> list[dict[str, Any]]:
    files = {"passwd": PASSWD, "group": GROUP}
    items = [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{name}']"}} for path, name in files.items()
    ]
    return [
        {"name": _SHARE, "persistentVolumeClaim": {"claimName": claim}},
        {"name": _NAMES, "downwardAPI": {"items": items, "defaultMode": 0o444}},
    ]


def _mount(mount: Mount) -> dict[str, Any]:
    return {"name": _SHARE, "mountPath": mount.target, "subPath": mount.source, "readOnly": mount.read_only}


def _names_mounts() -> list[dict[str, Any]]:
    # Over the image's own files: static and musl programs read nothing else (facts/identity-storage.md §2).
    return [
        {"name": _NAMES, "mountPath": f"/etc/{name}", "subPath": name, "readOnly": True} for name in ("passwd", "group")
    ]


def _person(identity: Identity) -> dict[str, Any]:
    return {"runAsUser": identity.uid, "runAsGroup": identity.gid, "runAsNonRoot": True}


def _pod_security(identity: Identity, strict_groups: bool) -> dict[str, Any]:
    # Never fsGroup: the kubelet would hand every file on the share to one group (facts/identity-storage.md §5).
    security = {**_person(identity), "seccompProfile": {"type": "RuntimeDefault"}}
    if identity.gids:
        security["supplementalGroups"] = list(identity.gids)
    if strict_groups:
        security["supplementalGroupsPolicy"] = "Strict"
    return security


def _container_security(identity: Identity) -> dict[str, Any]:
    return {
        **_person(identity),
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted(context: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> dict[str, Any]:
    """A security context to which others may add, but from which they take nothing away.

    Args:
        context: what the site's configuration made of it.
        ours: `pod_security` or `container_security` of the parts.
    """
    kept = {name: value for name, value in (context or {}).items() if name not in ("fsGroup", "privileged")}
    return {**kept, **ours}
