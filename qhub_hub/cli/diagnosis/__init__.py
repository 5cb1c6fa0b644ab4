"""What `qhub doctor` looks at: one module per subject, each a pure function from fetched objects to findings."""

from collections.abc import Callable, Iterator

from qhub_hub.cli.diagnosis import admission, claims, images, keys, nodes, pods, releases, values
from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import OPTIONAL, Snapshot

CHECKS: tuple[Callable[[Snapshot], Iterator[Finding]], ...] = (
    releases.check,
    values.check,
    keys.check,
    admission.check,
    images.check,
    claims.check,
    nodes.check,
    pods.check,
)


def diagnose(snapshot: Snapshot) -> list[Finding]:
    """Everything that is not as it should be, causes before their effects."""
    found = [finding for check in CHECKS for finding in check(snapshot)]
    # A claim that nobody serves keeps its pod from starting: that is not a second problem.
    blamed = {finding.where for finding in found if finding.weight == "problem"}
    for pod in snapshot.pods():
        mounted = {
            f"persistentvolumeclaim/{volume['persistentVolumeClaim']['claimName']}"
            for volume in pod["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in volume
        }
        if mounted & blamed:
            blamed.add(snapshot.workload(pod))
    found += pods.check_ready(snapshot, blamed)
    return [*dict.fromkeys(found), *_unread(snapshot), *_unknowable(snapshot)]


def _unread(snapshot: Snapshot) -> Iterator[Finding]:
    for kind, why in snapshot.unread.items():
        yield Finding(
            "rights",
            kind,
            f"they could not be looked at: {why}.",
            "Run the doctor with an account that may read them; what depends on them was not checked.",
            "note" if kind in OPTIONAL else "problem",
        )


def _unknowable(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.all("networkpolicies"):
        yield Finding(
            "network",
            "networkpolicies",
            "whether this cluster enforces them can't be seen from its objects; several clouds need it switched on.",
            "Try it: from a server, an address that the policies forbid must not answer.",
            "note",
        )
