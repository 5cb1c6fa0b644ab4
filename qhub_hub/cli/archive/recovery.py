"""Restore of a release, from the administrator's computer."""

import base64
import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhub_hub.cli.archive import identities
from qhub_hub.cli.archive.contents import HUB, IDENTITIES, SECRETS, USAGE, BadArchive
from qhub_hub.cli.archive.databases import require_whole
from qhub_hub.cli.archive.packing import pack
from qhub_hub.cli.archive.release import LONG, copy_into, generated, hub_of, is_generated
from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.diagnosis.keys import existing_secret
from qhub_hub.cli.kubectl import Kubectl, KubectlError
from qhub_hub.identity import HighWater, HighWaterMismatch, check_high_water

_POD = "qhub-restore"


def restore(kubectl: Kubectl, unpacked: Path, console: Console) -> list[str]:
    """Bring a release to the state of a backup: databases, ids and what keeps people signed in.

    Args:
        unpacked: what `packing.unpack` laid there.

    Returns:
        Sentences on what is left to do.

    Raises:
        CommandError: it can't be done. The sentence says what was done.
    """
    known = identities.read(unpacked / IDENTITIES)
    secrets = _secrets(unpacked / SECRETS)
    for name in (HUB, USAGE):
        if (unpacked / name).exists():
            require_whole(unpacked / name, f"{name} in the backup")
    hub = hub_of(kubectl)
    _require_no_servers(kubectl)
    with _stopped(kubectl, hub, console):
        with console.step("Preparing the share"):
            answer = _on_share(kubectl, known.high_water)
        mark = HighWater(**answer["mark"])
        notes = newer_than(known, mark, answer["owners"])
        identities.save(known.advanced(mark), unpacked / IDENTITIES)
        with console.step("Restoring the databases"):
            _into_pod(kubectl, hub, unpacked)
        with console.step("Restoring the keys"):
            changed, note = _put_keys(kubectl, hub, secrets)
    _wait_until_ready(kubectl, changed, console)
    return [*notes, *([note] if note else [])]


def restore_pod(hub: Any) -> dict[str, Any]:
    """A pod that has the hub's volumes, image and rights, and waits.

    The databases are exchanged in it while no hub runs: also where the hub can't start with the ones it has.
    """
    spec = copy.deepcopy(hub["spec"]["template"]["spec"])
    container = next(one for one in spec["containers"] if one["name"] == "hub")
    for key in ("args", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        container.pop(key, None)
    container["command"] = ["sleep", f"{LONG:.0f}"]
    spec.pop("initContainers", None)
    spec |= {
        "containers": [container],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "activeDeadlineSeconds": int(LONG),
        "automountServiceAccountToken": False,
    }
    # Not the hub's labels: its Service must not send anybody here.
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": _POD, "labels": {"app.kubernetes.io/name": _POD}},
        "spec": spec,
    }


def _wait_until_ready(kubectl: Kubectl, changed: bool, console: Console) -> None:
    """Restart what reads the keys at its start, if they changed, and wait for all of it."""
    if changed:
        for name in ("proxy", "qhub-storage"):
            kubectl.run(f"{name} can't be restarted", "rollout", "restart", f"deployment/{name}")
    with console.step("Waiting for the hub"):
        for name in ("qhub-storage", "proxy", "hub"):
            words = ("rollout", "status", f"deployment/{name}", "--timeout=300s")
            kubectl.run(f"{name} does not become ready; `qhub doctor` says why", *words, patience=310)


def newer_than(known: identities.Identities, mark: HighWater, owners: dict[str, dict[str, int]]) -> list[str]:
    """What the share knows and the backup does not: a sentence per folder whose owner nobody knows."""
    try:
        check_high_water(known.high_water, mark)
    except HighWaterMismatch:
        numbers = {row["number"] for row in known.rows}
        lost = [
            f"{folder}/{name} belongs to {owner}, whom the backup does not know: state "
            f"{'qhub.users.<name>.uid' if folder == 'home' else 'qhub.groups.<name>.gid'}: {owner} in the values, "
            "before they sign in."
            for folder, entries in owners.items()
            for name, owner in sorted(entries.items())
            if owner >= 1000 and owner not in numbers
        ]
        return [
            "The backup is older than the share: ids were given out after it was made. New people get numbers above "
            "those, so that nobody gets somebody else's files.",
            *lost,
        ]
    return []


