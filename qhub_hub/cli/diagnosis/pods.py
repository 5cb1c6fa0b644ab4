"""Workloads that should run and do not: crashes, pods without a node, mounts that fail."""

import re
from collections.abc import Iterator

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.keys import decoded
from qhub_hub.cli.diagnosis.snapshot import BUILDER, WORKLOADS, Object, Snapshot, containers
from qhub_hub.cli.diagnosis.values import KEY, read
from qhub_hub.config import Values

# What the log of a container that ended says, and what to do.
_REMEDIES = (
    (
        r"database schema|schema version|alembic",
        "The database is of another version of the hub. Install the chart's "
        "version that wrote it, or make a backup and set jupyterhub.hub.db.upgrade: true.",
    ),
    (r"no space left|disk is full|disk quota", "Its volume is full: enlarge the claim."),
    (
        r"old backup|ids rebuild|ids on the files go up",
        "The identity database is older than the share: restore a newer backup with `qhub restore`.",
    ),
    (
        r"belong to the (realm|installation)",
        "The share belongs to another identity database: restore that one with "
        "`qhub restore`, or give the release another claim.",
    ),
    (r"the values can't be used|configuration can't be used", "Correct the values and run `helm upgrade`."),
    (
        r"could not connect to server|connection refused|could not translate host",
        "A service that it needs can't be "
        "reached: see that its address is right, that it runs, and that a NetworkPolicy lets it through.",
    ),
    (r"password authentication failed", "The database refuses the password: correct jupyterhub.hub.db.password."),
)
_MATTERS = re.compile(
    r"error|critical|fatal|exception|can't|could not|failed|unable|no such|denied|refused|invalid|qhub:", re.IGNORECASE
)
_NOISE = re.compile(r'^\s+(File "|at |\^)|^Traceback|^\s*$')


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings on pods of QHub, a server of a person included."""
    for pod in snapshot.pods():
        where = snapshot.workload(pod)
        for container in containers(pod):
            if _ends_again(container):
                yield _crashed(snapshot, pod, container, where)
            elif "OOMKilled" in str(container.get("lastState", {})):
                yield Finding(
                    "pods",
                    where,
                    "it was ended for using more memory than its limit.",
                    "Raise its memory limit in the values.",
                )
        yield from _without_node(snapshot, pod, where)
        yield from _without_mount(snapshot, pod, where)


def check_ready(snapshot: Snapshot, blamed: set[str]) -> Iterator[Finding]:
    """Workloads of a release that do not serve.

    Args:
        blamed: those that a finding was made on already; it says more than "not ready".
    """
    if "deployments" not in snapshot.objects:
        return
    if not any(snapshot.named("deployments", name) for name in WORKLOADS) and not blamed:
        yield Finding(
            "releases",
            f"namespace/{snapshot.namespace}",
            "there is no QHub in it, or no such namespace.",
            "Name the namespace of the release: `helm list --all-namespaces` shows it.",
        )
        return
    for name in (*WORKLOADS, *_builder(snapshot)):
        where, found = f"deployment/{name}", snapshot.named("deployments", name)
        if where in blamed:
            continue
        if found is None:
            yield Finding(
                "pods",
                where,
                f"it does not exist in the namespace {snapshot.namespace}.",
                "Is this the release's namespace? If so, run `helm upgrade` with your values.",
            )
        elif found["spec"].get("replicas") == 0:
            yield Finding("pods", where, "it is scaled to 0.", f"Start it: kubectl scale {where} --replicas=1")
        elif not found.get("status", {}).get("readyReplicas"):
            yield Finding(
                "pods",
                where,
                "it is not ready, and nothing tells why.",
                f"Wait a minute if it was just installed; otherwise look at: kubectl logs {where} --all-containers",
            )


def _builder(snapshot: Snapshot) -> tuple[str, ...]:
    """What builds environments: looked at where it is there, and missed where it has pages that people use."""
    if snapshot.named("deployments", BUILDER) is not None:
        return (BUILDER,)
    secret = snapshot.named("secrets", "qhub")
    found = read(decoded(secret).get(KEY, "")) if secret else []
    environments = found.qhub.environments if isinstance(found, Values) else None
    if environments and environments.builder.enabled and environments.provider == "conda-store":
        return (BUILDER,)
    return ()


def _ends_again(container: Object) -> bool:
    """Whether it is in a loop of crashes: between two of them it waits, or has just ended."""
    state = container.get("state", {})
    waits = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    return waits or bool(container.get("restartCount") and (state.get("terminated") or {}).get("exitCode"))


def _crashed(snapshot: Snapshot, pod: Object, container: Object, where: str) -> Finding:
    log = snapshot.logs.get(f"{pod['metadata']['name']}/{container['name']}", "")
    ended = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated") or {}
    line = telling_line(log) or str(ended.get("message") or "")[:300].strip()
    said = f"its last words: {line}" if line else f"exit code {ended.get('exitCode', '?')}, and it said nothing"
    text = f"{log} {line}"
    remedy = next((what for sign, what in _REMEDIES if re.search(sign, text, re.IGNORECASE)), "")
    if ended.get("reason") == "OOMKilled":
        said, remedy = "it used more memory than its limit", "Raise its memory limit in the values."
    return Finding(
        "pods",
        where,
        f"it starts and ends again and again ({container.get('restartCount', 0)} times); {said}.",
        remedy or f"The whole log: kubectl logs {where} --previous",
    )


def telling_line(log: str) -> str:
    """The line of a log that says why the program ended: the last that sounds like it, else the last."""
    lines = [line.strip() for line in log.splitlines() if not _NOISE.search(line)]
    telling = [line for line in lines if _MATTERS.search(line)] or lines
    return telling[-1][:300].rstrip(".") if telling else ""


def _without_node(snapshot: Snapshot, pod: Object, where: str) -> Iterator[Finding]:
    if pod["spec"].get("nodeName"):
        return
    for condition in pod.get("status", {}).get("conditions") or ():
        said = str(condition.get("message", ""))
        if condition.get("reason") != "Unschedulable" or "unbound" in said or "persistentvolumeclaim" in said:
            continue  # a claim's own finding says more
        group = (pod["metadata"].get("labels") or {}).get("qhub/node-group")
        whose = f" of the node group {group}" if group else ""
        yield Finding(
            "nodes",
            where,
            f"no node{whose} takes the pod {pod['metadata']['name']}: {said.split('preemption:')[0].strip()[:250]}",
            "Add a node with those labels and room, or correct the labels, taints and sizes under qhub.nodeGroups."
            if group
            else "Add a node with room, or lower the workload's resources in the values.",
        )


def _without_mount(snapshot: Snapshot, pod: Object, where: str) -> Iterator[Finding]:
    if pod.get("status", {}).get("phase") != "Pending":
        return
    for event in snapshot.events("FailedMount"):
        if event["involvedObject"].get("name") == pod["metadata"]["name"]:
            said = str(event.get("message", ""))[:250]
            yield Finding(
                "pods",
                where,
                f"a volume can't be mounted: {said}",
                "Make what it names, or correct the values that name it.",
            )
