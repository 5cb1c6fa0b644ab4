"""All namespaces of a folder as one catalogue, read anew only where a manifest has changed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qhub_hub.environments.manifest import MANIFEST, NAMESPACE, Catalogue, ManifestError, read_manifest

_Mark = tuple[int, ...]


class KnownEnvironments(Protocol):
    """Whatever knows which environments there are."""

    def read(self) -> Catalogue:
        """Every environment, by namespace and name; the same object as long as nothing has changed."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps some from being known, as sentences for administrators."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a manifest said when it looked like `mark`."""

    mark: _Mark
    environments: Catalogue
    problem: str = ""


class Manifests:
    """Reads the manifests of namespaces. A damaged one hides its namespace only, and is named in `problems`.

    Args:
        folders: the namespaces' folders; or None and
        root: a folder of which every subfolder is a namespace.
    """

    def __init__(self, root: Path | None = None, folders: tuple[Path, ...] = ()) -> None:
        self._root = root
        self._folders = folders
        self._known: dict[Path, _Read] = {}
        self._catalogue: Catalogue | None = None

    def read(self) -> Catalogue:
        """Every environment, by namespace and name. A `stat` call per namespace where nothing has changed."""
        folders = self._folders if self._root is None else namespaces_in(self._root)
        changed = self._known.keys() - set(folders)
        for folder in changed:
            del self._known[folder]
        for folder in folders:
            mark = mark_of(folder)
            known = self._known.get(folder)
            if known is None or known.mark != mark:
                self._known[folder] = _read(folder, mark)
                changed.add(folder)
        if changed or self._catalogue is None:
            self._catalogue = tuple(
                environment for folder in sorted(self._known) for environment in self._known[folder].environments
            )
        return self._catalogue

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about manifests that could not be used at the last reading."""
        return tuple(self._known[folder].problem for folder in sorted(self._known) if self._known[folder].problem)


def namespaces_in(root: Path) -> tuple[Path, ...]:
    """Folders of the namespaces in a folder; none where it can't be read."""
    try:
        with os.scandir(root) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # nothing was ever built, or the share is away
        return ()
    return tuple(root / name for name in sorted(names) if NAMESPACE.fullmatch(name))


def mark_of(folder: Path) -> _Mark:
    """What changes whenever the namespace's manifest does."""
    try:
        state = os.stat(folder / MANIFEST, follow_symlinks=False)
    except OSError as error:
        return (error.errno or 0,)
    # Written whole under another name, so another content is another file.
    return (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def _read(folder: Path, mark: _Mark) -> _Read:
    try:
        return _Read(mark, read_manifest(folder))
    except ManifestError as error:
        return _Read(mark, (), str(error))
