"""What conda-store has becomes manifests: an environment is what it says, and what is on disk."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qhub_hub.conda_store.inspection import Uninspectable
from qhub_hub.conda_store.rest import Build, Listed
from qhub_hub.environments.manifest import (
    FAILED,
    READY,
    Environment,
    ManifestError,
    read_manifest,
    write_manifest,
)

_KEY = re.compile(r"[0-9a-f]{8}-(?P<stamp>[0-9]+-[0-9]+)-.+")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an environment besides its files.

    Args:
        current: the build in force; None: there is none, or it is not known.
        last: the newest build.
        message: why the last build, or its order, failed; empty: it did not.
    """

    listed: Listed
    current: Build | None
    last: Build | None
    message: str = ""


def prefixes_in(folder: Path) -> dict[str, Path]:
    """Folders of builds by their stamp.

    Args:
        folder: of a namespace.
    """
    try:
        names = [path.name for path in (folder / "builds").iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return {}
    found = ((_KEY.fullmatch(name), name) for name in names)
    return {match["stamp"]: folder / "builds" / name for match, name in found if match}


def publish(
    folder: Path,
    known: Iterable[Known],
    complaints: Mapping[str, str],
    inspect: Callable[[Path], dict[str, Any]],
) -> bool:
    """Write the manifest of a namespace; whether anything was new.

    What QHub itself has built before stays in it until conda-store has an environment of that name.

    Args:
        folder: of the namespace.
        complaints: why nothing could be ordered, by name, of environments that conda-store does not have.
        inspect: looks into an environment.

    Raises:
        OSError: it can't be written; the one before stays.
    """
    before = _published(folder)
    prefixes = prefixes_in(folder)
    entries = [_entry(folder, one, prefixes, before, inspect) for one in known]
    entries += [Environment(folder.name, name, "", FAILED, message=why) for name, why in complaints.items()]
    found = {name: entry for name, entry in before.items() if _is_qhubs(entry)}
    found |= {entry.name: entry for entry in entries if entry is not None}
    if found == before:
        return False
    write_manifest(folder, tuple(found.values()))
    return True


def _published(folder: Path) -> dict[str, Environment]:
    try:
        return {environment.name: environment for environment in read_manifest(folder)}
    except ManifestError:
        return {}


def _is_qhubs(entry: Environment) -> bool:
    # builds/<name>/<build>, where conda-store's are builds/<build>.
    return Path(entry.prefix).parent.parent.name == "builds" and Path(entry.prefix).is_dir()


def _entry(
    folder: Path,
    known: Known,
    prefixes: Mapping[str, Path],
    before: Mapping[str, Environment],
    inspect: Callable[[Path], dict[str, Any]],
) -> Environment | None:
    name, build = known.listed.name, known.current
    prefix = prefixes.get(build.stamp) if build is not None else None
    if build is None or build.status != "COMPLETED" or prefix is None or not (prefix / "conda-meta/history").is_file():
        if known.last is None or not known.last.is_over:
            return None  # its first build is under way
        message = known.message or "Its build in force is gone: choose or make another one in conda-store."
        return Environment(folder.name, name, "", FAILED, message=message)
    same = before.get(name)
    if same is not None and same.status == READY and same.prefix == str(prefix):
        found = {field: getattr(same, field) for field in ("kernels", "python", "packages", "size", "activated")}
    else:
        try:
            found = inspect(prefix)
        except Uninspectable as error:
            return Environment(folder.name, name, "", FAILED, message=str(error))
    return Environment(
        folder.name, name, str(prefix), build=prefix.name, built=_moment(build), message=known.message, **found
    )


def _moment(build: Build) -> str:
    return f"{build.ended[:19]}Z" if build.ended else ""
