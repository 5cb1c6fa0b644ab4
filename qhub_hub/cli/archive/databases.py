"""One consistent copy of a SQLite database, while others write to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from qhub_hub.cli.console import CommandError


def copy_database(source: Path, target: Path) -> None:
    """The state of a moment in a file of its own, checked.

    Args:
        source: may be in use.
        target: must not exist.

    Raises:
        CommandError: the source is damaged, or can't be read or copied.
    """
    try:
        with closing(sqlite3.connect(source.absolute().as_uri() + "?mode=ro", uri=True)) as origin:
            target.touch(0o600, exist_ok=False)
            with closing(sqlite3.connect(target)) as copy:
                origin.backup(copy)
                # Without this the copy would need a second file beside it, which the archive does not hold.
                copy.execute("PRAGMA journal_mode=DELETE")
    except (sqlite3.Error, OSError) as error:
        raise CommandError(
            f"The database {source} can't be copied ({type(error).__name__}): it can't be read, is damaged, or the "
            "disk is full.\nhint: see that the disk has room for a second copy, and that the file belongs to this user."
        ) from error
    require_whole(target, str(source))


def require_whole(path: Path, named: str) -> None:
    """See that a database can be read to its end.

    Args:
        named: what it is called in the sentence.

    Raises:
        CommandError: it is damaged.
    """
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as connection:
            verdict = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error:
        verdict = []
    if verdict != ["ok"]:
        raise CommandError(f"The database {named} is damaged.\nhint: restore an older backup of it.")
