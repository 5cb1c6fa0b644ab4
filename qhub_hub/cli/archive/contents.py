"""What may be in a backup: the names, the most that each may hold, and the manifest that vouches for them."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from qhub_hub.cli.console import CommandError

FORMAT = "qhub-backup"
VERSION = 1
"""Of the archive's layout. A newer one is refused: it may hold what this QHub does not know to restore."""

MANIFEST = "manifest.json"
HUB = "hub.sqlite"
USAGE = "usage.sqlite"
IDENTITIES = "identities.jsonl"
SECRETS = "secrets.json"
VALUES = "values.yaml"

GIB = 2**30
LARGEST = {
    MANIFEST: 64 * 1024,
    # The most that a tar header of the plain kind can state.
    HUB: 8 * GIB - 1,
    USAGE: 8 * GIB - 1,
    IDENTITIES: GIB,
    # Both come out of Kubernetes objects, which hold a MiB at most; values may be packed in there.
    SECRETS: 4 * 2**20,
    VALUES: 16 * 2**20,
}
"""Bytes of each file, and with that the only names an archive may have."""

Place = Literal["machine", "hub", "cluster"]
"""Where a backup was made: on one machine, inside a hub's pod, or of a whole release."""


class BadArchive(CommandError):
    """The file is no backup, or a damaged one. Nothing was restored."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself.

    Args:
        place: where it was made.
        made: when, in UTC, as `2026-11-21T12:00:00Z`.
        qhub: version of QHub that made it.
        files: size in bytes and SHA-256 of every other file, by name.
    """

    place: Place
    made: str
    qhub: str
    files: dict[str, tuple[int, str]]

    def to_json(self) -> str:
        """As it stands in the archive."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=2) + "\n"


def parse_manifest(text: bytes, source: str) -> Manifest:
    """The inverse of `Manifest.to_json`.

    Args:
        source: the archive, for the sentence.

    Raises:
        BadArchive: it is not a manifest, or one of a newer QHub.
    """
    try:
        found: Any = json.loads(text)
        if found["format"] != FORMAT:
            raise KeyError("format")
        if found["version"] != VERSION:
            raise BadArchive(
                f"{source} is a backup of the layout {found['version']!r}; this QHub knows {VERSION}.\n"
                "hint: restore it with the version of QHub that made it."
            )
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in found["files"].items()}
        if found["place"] not in get_args(Place):
            raise ValueError("place")
        return Manifest(found["place"], str(found["made"]), str(found["qhub"]), files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadArchive(f"{source} is not a backup that QHub made: its {MANIFEST} says something else.") from error


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest
