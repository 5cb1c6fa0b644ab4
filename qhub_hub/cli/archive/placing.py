"""Puts restored files in their place, and keeps what was there beside them."""

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from qhub_hub.cli.state import told

SIDE_FILES = ("-wal", "-shm", "-journal")
"""Endings of what SQLite keeps beside a database."""


def put_in_place(staged: Path, folder: Path, names: Iterable[str]) -> list[Path]:
    """Exchange entries of a folder for staged ones: all of them or, with an error, none.

    Args:
        staged: on the same file system; loses its entries.
        folder: where they belong.
        names: entries to exchange. Where `staged` has none of a name, the old one is only set aside.

    Returns:
        Where the old ones are now: `NAME.before-restore-TIME`.

    Raises:
        CommandError: it can't be done; everything is as it was.
    """
    suffix = f".before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    done: list[tuple[Path, Path]] = []
    kept: list[Path] = []
    with told(f"The restored files can't be put into {folder}"):
        try:
            for name in names:
                if (folder / name).exists():
                    aside = folder / _aside(name, suffix)
                    _move(folder / name, aside, done)
                    kept.append(aside)
                if (staged / name).exists():
                    _move(staged / name, folder / name, done)
        except OSError:
            for before, after in reversed(done):
                with contextlib.suppress(OSError):
                    after.rename(before)
            raise
        _sync(folder)
    return kept


def _aside(name: str, suffix: str) -> str:
    """The name under which an old entry is kept. SQLite must find what belongs to a database beside it."""
    part = next((part for part in SIDE_FILES if name.endswith(part)), "")
    return f"{name.removesuffix(part)}{suffix}{part}"


def _move(before: Path, after: Path, done: list[tuple[Path, Path]]) -> None:
    before.rename(after)
    done.append((before, after))


def _sync(folder: Path) -> None:
    """A power cut must not take back half of the renames."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