@contextmanager
def _stopped(kubectl: Kubectl, hub: Any, console: Console) -> Iterator[None]:
    """No hub while its databases are exchanged: it would write what it remembers into the restored ones."""
    replicas = hub["spec"].get("replicas") or 1
    selector = ",".join(f"{key}={value}" for key, value in hub["spec"]["selector"]["matchLabels"].items())
    with console.step("Stopping the hub"):
        kubectl.run("The hub can't be stopped", "scale", "deployment/hub", "--replicas=0")
        try:
            kubectl.run(
                "The hub does not stop",
                "wait",
                "--for=delete",
                "pod",
                f"--selector={selector}",
                "--timeout=120s",
                patience=130,
            )
        except KubectlError as error:
            if "no matching resources" not in error.said:
                _start(kubectl, replicas)
                raise
    try:
        yield
    finally:
        _start(kubectl, replicas)


def _start(kubectl: Kubectl, replicas: int) -> None:
    kubectl.run(
        f"The hub can't be started again; do it with: kubectl --namespace={kubectl.namespace} scale "
        f"deployment/hub --replicas={replicas}",
        "scale",
        "deployment/hub",
        f"--replicas={replicas}",
    )


def _require_no_servers(kubectl: Kubectl) -> None:
    pods = kubectl.get("pods", "--selector=component=singleuser-server")["items"]
    if pods:
        raise CommandError(
            f"{len(pods)} servers of people run in {kubectl.namespace}, of which the restored hub would know nothing.\n"
            f"hint: stop them: kubectl --namespace={kubectl.namespace} delete pods "
            "--selector=component=singleuser-server"
        )


def _on_share(kubectl: Kubectl, water: HighWater) -> dict[str, Any]:
    question = json.dumps(asdict(water))
    said = kubectl.run(
        "The share can't be prepared; nothing was restored",
        "exec",
        "--stdin",
        "deployment/qhub-storage",
        "--",
        "qhub",
        "restore",
        "--share",
        "/share",
        "-",
        stdin=question.encode(),
    )
    found: dict[str, Any] = json.loads(said)
    return found


def _into_pod(kubectl: Kubectl, hub: Any, unpacked: Path) -> None:
    with tempfile.TemporaryDirectory() as area, tempfile.TemporaryFile() as archive:
        for name in (HUB, USAGE, IDENTITIES):
            if (unpacked / name).exists():
                copy_into(Path(area), unpacked / name)
        pack(Path(area), "hub", archive)
        archive.seek(0)
        remove = ("delete", "pod", _POD, "--ignore-not-found", "--wait=true")
        kubectl.run("An earlier restore can't be cleared away", *remove)
        try:
            pod = json.dumps(restore_pod(hub)).encode()
            kubectl.run("The pod for the restore can't be made", "create", "--filename=-", stdin=pod)
            kubectl.run(
                "The pod for the restore does not start; `qhub doctor` says why",
                "wait",
                "--for=condition=Ready",
                f"pod/{_POD}",
                "--timeout=180s",
                patience=190,
            )
            kubectl.run(
                "The databases can't be restored",
                "exec",
                "--stdin",
                _POD,
                "--container=hub",
                "--",
                "qhub",
                "restore",
                "--hub",
                "-",
                stdin=archive,
                patience=LONG,
            )
        finally:
            kubectl.run("The pod for the restore can't be removed", *remove)


def _put_keys(kubectl: Kubectl, hub: Any, keys: dict[str, str]) -> tuple[bool, str]:
    """Write the generated keys back; returns whether any changed, and a sentence where they are the administrator's."""
    own = existing_secret(hub)
    found = generated(kubectl.get(f"secret/{own or 'hub'}"))
    differ = sorted(key for key, text in keys.items() if found.get(key) != text)
    if not differ:
        return False, ""
    if own:
        return False, (
            f"The Secret {own} is yours (hub.existingSecret), so it was left as it is; it differs from the backup in "
            f"{', '.join(differ)}. With another cookie secret everybody signs in anew; with other crypt keys, what "
            "sign-in providers handed out is lost until then. `tar -xOf BACKUP secrets.json` shows those of the "
            "backup."
        )
    patch = {"data": {key: base64.b64encode(keys[key].encode()).decode() for key in differ}}
    # A file of standard input: what stands in arguments can be read by everybody on the machine.
    kubectl.run(
        "The keys can't be restored; the databases are",
        "patch",
        "secret/hub",
        "--type=merge",
        "--patch-file=/dev/stdin",
        stdin=json.dumps(patch).encode(),
    )
    return True, ""


def _secrets(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not all(is_generated(key) and isinstance(text, str) for key, text in found.items()):
            raise ValueError("key")
        return dict(found)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BadArchive(f"The keys in the backup can't be used: {path.name} is not what QHub writes.") from error
