"""Backup of a release, from the administrator's computer."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

from qhub_hub.cli.archive.contents import HUB, IDENTITIES, SECRETS, USAGE, VALUES
from qhub_hub.cli.archive.packing import unpack
from qhub_hub.cli.console import CommandError, Console
from qhub_hub.cli.diagnosis.helm import newest, revisions
from qhub_hub.cli.diagnosis.keys import decoded, existing_secret
from qhub_hub.cli.diagnosis.releases import release_of, runs_qhub
from qhub_hub.cli.kubectl import Kubectl
from qhub_hub.cli.state import write_closed

LONG = 3600.0  # seconds for a database to travel
_GENERATED = re.compile(r"(hub\.(config|services)|qhub)\.[A-Za-z0-9._-]{1,200}")
"""Keys of the Secret `hub` that were made once; the others come from the values."""


def collect(kubectl: Kubectl, folder: Path, console: Console) -> None:
    """Lay everything of a release that a backup holds into a folder, while it runs.

    Raises:
        CommandError: there is no such release, it does not run, or kubectl may not read it.
    """
    with console.step("Reading the release"):
        hub = hub_of(kubectl)
        secrets = kubectl.get("secrets")["items"]
        name = existing_secret(hub) or "hub"
        keys = generated(next((one for one in secrets if one["metadata"]["name"] == name), {}))
        write_closed(folder / SECRETS, json.dumps(keys))
        write_closed(folder / VALUES, _values(hub, secrets))
    with (
        console.step("Copying the databases"),
        tempfile.TemporaryFile() as archive,
        tempfile.TemporaryDirectory() as area,
    ):
        kubectl.run(
            "The databases can't be read from the hub's pod",
            "exec",
            "deployment/hub",
            "--container=hub",
            "--",
            "qhub",
            "backup",
            "--hub",
            "-",
            stdout=archive,
            patience=LONG,
        )
        archive.seek(0)
        unpack(archive, Path(area), "What the hub's pod sent")
        for path in Path(area).iterdir():
            if path.name in (HUB, USAGE, IDENTITIES):
                path.rename(folder / path.name) if path.stat().st_dev == folder.stat().st_dev else copy_into(
                    folder, path
                )


def hub_of(kubectl: Kubectl) -> Any:
    """The hub's Deployment.

    Raises:
        CommandError: it is not there, or not QHub's.
    """
    hub = kubectl.get("deployment/hub")
    if not runs_qhub(hub):
        raise CommandError(
            f"The hub in the namespace {kubectl.namespace} is not QHub's.\nhint: name the namespace of a QHub release."
        )
    return hub


def generated(secret: Any) -> dict[str, str]:
    """Those keys of a Secret that were made once, and not taken from the values."""
    return {key: text for key, text in decoded(secret).items() if is_generated(key)}


def is_generated(key: str) -> bool:
    """Whether this is the name of a key that was made once."""
    return _GENERATED.fullmatch(key) is not None


def _values(hub: Any, secrets: list[Any]) -> str:
    """What to give `helm install -f`: what the administrator gave, or all values where Helm keeps no record."""
    revision = newest(revisions(secrets)).get(release_of(hub))
    if revision is not None and revision.chart:
        return yaml.safe_dump(revision.values, allow_unicode=True, sort_keys=False)
    texts = {one["metadata"]["name"]: decoded(one) for one in secrets}
    own = yaml.safe_load(texts.get("qhub", {}).get("qhub.yaml", "{}")) or {}
    return yaml.safe_dump(
        {**own, "jupyterhub": yaml.safe_load(texts.get("hub", {}).get(VALUES, "{}")) or {}}, allow_unicode=True
    )


def copy_into(folder: Path, path: Path) -> None:
    """A copy of a file under its name in another folder."""
    with path.open("rb") as source, (folder / path.name).open("xb") as target:
        while some := source.read(1 << 20):
            target.write(some)
