"""Learning ids back from the files, when the database was lost or is an old backup."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from qhub_hub.identity import ledger
from qhub_hub.identity.allocation import KEYS, Row, free_posix_name
from qhub_hub.identity.errors import IdConflict
from qhub_hub.identity.records import Found, HighWater, Kind, Pool

MARGIN = 100
"""Numbers left out after the highest one found: ids whose owner has no folder yet."""


def relearn(
    connection: sa.Connection, found: Iterable[Found], mark: HighWater | None, pools: Mapping[Kind, Pool]
) -> int:
    """Add a row for every owner that the database doesn't know, and move the counters past all ever given.

    Returns:
        How many rows were added.

    Raises:
        IdConflict: a folder contradicts the database or another folder.
    """
    folders = sorted(found, key=lambda one: (one.kind, one.number, one.directory))
    added = 0
    for folder in folders:
        if folder.name is not None and (row := _missing_row(connection, folder, folder.name)):
            ledger.insert(connection, [row])
            added += 1
    marks: dict[Kind, int] = {"user": mark.last_user_id, "group": mark.last_group_id} if mark else {}
    for kind, (first, last) in pools.items():
        inside = [one.number for one in folders if one.kind == kind and first <= one.number <= last]
        if highest := max([marks.get(kind, 0), *inside]):
            ledger.advance(connection, kind, highest + 1 + MARGIN)
    return added


def _missing_row(connection: sa.Connection, folder: Found, name: str) -> Row | None:
    key = KEYS[folder.kind][0]
    by_number = ledger.owners(connection, [folder.number]).get(folder.number)
    by_name = ledger.found(connection, folder.kind, [name]).get(name)
    if by_number is None and by_name is None:
        taken = set(ledger.taken_posix(connection, folder.kind, [name]))
        posix = free_posix_name(folder.kind, name, taken)
        return Row(folder.kind, name, folder.number, posix, folder.directory)
    if by_number is not None and (by_number.kind, by_number.name) == (folder.kind, name):
        return None
    known = by_number or by_name
    raise IdConflict(
        f"The folder {folder.directory!r} of the {folder.kind} {name!r} belongs to {key} {folder.number}, "
        f"but the identity database knows {known} with number {known.number if known else ''}. Nothing was "
        "learnt. Find out which is right, and change the folder's owner or leave that folder out."
    )
