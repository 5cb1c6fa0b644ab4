"""kubectl and helm as an administrator has them, against the current context."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from qhub_hub.testing.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm"

Found = TypeVar("Found")


def until(what: str, look: Callable[[], Found | None], seconds: float = PATIENCE, every: float = 0.25) -> Found:
    """Look again until something true is found, and return it.

    Args:
        what: for the message: "ann's server runs".
        look: may raise AssertionError for "not yet".
        seconds: after which it is given up; state them only where the time itself is what is tested.
        every: seconds between two looks.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            if found := look():
                return found
            last = found
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {seconds:g} s: {what}; the last look gave: {last}")
        time.sleep(every)


def ran(*words: str, stdin: str = "", timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program from PATH; never raises for its exit code."""
    return subprocess.run(
        words,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def kubectl(*words: str, stdin: str = "", timeout: float = 120) -> str:
    """What kubectl prints; it must succeed."""
    ended = ran("kubectl", *words, stdin=stdin, timeout=timeout)
    assert ended.returncode == 0, f"kubectl {' '.join(words)}: {ended.stderr}"
    return ended.stdout


def objects(namespace: str, kinds: str, selector: str = "") -> list[dict[str, Any]]:
    """Objects of these kinds."""
    words = ["-n", namespace, "get", kinds, "-o", "json", *([f"--selector={selector}"] if selector else [])]
    found: list[dict[str, Any]] = json.loads(kubectl(*words))["items"]
    return found


def site_values() -> list[str]:
    """Options for helm: the values that all releases on this cluster need, if QHUB_E2E_VALUES names a file."""
    file = os.environ.get("QHUB_E2E_VALUES")
    return ["--values", str(Path(file).absolute())] if file else []


def helm(action: str, *words: str, values: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm; never raises for its exit code.

    Args:
        action: `install`, `upgrade`, …
        words: the rest, without the chart and values.
        values: text of a values file; None: this action takes none.
    """
    if values is None:
        return ran("helm", action, *words)
    return ran("helm", action, *words, *site_values(), "--values", "-", stdin=values)


def what_happened(namespace: str) -> str:
    """Pods, events and the ends of the logs, for whoever has to find out why a test failed."""
    commands = {
        "pods": ("get", "pods", "-o", "wide"),
        "events": ("get", "events", "--sort-by=.lastTimestamp"),
        "log of the hub": ("logs", "deployment/hub", "--tail=150"),
        "log of the hub before": ("logs", "deployment/hub", "--previous", "--tail=40"),
        "log of the proxy": ("logs", "deployment/proxy", "--tail=20"),
        "log of the storage service": ("logs", "deployment/qhub-storage", "--tail=20"),
        "log of the environments' builder": ("logs", "deployment/qhub-environments", "--tail=40"),
        "log of conda-store's server": ("logs", "deployment/qhub-environments", "-c", "server", "--tail=40"),
        "log of conda-store's worker": ("logs", "deployment/qhub-environments", "-c", "worker", "--tail=60"),
        "logs of servers": ("logs", "--selector=component=singleuser-server", "--tail=30", "--prefix"),
    }
    told = []
    for title, words in commands.items():
        ended = ran("kubectl", "-n", namespace, *words)
        text = ended.stdout.strip()
        told.append(f"== {title} of {namespace}\n{text or ended.stderr.strip()}")
    return "\n".join(told)
