"""ResourceQuota objects: what a namespace uses, and what would be too much."""

from collections.abc import Iterator
from decimal import Decimal

from qhub_hub.testing.kube.kinds import Kind, Object
from qhub_hub.testing.kube.quantities import quantity, show
from qhub_hub.testing.kube.store import Store

_COUNTED = {
    "pods": "pods",
    "services": "services",
    "secrets": "secrets",
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
}
_ENDED = ("Succeeded", "Failed")


def charges(kind: Kind, obj: Object) -> dict[str, Decimal]:
    """What an object counts towards the quotas of its namespace."""
    found = {f"count/{kind.resource}": Decimal(1)}
    if kind.plural == "pods":
        if (obj.get("status") or {}).get("phase") in _ENDED:
            return found  # a pod that has ended holds nothing any more
        for prefix in ("requests", "limits"):
            for name, amount in _pod_sum(obj["spec"], prefix).items():
                found[f"{prefix}.{name}"] = amount
    if kind.plural == "persistentvolumeclaims":
        requests = ((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}
        found["requests.storage"] = quantity(requests.get("storage", 0))
    if kind.plural in _COUNTED:
        found[_COUNTED[kind.plural]] = Decimal(1)
    # `cpu` and `memory` are other names for their requests.
    return found | {name: found[f"requests.{name}"] for name in ("cpu", "memory") if f"requests.{name}" in found}


def _pod_sum(spec: Object, prefix: str) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in spec["containers"]:
        for name, amount in ((container.get("resources") or {}).get(prefix) or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantity(amount)
    for container in spec.get("initContainers") or []:
        # They run one after another, before the others: only the largest counts.
        for name, amount in ((container.get("resources") or {}).get(prefix) or {}).items():
            total[name] = max(total.get(name, Decimal(0)), quantity(amount))
    return total


def usage(store: Store, namespace: str, names: Iterator[str]) -> dict[str, Decimal]:
    """What a namespace uses of these resources."""
    used = {name: Decimal(0) for name in names}
    for kind in store.kinds():
        if kind.namespaced and kind.kind != "Event":
            for stored in store.all(kind, namespace):
                for name, amount in charges(kind, stored.object).items():
                    if name in used:
                        used[name] += amount
    return used


def denial(store: Store, quota: Object, kind: Kind, obj: Object) -> str | None:
    """Why a new object does not fit into a quota, in the API server's words, or None."""
    name = quota["metadata"]["name"]
    hard = {key: quantity(value) for key, value in ((quota.get("spec") or {}).get("hard") or {}).items()}
    asked = {key: amount for key, amount in charges(kind, obj).items() if key in hard}
    if kind.plural == "pods" and (missing := _unsaid(obj["spec"], hard)):
        containers = ",".join(container["name"] for container in obj["spec"]["containers"])
        return f"failed quota: {name}: must specify {','.join(f'{key} for: {containers}' for key in missing)}"
    if not asked:
        return None
    used = usage(store, obj["metadata"]["namespace"], iter(asked))
    over = sorted(key for key, amount in asked.items() if used[key] + amount > hard[key])
    if not over:
        return None

    def listed(amounts: dict[str, Decimal]) -> str:
        return ",".join(f"{key}={show(amounts[key], binary='memory' in key or 'storage' in key)}" for key in over)

    return f"exceeded quota: {name}, requested: {listed(asked)}, used: {listed(used)}, limited: {listed(hard)}"


def _unsaid(spec: Object, hard: dict[str, Decimal]) -> list[str]:
    # Where a quota limits cpu or memory, every container must say how much it wants.
    missing = []
    for key in sorted(hard):
        prefix, _, name = key.rpartition(".")
        if name in ("cpu", "memory"):
            for container in spec["containers"]:
                if name not in ((container.get("resources") or {}).get(prefix or "requests") or {}):
                    missing.append(key)
                    break
    return missing
