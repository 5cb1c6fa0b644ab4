"""The share's part of a restore, in the pod that holds it: whose mark it carries, and who owns what."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qhub_hub.cli.console import CommandError
from qhub_hub.identity import HighWater
from qhub_hub.storage import Provisioner, claim_realm, read_realm
from qhub_hub.storage.layout import PRIVATE

FOLDERS = {"home": "user", "shared": "group"}


def prepare(root: Path, water: HighWater) -> dict[str, Any]:
    """Have the share carry the mark of the realm that is being restored.

    A fresh install has put its own mark there: as long as nobody has a home, it gives way.

    Args:
        root: of the share.
        water: of the backup.

    Returns:
        `mark`: that of the share; its ids are above those passed in when the backup is older than the share.
        `owners`: by `home` and `shared`, numeric owner by folder.

    Raises:
        CommandError: people of another installation have files there. Nothing was changed.
        RealmMismatch, StorageError: see `claim_realm`.
    """
    owners = {folder: _owners(root / folder, folder) for folder in FOLDERS}
    with Provisioner(root, own_ids=os.geteuid() == 0) as share:
        found = read_realm(share)
        if found is not None and found.realm != water.realm:
            _give_up(root, found, owners)
            owners = {folder: {} for folder in FOLDERS}
        mark = claim_realm(share, water)
    return {"mark": asdict(mark), "owners": owners}


def _owners(folder: Path, kind: str) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    return {name: state.st_uid if kind == "home" else state.st_gid for name, state in found}


def _give_up(root: Path, found: HighWater, owners: dict[str, dict[str, int]]) -> None:
    """Remove the mark of an install that nobody has used, with the empty folders that it made."""
    try:
        if owners["home"]:
            raise OSError
        for name in owners["shared"]:
            (root / "shared" / name).rmdir()  # of an empty folder only
        (root / PRIVATE / "realm.json").unlink()
    except OSError as error:
        raise CommandError(
            f"The share carries files of another installation (realm {found.realm!r}): their numeric ids mean other "
            "people than those of the backup. Nothing was restored.\n"
            "hint: restore the backup of that installation, or give this release an empty claim (qhub.storage.claim)."
        ) from error
