"""The `qhub` section as the hub sees it: whether it can be used, and what of it waits for a restart."""

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from qhub_hub.cli.diagnosis.finding import Finding
from qhub_hub.cli.diagnosis.helm import revisions
from qhub_hub.cli.diagnosis.keys import decoded
from qhub_hub.cli.diagnosis.releases import release_of
from qhub_hub.cli.diagnosis.snapshot import Object, Snapshot, containers
from qhub_hub.config import ConfigError, LiveConfig, Values, load_values

KEY = "qhub.yaml"


def check(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings on the Secret `qhub`."""
    if "secrets" not in snapshot.objects or snapshot.named("deployments", "hub") is None:
        return
    secret = snapshot.named("secrets", "qhub")
    text = decoded(secret).get(KEY) if secret else None
    if text is None:
        yield Finding(
            "values",
            "secret/qhub",
            f"it does not exist, or has no key {KEY}: the hub knows no settings.",
            "Run `helm upgrade` with your values: it is made again.",
        )
        return
    found = read(text)
    if isinstance(found, Values):
        for warning in found.warnings:
            yield Finding("values", "secret/qhub", str(warning), "Look whether that is what you mean.", "note")
        yield from _restart(snapshot)
        return
    for problem in found:
        yield Finding(
            "values",
            "secret/qhub",
            problem,
            "Correct it in your values and run `helm upgrade`; until then "
            "the hub goes on with the last good settings, and can't start anew.",
        )


def read(text: str) -> Values | list[str]:
    """The values that a Secret holds, or a sentence per problem, with the line of its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KEY
        path.write_text(text, encoding="utf-8")
        try:
            # The chart has merged its defaults in already.
            return load_values(path, defaults=False)
        except ConfigError as error:
            return [str(problem).replace(f"{folder}/", "") for problem in error.problems]


def _restart(snapshot: Snapshot) -> Iterator[Finding]:
    """Keys that the hub reads once: those that changed since its pod started, as far as Helm remembers."""
    hub = snapshot.named("deployments", "hub")
    release = release_of(hub) if hub else ""
    history = [one for one in revisions(snapshot.all("secrets")) if one.release == release and one.applied]
    hubs = [pod for pod in snapshot.pods() if snapshot.workload(pod) == "deployment/hub"]
    started = [datetime.fromisoformat(moment) for pod in hubs if (moment := _started(pod))]
    before = [one for one in history if one.applied and started and one.applied <= min(started)]
    if not before or before[-1] == history[-1]:
        return
    if changed := changed_keys(before[-1].values, history[-1].values):
        yield Finding(
            "values",
            "deployment/hub",
            f"{', '.join(changed)} changed since it started, and it reads that only then.",
            "When it suits: kubectl rollout restart deployment/hub. Running servers go on.",
        )


def _started(pod: Object) -> str:
    """When the hub in a pod started: where such a key changes, it ends by itself, and is started anew in its pod."""
    status = pod.get("status", {})
    running = [one.get("state", {}).get("running") or {} for one in containers(pod) if one.get("name") == "hub"]
    return str(next((one["startedAt"] for one in running if one.get("startedAt")), status.get("startTime") or ""))


def changed_keys(before: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    """Those keys of the `qhub` section that differ and need a restart of the hub."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KEY
        _write(path, before)
        try:
            live = LiveConfig(path)
        except ConfigError:
            return ()
        _write(path, now)
        live.refresh()
        return live.restart_needed


def _write(path: Path, values: dict[str, Any]) -> None:
    # JSON is YAML; a new file, so that its change is noticed within the resolution of the clock.
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"qhub": values.get("qhub") or {}}), encoding="utf-8")
    draft.rename(path)
