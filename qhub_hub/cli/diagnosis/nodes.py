"""Node groups of the values, and whether the cluster has nodes for them."""

from collections.abc import Iterator, Mapping

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.keys import decoded
from qhub_hub.cli.diagnosis.snapshot import Object, Snapshot
from qhub_hub.cli.diagnosis.values import KEY, read
from qhub_hub.config import Values
from qhub_hub.config.models.nodes import NodeGroup
from qhub_hub.config.quantities import parse_bytes
from qhub_hub.sessions.placement import node_selector, tolerations


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings on node groups, and on `supplementalGroupsPolicy` where nodes can't do it."""
    secret = snapshot.named("secrets", "qhub")
    values = read(decoded(secret).get(KEY, "")) if secret else []
    nodes = snapshot.all("nodes")
    if not isinstance(values, Values) or not nodes:
        return
    used = {profile.node_group for profile in values.qhub.profiles.values()}
    for name, group in values.qhub.node_groups.items():
        if name in used:
            yield from _group(name, group, nodes)
    if values.qhub.storage.strict_groups:
        yield from _too_old(nodes)


def _group(name: str, group: NodeGroup, nodes: tuple[Object, ...]) -> Iterator[Finding]:
    selector, where = node_selector(group), f"qhub.nodeGroups.{name}"
    fitting = [node for node in nodes if selector.items() <= (node["metadata"].get("labels") or {}).items()]
    labels = ", ".join(f"{key}={value}" for key, value in selector.items())
    if not fitting:
        # With an autoscaler, none now is as it should be.
        yield Finding(
            "nodes",
            where,
            f"no node has the labels {labels}; servers of this group wait until one comes.",
            "Without an autoscaler: label nodes (kubectl label node NAME ...), or correct the group's labels.",
            "note" if group.max > 0 and group.min == 0 and group.instance else "problem",
        )
        return
    open_nodes = [node for node in fitting if not _closed_by(node, group)]
    if not open_nodes:
        taints = sorted({taint for node in fitting for taint in _closed_by(node, group)})
        yield Finding(
            "nodes",
            where,
            f"its nodes keep servers away by taints that the group does not state: {', '.join(taints)}.",
            "Add them to the group's taints.",
        )
    elif group.memory is not None and group.memory > max(_memory(node) for node in open_nodes):
        yield Finding(
            "nodes",
            where,
            "it states more memory than any of its nodes has, so a share of a node may fit none of them.",
            "State the memory of one node, as `kubectl get nodes` with -o yaml shows it under capacity.",
        )


def _closed_by(node: Object, group: NodeGroup) -> list[str]:
    """Taints of a node that a server of this group does not tolerate."""
    return [
        f"{taint['key']}={taint.get('value', '')}:{taint['effect']}"
        for taint in node["spec"].get("taints") or ()
        if taint["effect"] != "PreferNoSchedule" and not any(_fits(one, taint) for one in tolerations(group))
    ]


def _fits(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    same = (toleration["key"], toleration["value"]) == (taint["key"], taint.get("value", ""))
    return same and toleration["effect"] in ("", taint["effect"])


def _memory(node: Object) -> int:
    try:
        return parse_bytes(node["status"]["capacity"]["memory"])
    except (KeyError, ValueError):
        return 2**62


def _too_old(nodes: tuple[Object, ...]) -> Iterator[Finding]:
    runtimes = {node["metadata"]["name"]: node["status"]["nodeInfo"]["containerRuntimeVersion"] for node in nodes}
    if old := sorted(name for name, runtime in runtimes.items() if runtime.startswith("containerd://1.")):
        yield Finding(
            "nodes",
            "qhub.storage.strictGroups",
            f"the nodes {', '.join(old)[:200]} run containerd 1, which refuses every server with that setting.",
            "Upgrade those nodes to containerd 2, or set qhub.storage.strictGroups: false.",
        )
