from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhub_hub.hub.progress import Asked, Stage, gave_up, stage_of

GPU = Asked("gpu", "4 GiB")
SCHEDULED = {"type": "PodScheduled", "status": "True"}


def unschedulable(message: str = "0/3 nodes are available: 3 Insufficient memory.") -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"conditions": [SCHEDULED], "containerStatuses": [{"name": "notebook", "state": state}]}


def ended(code: int, reason: str = "Error", where: str = "lastState") -> dict[str, Any]:
    status = {"name": "notebook", "state": {"running": {}}, where: {"terminated": {"exitCode": code, "reason": reason}}}
    return {"phase": "Running", "containerStatuses": [status]}


def event(reason: str, at: int = 0) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": "pod triggered scale-up: [{eks-gpu 0->1 (max: 4)}]",
        "lastTimestamp": f"{at:03}",
    }


def stage(status: dict[str, Any] | None, *events: dict[str, Any], **metadata: Any) -> Stage:
    pod = None if status is None else {"metadata": metadata, "status": {"phase": "Pending", **status}}
    return stage_of(pod, lambda: events, GPU)


CASES: dict[str, tuple[Stage, str, str, bool]] = {
    "not shown yet": (stage(None), "Asking the cluster", "", False),
    "no status yet": (stage({}), "Looking for a node", "", False),
    "no room": (stage(unschedulable()), "No node of group gpu is free. Your server starts", "unschedulable", False),
    "a node is coming": (
        stage(unschedulable(), event("FailedScheduling"), event("TriggeredScaleUp", 1)),
        "No node of group gpu is free; one is being started.",
        "unschedulable",
        False,
    ),
    "no node can come": (
        stage(unschedulable(), event("TriggeredScaleUp"), event("NotTriggerScaleUp", 1)),
        "no more can be started",
        "unschedulable",
        False,
    ),
    "no volume": (
        stage(unschedulable('persistentvolumeclaim "qhub-share" not found')),
        "The volume with your files is not there yet",
        "storage",
        False,
    ),
    "on a node": (stage({"conditions": [SCHEDULED]}), "A node was found", "", False),
    "image is fetched": (stage(waiting("ContainerCreating"), event("Pulling")), "fetches the image", "", False),
    "mount fails": (
        stage(waiting("ContainerCreating"), event("FailedMount")),
        "folders can't be attached",
        "storage",
        False,
    ),
    "registry away": (
        stage(waiting("ErrImagePull", "dial tcp 10.1.2.3:443: i/o timeout")),
        "at the moment; trying again",
        "image",
        False,
    ),
    "no such image": (
        stage(waiting("ImagePullBackOff", 'Back-off pulling image "r.example/x:1": not found')),
        "image of this card can't be fetched",
        "image",
        True,
    ),
    "image name": (stage(waiting("InvalidImageName")), "image of this card", "image", True),
    "config": (
        stage(waiting("CreateContainerConfigError", "secret x not found")),
        "can't be set up",
        "container",
        True,
    ),
    "crashed": (stage(ended(1)), "exit code 1", "crash", True),
    "crashed just now": (stage(ended(3, where="state")), "exit code 3", "crash", True),
    "out of memory": (stage(ended(137, "OOMKilled")), "more than its memory (4 GiB)", "memory", True),
    "evicted": (stage({"phase": "Failed", "reason": "Evicted"}), "had to give your server up", "node", True),
    "no room after all": (stage({"phase": "Failed", "reason": "OutOfcpu"}), "no room", "node", True),
    "failed": (stage({"phase": "Failed"}), "ended while it was starting", "crash", True),
    "removed": (stage({}, deletionTimestamp="2026-01-01T00:00:00Z"), "was removed", "removed", True),
    "runs": (stage({"phase": "Running"}), "about to answer", "", False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_happens_is_said_in_a_sentence(case: str) -> None:
    found, words, reason, final = CASES[case]
    assert words in found.message
    assert (found.reason, found.final) == (reason, final)
    assert found.message.endswith(".")
    assert 0 < found.percent <= 90


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ended(1), 500),
        (waiting("InvalidImageName"), 500),
        (unschedulable(), 503),
        ({"phase": "Failed", "reason": "Evicted"}, 503),
    ],
    ids=["crash", "image", "no room", "evicted"],
)
def test_the_servers_own_fault_is_told_from_the_clusters(status: dict[str, Any], code: int) -> None:
    assert stage(status).status == code


SECRET = "10.1.2.3 registry.internal/x@sha256:abc token=hunter2"


@given(
    st.sampled_from(["ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "RunContainerError", "Whatever", ""]),
    st.sampled_from(["Unschedulable", "Evicted", SECRET]),
    st.sampled_from(["Pending", "Failed", "Unknown", "Running"]),
    st.sampled_from(["FailedMount", "Failed", "BackOff", "FailedScheduling"]),
)
def test_no_text_of_kubernetes_reaches_the_person(state: str, reason: str, phase: str, happened: str) -> None:
    status = waiting(state, SECRET) | {"phase": phase, "reason": reason, "message": SECRET}
    said = stage(status, {"reason": happened, "message": SECRET, "lastTimestamp": None, "eventTime": "x"}).message
    assert not any(part in said for part in SECRET.split())


def test_a_start_that_was_given_up_says_why_and_what_to_do() -> None:
    said = gave_up(stage(unschedulable()), 600)
    assert said.startswith("No node of group gpu is free.")
    assert "given up after 10 min" in said
    assert said.endswith("choose another card.")
    assert "Looking for a node" in gave_up(stage({}), 60)
