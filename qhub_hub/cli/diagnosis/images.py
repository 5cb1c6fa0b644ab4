"""Images that a node can't get."""

import re
from collections.abc import Iterator

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.snapshot import Object, Snapshot, containers

_ABSENT = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"}
_DENIED = re.compile(r"unauthorized|denied|forbidden|authentication required", re.IGNORECASE)


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """A finding per workload and image."""
    seen = set()
    for pod in snapshot.pods():
        for container in containers(pod):
            waiting = container.get("state", {}).get("waiting", {})
            reason, image, where = waiting.get("reason"), container.get("image", ""), snapshot.workload(pod)
            if reason not in {*_ABSENT, "InvalidImageName"} or (where, image) in seen:
                continue
            seen.add((where, image))
            if reason == "InvalidImageName":
                yield Finding(
                    "images",
                    where,
                    f"{image} is no name of an image.",
                    "Correct the image's name and tag in the values (small letters, one tag) and run `helm upgrade`.",
                )
            else:
                yield _absent(snapshot, pod, image, where)


def _absent(snapshot: Snapshot, pod: Object, image: str, where: str) -> Finding:
    told = " ".join(
        event.get("message", "")
        for event in snapshot.all("events")
        if event["involvedObject"].get("name") == pod["metadata"]["name"]
    )
    node = pod.get("spec", {}).get("nodeName", "its node")
    what = f"the image {image} is not on {node} and can't be pulled."
    if _DENIED.search(told):
        remedy = "The registry asks for a password: name a Secret of type docker-registry under imagePullSecrets."
    elif image.startswith("localhost/"):
        remedy = (
            "It was built on a machine: load it onto every node (`make images` says how), or set global.imageRegistry "
            "to the registry that has QHub's images."
        )
    else:
        remedy = "See that name and tag exist in the registry (global.imageRegistry) and that the nodes reach it."
    return Finding("images", where, what, remedy)
