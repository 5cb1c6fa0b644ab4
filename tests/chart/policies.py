"""Which connections rendered NetworkPolicies allow, as Kubernetes defines it."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from tests.chart.manifests import Manifests, Object


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside.

    Args:
        labels: of the pod.
        namespace: of the pod.
        address: where it is no pod.
        ports: names of the pod's ports.
    """

    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "team"
    address: str = ""
    ports: dict[str, int] = field(default_factory=dict)


def pod(manifests: Manifests, name: str) -> End:
    """The pods of a Deployment."""
    template = dict(manifests.pods())[name]
    ports = {
        port["name"]: port["containerPort"]
        for container in template["spec"]["containers"]
        for port in container.get("ports", ())
    }
    return End(labels=template["metadata"]["labels"], ports=ports)


def allowed(manifests: Manifests, source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection is let out by the source's policies and in by the target's."""
    policies = [each for each in manifests.objects if each["kind"] == "NetworkPolicy"]
    return _passes(policies, "Egress", source, target, (port, protocol, target)) and _passes(
        policies, "Ingress", target, source, (port, protocol, target)
    )


def _passes(policies: list[Object], way: str, mine: End, other: End, port: tuple[int, str, End]) -> bool:
    if mine.address:
        return True  # policies are about pods
    chosen = [
        policy["spec"]
        for policy in policies
        if mine.namespace == "team"
        and _selects(policy["spec"]["podSelector"], mine.labels)
        and way in policy["spec"]["policyTypes"]
    ]
    if not chosen:
        return True
    key, side = way.lower(), {"Ingress": "from", "Egress": "to"}[way]
    return any(
        _ports(rule, port) and (side not in rule or any(_peer(peer, other) for peer in rule[side]))
        for spec in chosen
        for rule in spec.get(key) or ()
    )


def _ports(rule: Object, port: tuple[int, str, End]) -> bool:
    number, protocol, target = port
    return "ports" not in rule or any(
        each.get("protocol", "TCP") == protocol and target.ports.get(each.get("port"), each.get("port")) == number
        for each in rule["ports"]
    )


def _peer(peer: Object, other: End) -> bool:
    if block := peer.get("ipBlock"):
        return bool(other.address) and _inside(other.address, block["cidr"], block.get("except", ()))
    if other.address:
        return False
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": other.namespace}
        if not _selects(peer["namespaceSelector"], labels):
            return False
    elif other.namespace != "team":
        return False
    return _selects(peer.get("podSelector", {}), other.labels)


def _inside(address: str, network: str, holes: Any) -> bool:
    wanted = ipaddress.ip_address(address)
    return wanted in ipaddress.ip_network(network) and not any(wanted in ipaddress.ip_network(hole) for hole in holes)


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
