"""Every way in which a scheduler fails becomes a sentence."""

from typing import Any

import pytest

from qhub_hub.dask.kube.reasons import why_it_ended, why_it_waits


def pod(state: dict[str, Any], environment: str = "", conditions: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    env = [{"name": "QHUB_ENVIRONMENT", "value": environment}] if environment else []
    return {
        "spec": {"containers": [{"image": "own:1", "env": env}]},
        "status": {"containerStatuses": [{"state": state}], "conditions": list(conditions)},
    }


def ended(**fields: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, "reason": "Error", **fields}}


ENDED = {
    "gone": (None, "its node went down, or somebody deleted it"),
    "memory": (pod(ended(reason="OOMKilled", exitCode=137)), "needed more memory than it has"),
    "no-dask": (
        pod(ended(message="python: Error while finding module specification (No module named 'distributed')")),
        "The image own:1 does not have distributed. Choose one with dask, distributed and dask-gateway.",
    ),
    "no-client": (
        pod(ended(message="x\nModuleNotFoundError: No module named 'dask_gateway.scheduler'"), "global/analysis"),
        "The environment global/analysis does not have dask_gateway.",
    ),
    "no-python": (pod(ended(exitCode=127, message="sh: 1: exec: python: not found")), "has no Python"),
    "else": (
        pod(ended(exitCode=3, message="a\n\x1b[31mOSError:   boom\n\n")),
        "(exit code 3). It said last: [31mOSError: boom",
    ),
    "silent": (pod(ended(exitCode=3)), "The scheduler ended by itself (exit code 3)."),
}


@pytest.mark.parametrize(("found", "words"), ENDED.values(), ids=ENDED)
def test_why_it_ended(found: dict[str, Any] | None, words: str) -> None:
    said = why_it_ended(found)
    assert words in said
    assert said.isprintable()


def test_last_words_are_short() -> None:
    assert len(why_it_ended(pod(ended(message="x" * 5000)))) < 400


UNSCHEDULABLE = ({"type": "PodScheduled", "status": "False"},)
WAITS = {
    "not-made": (None, "finds the reason in the controller's log"),
    "image": (pod({"waiting": {"reason": "ImagePullBackOff"}}), "its image own:1 can't be fetched"),
    "room": (pod({}, conditions=UNSCHEDULABLE), "no node has room"),
    "else": (pod({"waiting": {"reason": "ContainerCreating"}}), "Try again later"),
}


@pytest.mark.parametrize(("found", "words"), WAITS.values(), ids=WAITS)
def test_why_it_waits(found: dict[str, Any] | None, words: str) -> None:
    assert words in why_it_waits(found, 600)
    assert "within 10 minutes" in why_it_waits(found, 600)
