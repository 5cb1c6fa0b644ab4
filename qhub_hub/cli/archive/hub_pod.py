"""Backup and restore inside the hub's pod: its databases, wherever the values put them."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from qhub_hub.cli.archive import identities
from qhub_hub.cli.archive.contents import HUB, IDENTITIES, USAGE
from qhub_hub.cli.archive.databases import copy_database, require_whole
from qhub_hub.cli.archive.packing import unpack
from qhub_hub.cli.archive.placing import SIDE_FILES, put_in_place
from qhub_hub.cli.console import CommandError
from qhub_hub.cli.release import STATE, ReleaseSecrets, identities_url, read_cluster


@dataclass(frozen=True, slots=True)
class HubDatabases:
    """Where a hub keeps what must last.

    Args:
        hub, usage: SQLite files; None: in PostgreSQL (or nowhere), which has tools of its own.
        identities: url.
    """

    hub: Path | None
    usage: Path | None
    identities: str


def databases() -> HubDatabases:
    """Those of the pod that this runs in.

    Raises:
        CommandError: this is no pod of the chart.
    """
    cluster = read_cluster(ReleaseSecrets())
    return HubDatabases(file_of(cluster.database), file_of(cluster.usage), identities_url(cluster))


def file_of(url: str) -> Path | None:
    """The file that a database url means, if it means one."""
    parsed = sa.make_url(url)
    inside = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if inside else None


def collect(places: HubDatabases, folder: Path) -> None:
    """Lay copies of the databases into a folder, while the hub may run.

    Raises:
        CommandError: one can't be read.
        StoreUnavailable: the identity database can't be read.
    """
    for name, path in ((HUB, places.hub), (USAGE, places.usage)):
        if path is not None and path.exists():
            copy_database(path, folder / name)
    identities.export(places.identities, folder / IDENTITIES)


def restore(places: HubDatabases, source: BinaryIO, state: Path = STATE) -> list[Path]:
    """Put the databases of an archive in place; nothing may run on them.

    Args:
        source: an archive that `collect` filled.
        state: folder for the files while they are looked at; on the file system of the databases.

    Returns:
        Where those are now that were there before.

    Raises:
        CommandError: the archive can't be used, or the PostgreSQL knows people already. Nothing was changed.
        StoreUnavailable: the identity database can't be written.
    """
    with tempfile.TemporaryDirectory(prefix="restoring-", dir=state) as area:
        unpacked, staged = Path(area, "unpacked"), Path(area, "staged")
        unpacked.mkdir()
        staged.mkdir()
        unpack(source, unpacked, "The backup")
        known = identities.read(unpacked / IDENTITIES)
        own = file_of(places.identities)
        if own is None:
            _into_server(places.identities, known)
        else:
            identities.write(f"sqlite:///{staged / own.name}", known)
        targets = [own] if own else []
        for name, path in ((HUB, places.hub), (USAGE, places.usage)):
            if path is not None and (unpacked / name).exists():
                require_whole(unpacked / name, f"{name} in the backup")
                shutil.move(unpacked / name, staged / path.name)
                targets.append(path)
        if strange := [path for path in targets if path.parent != state]:
            raise CommandError(f"The database {strange[0]} is not in {state}, so it can't be restored by this command.")
        os.sync()
        # The side files of the old databases go with them: an old log would be played into the restored ones.
        return put_in_place(staged, state, [path.name + end for path in targets for end in ("", *SIDE_FILES)])


def _into_server(url: str, known: identities.Identities) -> None:
    if count := identities.people(url):
        raise CommandError(
            f"The PostgreSQL of this release knows {count} people already, and QHub writes over none of them.\n"
            "hint: restore its own dump (pg_restore), which holds the identities too, or give the release an empty "
            "database."
        )
    identities.write(url, known)
