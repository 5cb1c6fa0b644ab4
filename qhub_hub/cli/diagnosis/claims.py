"""Volumes: claims that nobody serves, or that two nodes can't share, or that are full."""

from collections import defaultdict
from collections.abc import Iterator

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import VOLUMES, Object, Snapshot

_OWN = ("hub-db-dir", "qhub-share")
_FULL, _NEARLY = 97, 90  # per cent


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings on the claims that QHub's pods mount."""
    users = _users(snapshot)
    for claim in snapshot.all("persistentvolumeclaims"):
        name = claim["metadata"]["name"]
        if name not in users and name not in _OWN:
            continue
        if claim.get("status", {}).get("phase") != "Bound":
            yield from _unbound(snapshot, claim, bool(users.get(name)))
        elif set(claim["spec"]["accessModes"]) <= {"ReadWriteOnce", "ReadWriteOncePod"}:
            yield from _on_two_nodes(snapshot, claim, users[name])
    present = {claim["metadata"]["name"] for claim in snapshot.all("persistentvolumeclaims")}
    if "persistentvolumeclaims" in snapshot.objects:
        for name in sorted(users.keys() - present):
            yield Finding(
                "claims",
                f"persistentvolumeclaim/{name}",
                f"{_pods(users[name])} mounts this claim, and it does not exist.",
                "Make it, or correct qhub.storage.claim.existing (jupyterhub.hub.db.pvc for the hub's database).",
            )
    yield from _full(snapshot)


def _users(snapshot: Snapshot) -> dict[str, list[Object]]:
    """Pods by the claims they mount."""
    users: dict[str, list[Object]] = defaultdict(list)
    for pod in snapshot.pods():
        for volume in pod["spec"].get("volumes") or ():
            if claim := volume.get("persistentVolumeClaim"):
                users[claim["claimName"]].append(pod)
    return users


def _unbound(snapshot: Snapshot, claim: Object, used: bool) -> Iterator[Finding]:
    name, wanted = claim["metadata"]["name"], claim["spec"].get("storageClassName")
    where = f"persistentvolumeclaim/{name}"
    key = "qhub.storage.claim.className" if name == "qhub-share" else "jupyterhub.hub.db.pvc.storageClassName"
    classes = {one["metadata"]["name"]: one for one in snapshot.all("storageclasses")}
    named = f"Classes of this cluster: {', '.join(sorted(classes)) or 'none that you may see'}."
    if claim.get("status", {}).get("phase") == "Lost":
        what = "its volume is gone."
        yield Finding("claims", where, what, "Restore the volume from your cloud's backups, or delete the claim.")
    elif wanted is None:
        what = "no volume is made for it, because it names no storage class and the cluster has no default one."
        yield Finding("claims", where, what, f"Set {key}, or mark one class as the default. {named}")
    elif not wanted:
        what = "no volume is made for it, as it names no storage class, and no existing volume fits it."
        yield Finding("claims", where, what, f"Set {key}, or mark one class as the default. {named}")
    elif classes and wanted not in classes:
        yield Finding("claims", where, f"the storage class {wanted} does not exist.", f"Correct {key}. {named}")
    elif said := _said(snapshot, name, "ProvisioningFailed"):
        what = f"the storage class {wanted} makes no volume for it: {said}"
        remedy = f"If it can't do {', '.join(claim['spec']['accessModes'])}, choose another with {key}. {named}"
        yield Finding("claims", where, what, remedy)
    elif used and _waits_for_its_volume(snapshot, name):
        what = f"no volume has come from the storage class {wanted} yet."
        yield Finding(
            "claims", where, what, "See that the provisioner of that class runs; it may need a minute.", "note"
        )


def _waits_for_its_volume(snapshot: Snapshot, claim: str) -> bool:
    return bool(_said(snapshot, claim, "ExternalProvisioning") or _said(snapshot, claim, "Provisioning"))


def _said(snapshot: Snapshot, claim: str, reason: str) -> str:
    for event in snapshot.events(reason):
        about = event["involvedObject"]
        if about.get("kind") == "PersistentVolumeClaim" and about.get("name") == claim:
            return str(event.get("message", ""))[:200]
    return ""


def _on_two_nodes(snapshot: Snapshot, claim: Object, pods: list[Object]) -> Iterator[Finding]:
    nodes = {node for pod in pods if (node := pod["spec"].get("nodeName"))}
    refused = {
        event["involvedObject"].get("name")
        for event in snapshot.events("FailedAttachVolume")
        if "Multi-Attach" in event.get("message", "")
    }
    stuck = [pod for pod in pods if pod["metadata"]["name"] in refused]
    if len(nodes) < 2 and not stuck:
        return
    name = claim["metadata"]["name"]
    yield Finding(
        "claims",
        f"persistentvolumeclaim/{name}",
        f"one node at a time may mount it (ReadWriteOnce), but its pods are on {', '.join(sorted(nodes))}"
        f"{f'; {_pods(stuck)} waits for it' if stuck else ''}.",
        "Use a claim with ReadWriteMany (qhub.storage.claim), or keep all servers on one node by the labels of a node "
        "group. A claim can't be changed: make another and copy the files.",
    )


def _pods(pods: list[Object]) -> str:
    names = sorted(pod["metadata"]["name"] for pod in pods)
    return f"pod {names[0]}" + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _full(snapshot: Snapshot) -> Iterator[Finding]:
    for name, share in snapshot.used.items():
        if share >= _NEARLY:
            yield Finding(
                "claims",
                f"deployment/{name}",
                f"its volume at {VOLUMES[name]} is full to {share} %.",
                "Enlarge the claim (kubectl edit, where its class allows expansion), or free some space.",
                "problem" if share >= _FULL else "note",
            )
