"""Backup and restore of one machine: its state folder without the files of people."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qhub_hub.cli.archive import identities
from qhub_hub.cli.archive.contents import HUB, IDENTITIES, SECRETS, USAGE, VALUES, BadArchive
from qhub_hub.cli.archive.databases import copy_database, require_whole
from qhub_hub.cli.archive.placing import put_in_place
from qhub_hub.cli.console import CommandError
from qhub_hub.cli.state import StateFolder, told, write_closed
from qhub_hub.identity import HighWaterMismatch, check_high_water
from qhub_hub.storage import Provisioner, read_realm

_SECRET = re.compile(r"[a-z][a-z0-9-]{0,40}")


def collect(path: Path, folder: Path) -> None:
    """Lay everything of a state folder that a backup holds into a folder, while QHub may run.

    Raises:
        CommandError: it is no state folder, or something in it can't be read.
        StoreUnavailable: the identity database can't be read.
    """
    if not (path / "version").exists():
        raise CommandError(
            f"{path} is not a state folder of QHub, so there is nothing to back up.\n"
            "hint: name it with --state, or a release on a cluster with --namespace."
        )
    state = StateFolder(path)
    if not (state.identities.exists() and state.database.exists()):
        raise CommandError(f"{path} has no databases yet: nothing was ever started on it.")
    # The identities last: a database that knows more than the others is right, one that knows less is refused.
    copy_database(state.database, folder / HUB)
    if state.usage.exists():
        copy_database(state.usage, folder / USAGE)
    found = {
        secret.name: secret.read_text().strip()
        for secret in sorted(state.secret_path("").iterdir())
        if _SECRET.fullmatch(secret.name)
    }
    write_closed(folder / SECRETS, json.dumps(found))
    if (state.path / VALUES).exists():
        shutil.copyfile(state.path / VALUES, folder / VALUES)
    identities.export(f"sqlite:///{state.identities}", folder / IDENTITIES)


def restore(path: Path, unpacked: Path) -> tuple[list[Path], str]:
    """Put an unpacked backup into a state folder; homes and group folders stay as they are.

    Args:
        path: an empty or missing folder, or a state folder on which nothing runs.
        unpacked: what `packing.unpack` laid there.

    Returns:
        Where that is now which was there before; and a sentence on what is left to do, or nothing.

    Raises:
        CommandError: QHub runs, the folder is something else, or the backup can't be used. Nothing was changed.
        RealmMismatch: the files there belong to another identity database. Nothing was changed.
        StorageError: those files can't be read. Nothing was changed.
    """
    known = identities.read(unpacked / IDENTITIES)
    secrets = _secrets(unpacked / SECRETS)
    for name in (HUB, USAGE):
        if (unpacked / name).exists():
            require_whole(unpacked / name, f"{name} in the backup")
    state = StateFolder(path)
    with state.locked():
        notice = _fits(state, known)
        with _staging(state.path) as staged:
            databases = staged / "databases"
            for folder in (databases, staged / "secrets"):
                folder.mkdir(mode=0o700)
            for name, target in ((HUB, state.database), (USAGE, state.usage)):
                if (unpacked / name).exists():
                    shutil.copyfile(unpacked / name, databases / target.name)
                    (databases / target.name).chmod(0o600)
            identities.write(f"sqlite:///{databases / state.identities.name}", known)
            for name, text in secrets.items():
                write_closed(staged / "secrets" / name, text + "\n")
            if (unpacked / VALUES).exists():
                write_closed(staged / VALUES, (unpacked / VALUES).read_text(encoding="utf-8"))
            return put_in_place(staged, state.path, ("databases", "secrets", VALUES)), notice


def _fits(state: StateFolder, known: identities.Identities) -> str:
    """Whether the files in the folder carry ids of this database; a sentence where they know later ones."""
    with Provisioner(state.files, own_ids=os.geteuid() == 0) as share:
        mark = read_realm(share)
    if mark is None:
        return ""
    try:
        check_high_water(known.high_water, mark)
    except HighWaterMismatch:
        return (
            "The backup is older than the files: ids were given out after it was made, and it does not know to whom. "
            "QHub does not start until they are read back from the owners of the folders: run `qhub ids rebuild`."
        )
    return ""


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    with told(f"The state folder {folder} can't be used"):
        staged = Path(tempfile.mkdtemp(prefix="restoring-", dir=folder))
    try:
        with told(f"The restored files can't be put into {folder}"):
            yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _secrets(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not all(_SECRET.fullmatch(name) and isinstance(text, str) for name, text in found.items()):
            raise ValueError("name")
        return dict(found)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise BadArchive(f"The secrets in the backup can't be used: {path.name} is not what QHub writes.") from error
