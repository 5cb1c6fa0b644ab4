"""Pods that the cluster refuses to create: Pod Security, quotas, limits."""

import re
from collections.abc import Iterator

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import Object, Snapshot, is_ours

_LABEL = "pod-security.kubernetes.io/enforce"
_SECURITY = re.compile(r'violates PodSecurity "([a-z]+):[^"]*": (.*)', re.DOTALL)
_QUOTA = re.compile(r"exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: (.+)")
_STATED = re.compile(r"failed quota: ([^:]+): must specify (.+)")


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding per workload that gets no pod."""
    for event in snapshot.events("FailedCreate"):
        name = event["involvedObject"].get("name", "")
        replica_set = snapshot.named("replicasets", name)
        if replica_set is not None and is_ours(replica_set) and _lacks_pods(replica_set):
            yield _refused(snapshot, snapshot.workload(replica_set), str(event.get("message", "")))
    yield from _quota_used_up(snapshot)


def _lacks_pods(replica_set: Object) -> bool:
    """Events outlive what they tell of."""
    return bool(replica_set["spec"].get("replicas", 0) > replica_set.get("status", {}).get("replicas", 0))


def _refused(snapshot: Snapshot, where: str, message: str) -> Finding:
    if match := _SECURITY.search(message):
        level = match[1]
        if where == "deployment/qhub-storage" and level == "restricted":
            return Finding(
                "admission",
                where,
                "the namespace enforces Pod Security restricted, and this pod makes folders with root's rights, which "
                "only baseline allows. All other pods of QHub pass restricted.",
                f"Let the namespace enforce baseline: kubectl label namespace {snapshot.namespace} --overwrite "
                f"{_LABEL}=baseline",
            )
        return Finding(
            "admission",
            where,
            f"the namespace enforces Pod Security {level}, which refuses its pod: {match[2][:250]}",
            "Take back what your values changed about its security context, or let the namespace enforce less.",
        )
    if match := _QUOTA.search(message):
        return Finding(
            "quota",
            where,
            f"the quota {match[1]} leaves no room for its pod: it needs {match[2]}; allowed are {match[4]}, in use "
            f"are {match[3]}.",
            "Ask for a larger quota, or lower the workload's resources in the values.",
        )
    if match := _STATED.search(message):
        return Finding(
            "quota",
            where,
            f"the quota {match[1]} asks every container to state {match[2][:200]}, and one of its does not.",
            "State them under the workload's resources in the values.",
        )
    shown = re.sub(r"^.*?Error creating: ", "", message)[:250]
    return Finding("admission", where, f"the cluster refuses its pod: {shown}", "Ask whoever runs the cluster.")


def _quota_used_up(snapshot: Snapshot) -> Iterator[Finding]:
    """A quota without room for one more server: everything runs, and the next person gets none."""
    for quota in snapshot.all("resourcequotas"):
        status = quota.get("status", {})
        hard, used = status.get("hard") or {}, status.get("used") or {}
        if full := sorted(key for key in hard if hard[key] != "0" and used.get(key) == hard[key]):
            yield Finding(
                "quota",
                f"resourcequota/{quota['metadata']['name']}",
                f"it is used up ({', '.join(f'{key}: {hard[key]}' for key in full)}): no further server can start.",
                "Ask for a larger quota, or stop servers that nobody uses.",
            )
