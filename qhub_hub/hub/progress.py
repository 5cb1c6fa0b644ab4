"""What Kubernetes says about a pod that starts, as sentences for the person who waits for it.

Texts of Kubernetes name nodes, addresses and registries, so none of them is passed on: they are in the hub's log.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qhub_hub.config.quantities import show_seconds

Pod = Mapping[str, Any]

SERVER = "notebook"
"""Name of the container that the server runs in (KubeSpawner's)."""

# What a registry says when trying again can't help.
_NO_SUCH_IMAGE = ("not found", "manifest unknown", "does not exist", "denied", "unauthorized", "no basic auth")
_IMAGE_UNUSABLE = ("InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_IMAGE_LATER = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_NOT_CREATED = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError")
_ASK = "Ask an administrator, who finds the reason in the log."

_STATUS = {"crash": 500, "memory": 500, "image": 500, "container": 500}


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a starting server is.

    Args:
        percent: of the bar on the page that waits.
        message: a sentence for its owner.
        reason: short name of what holds it up, the label of the spawn metric; empty: nothing does.
        final: whether waiting can't help.
    """

    percent: int
    message: str
    reason: str = ""
    final: bool = False

    @property
    def status(self) -> int:
        """HTTP status of a start that ends here: 500 where the server is at fault, 503 where the cluster is."""
        return _STATUS.get(self.reason, 503)


REMOVED = Stage(90, "Your server was removed while it was starting. Start it again.", "removed", final=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the plan the sentences mention.

    Args:
        node_group: its key.
        memory: the limit in words (`4 GiB`); empty: none.
    """

    node_group: str
    memory: str = ""


def stage_of(pod: Pod | None, events: Callable[[], Iterable[Mapping[str, Any]]], asked: Asked) -> Stage:
    """How far a pod is, as of now.

    Args:
        pod: as the API gives it; None: the watch has not shown it yet.
        events: gives those of this pod and no earlier one, in any order; called where the pod does not say enough.
    """
    if pod is None:
        return Stage(30, "Asking the cluster for a place.")
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    if pod["metadata"].get("deletionTimestamp"):
        return REMOVED
    if trouble := _trouble(containers, asked):
        return trouble
    phase = status.get("phase")
    if phase in ("Failed", "Succeeded"):
        return _ended(status)
    if phase == "Running":
        return Stage(80, "Your server runs and is about to answer.")
    return _waiting(status, sorted(events(), key=_when), asked)


def gave_up(stage: Stage, seconds: float) -> str:
    """The sentence for somebody whose server did not start in time.

    Args:
        stage: where it stopped.
        seconds: how long it was waited for.
    """
    waited = f"Your server was given up after {show_seconds(round(seconds))}."
    if not stage.reason:
        return f"{waited} It had got this far: {stage.message} Try again, or ask an administrator."
    return f"{stage.message} {waited} Try again later, or choose another card."


def _ended(status: Mapping[str, Any]) -> Stage:
    if status.get("reason") in ("Evicted", "Preempting", "NodeShutdown", "Terminated"):
        return Stage(
            90, "The node had to give your server up while it was starting. Start it again.", "node", final=True
        )
    if str(status.get("reason") or "").startswith(("OutOf", "NodeAffinity", "Unexpected")):
        return Stage(90, "The node had no room for your server after all. Start it again.", "node", final=True)
    return Stage(90, f"Your server ended while it was starting. {_ASK}", "crash", final=True)


def _trouble(containers: Iterable[Mapping[str, Any]], asked: Asked) -> Stage | None:
    for container in containers:
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        if found := _image_trouble(waiting):
            return found
        if waiting.get("reason") in _NOT_CREATED:
            return Stage(60, f"Your server can't be set up on its node. {_ASK}", "container", final=True)
        # Kubernetes starts a server again that has ended; one that ends while it starts will do so again.
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if ended and (ended.get("exitCode") or container.get("name") == SERVER):
            return _crash(ended, asked)
    return None


def _image_trouble(waiting: Mapping[str, Any]) -> Stage | None:
    reason = waiting.get("reason")
    said = str(waiting.get("message") or "").lower()
    if reason in _IMAGE_UNUSABLE or (reason in _IMAGE_LATER and any(sign in said for sign in _NO_SUCH_IMAGE)):
        text = "The image of this card can't be fetched: it does not exist, or the cluster may not read it."
        return Stage(50, f"{text} {_ASK}", "image", final=True)
    if reason in _IMAGE_LATER:
        return Stage(50, "The image of this card can't be fetched at the moment; trying again.", "image")
    return None


def _crash(ended: Mapping[str, Any], asked: Asked) -> Stage:
    if ended.get("reason") == "OOMKilled":
        size = f" ({asked.memory})" if asked.memory else ""
        text = f"Your server needed more than its memory{size} while it was starting. Choose a larger size."
        return Stage(90, text, "memory", final=True)
    code = ended.get("exitCode")
    return Stage(90, f"Your server ended while it was starting (exit code {code}). {_ASK}", "crash", final=True)


def _waiting(status: Mapping[str, Any], events: list[Mapping[str, Any]], asked: Asked) -> Stage:
    reasons = [event.get("reason") for event in events]
    for condition in status.get("conditions") or ():
        if condition.get("type") != "PodScheduled":
            continue
        if condition.get("status") == "True":
            return _on_its_node(reasons)
        return _unscheduled(str(condition.get("message") or ""), reasons, asked.node_group)
    return Stage(40, "Looking for a node with room for your server.")


def _when(event: Mapping[str, Any]) -> str:
    # Events of the scheduler and of the autoscaler carry one or the other.
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _unscheduled(said: str, reasons: list[Any], group: str) -> Stage:
    if "persistentvolumeclaim" in said.lower():
        return Stage(40, f"The volume with your files is not there yet. {_ASK}", "storage")
    none_free = f"No node of group {group} is free"
    scaling = [reason for reason in reasons if reason in ("TriggeredScaleUp", "NotTriggerScaleUp")]
    if not scaling:
        return Stage(40, f"{none_free}. Your server starts as soon as there is room.", "unschedulable")
    if scaling[-1] == "TriggeredScaleUp":
        return Stage(45, f"{none_free}; one is being started.", "unschedulable")
    text = f"{none_free}, and no more can be started now. Your server starts as soon as there is room."
    return Stage(40, text, "unschedulable")


def _on_its_node(reasons: list[Any]) -> Stage:
    latest = next((reason for reason in reversed(reasons) if reason in _ON_NODE), None)
    return _ON_NODE[latest] if latest else Stage(55, "A node was found; your server is being set up.")


_ON_NODE = {
    "FailedMount": Stage(55, "Your folders can't be attached yet; trying again.", "storage"),
    "FailedAttachVolume": Stage(55, "Your folders can't be attached yet; trying again.", "storage"),
    "Pulling": Stage(60, "The node fetches the image, which takes a while the first time."),
    "Pulled": Stage(70, "The image is there; your server is being started."),
    "Created": Stage(75, "Your server is being started."),
    "Started": Stage(75, "Your server is being started."),
}
