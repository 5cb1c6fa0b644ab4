"""Why a cluster's scheduler ended or does not start, as a sentence for the person whose cluster it is."""

import re
from collections.abc import Mapping
from typing import Any

_LONGEST = 300  # characters of a program's last words
_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NO_PROGRAM = 127  # exit code of a shell that finds no such program
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})

Pod = Mapping[str, Any]


def why_it_ended(pod: Pod | None) -> str:
    """Why there is no scheduler any more.

    Args:
        pod: the scheduler's, as it was last seen; None: it has gone.
    """
    ended = _state(pod).get("terminated")
    if pod is None or ended is None:
        return "The scheduler's pod is gone: its node went down, or somebody deleted it. Start another cluster."
    if ended.get("reason") == "OOMKilled":
        return (
            "The scheduler needed more memory than it has, and was ended. Work with fewer, larger tasks, or ask an "
            "administrator for more (qhub.dask.scheduler.memory)."
        )
    said = str(ended.get("message") or "")
    if missing := _MODULE.search(said):
        return _without_dask(pod, f"does not have {missing[1].split('.')[0]}")
    if ended.get("exitCode") == _NO_PROGRAM:
        return _without_dask(pod, "has no Python where it is looked for")
    last = _last_line(said)
    words = f" It said last: {last}" if last else ""
    return f"The scheduler ended by itself (exit code {ended.get('exitCode')}).{words}"


def why_it_waits(pod: Pod | None, seconds: float) -> str:
    """Why a scheduler was given up that has not started.

    Args:
        pod: the scheduler's; None: it could not even be made.
        seconds: for how long it was waited for.
    """
    began = f"The scheduler did not start within {seconds / 60:.0f} minutes"
    if pod is None:
        return f"{began}. Ask an administrator, who finds the reason in the controller's log."
    waiting = _state(pod).get("waiting") or {}
    if waiting.get("reason") in _PULLING:
        return f"{began}: its image {_image(pod)} can't be fetched. Choose another profile, or tell an administrator."
    conditions = pod.get("status", {}).get("conditions") or []
    if any(each.get("type") == "PodScheduled" and each.get("status") == "False" for each in conditions):
        return f"{began}: no node has room for it. Try again later, or tell an administrator."
    return f"{began}. Try again later, or tell an administrator."


def _without_dask(pod: Pod, lack: str) -> str:
    environment = next((entry["value"] for entry in _container(pod).get("env", ()) if _says(entry)), "")
    which = f"The environment {environment}" if environment else f"The image {_image(pod)}"
    return f"{which} {lack}. Choose one with dask, distributed and dask-gateway."


def _says(entry: Mapping[str, Any]) -> bool:
    return entry["name"] == "QHUB_ENVIRONMENT" and bool(entry.get("value"))


def _last_line(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return "".join(character for character in lines[-1] if character.isprintable())[:_LONGEST] if lines else ""


def _container(pod: Pod) -> Mapping[str, Any]:
    found: Mapping[str, Any] = pod["spec"]["containers"][0]
    return found


def _image(pod: Pod) -> str:
    return str(_container(pod).get("image", ""))


def _state(pod: Pod | None) -> Mapping[str, Any]:
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or []
    found: Mapping[str, Any] = statuses[0].get("state", {}) if statuses else {}
    return found
