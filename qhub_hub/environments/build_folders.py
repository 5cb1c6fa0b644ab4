"""Builds on disk: where each lies, which one is in force, which are whole.

<root>/
  .cache/
    packages/<hash>             unpacked packages, shared by all builds as hard links
    drafts/                     what a build fetches and unpacks, until it is whole
    repodata/                   what the channels have
    conda/                      conda-store's packages, and in `unpacked/<hash>` what its builds share
  <namespace>/
    .qhub-envs.json             the manifest
    environments/*.yaml         what the namespace's people want built
    envs/<name> -> ../builds/<name>/<key>
    builds/<name>/
      <key>/                    the environment, <key> = what was asked for and when
      <key>.json                its record, written last: without it a build is half
      <key>.lock.txt, <key>.log what exactly is in it, and how it was built
      problem.txt             why nothing could be begun
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from qhub_hub.environments.manifest import NAME, NAMESPACE
from qhub_hub.environments.records import KEY, Build, read_record


class BuildError(Exception):
    """Something that was not done to an environment. `str()` is a sentence for whoever asked."""


class BeingBuilt(BuildError):
    """Another program builds or removes it now."""


class BuildFolders:
    """All builds below a folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def cache(self) -> Path:
        """Where packages are kept."""
        return self.root / ".cache"

    def namespace(self, namespace: str) -> Path:
        """A namespace's folder.

        Raises:
            BuildError: that is no name of one.
        """
        if not NAMESPACE.fullmatch(namespace):
            raise BuildError(f"{namespace!r:.100} is no name of a namespace.")
        return self.root / namespace

    def folder(self, namespace: str, name: str) -> Path:
        """Where the builds of an environment lie.

        Raises:
            BuildError: that is no name of one.
        """
        if not NAME.fullmatch(name):
            raise BuildError(f"{name!r:.100} is no name of an environment.")
        return self.namespace(namespace) / "builds" / name

    def link(self, namespace: str, name: str) -> Path:
        """The link that leads to the build in force."""
        return self.namespace(namespace) / "envs" / name

    def names(self, namespace: str) -> tuple[str, ...]:
        """Environments of which there are builds or were attempts."""
        return _listed(self.namespace(namespace) / "builds", NAME)

    def namespaces(self) -> tuple[str, ...]:
        """Namespaces that have a folder."""
        return _listed(self.root, NAMESPACE)

    def records(self, namespace: str, name: str) -> tuple[Build, ...]:
        """Builds that ended, oldest first."""
        folder = self.folder(namespace, name)
        try:
            keys = [path.stem for path in folder.glob("*.json") if KEY.fullmatch(path.stem)]
        except OSError:
            return ()
        found = (read_record(folder / f"{key}.json", key) for key in keys)
        return tuple(sorted((build for build in found if build), key=lambda build: build.stamp))

    def current(self, namespace: str, name: str) -> str:
        """Key of the build in force; empty: none."""
        try:
            key = os.readlink(self.link(namespace, name)).rpartition("/")[2]
        except OSError:
            return ""
        return key if (self.folder(namespace, name) / f"{key}.json").is_file() else ""

    def last_in_force(self, namespace: str, name: str, key: str) -> datetime:
        """When a build that is not in force was so for the last time; else when it ended."""
        state = (self.folder(namespace, name) / f"{key}.json").stat()
        return datetime.fromtimestamp(state.st_mtime, UTC)

    def size(self, namespace: str) -> int:
        """Bytes of all builds of a namespace."""
        return sum(build.size for name in self.names(namespace) for build in self.records(namespace, name))

    @contextmanager
    def locked(self, namespace: str, name: str) -> Iterator[None]:
        """Keep every other program from building or removing this environment.

        Raises:
            BuildError: another one does so now.
        """
        folder = self.folder(namespace, name)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BeingBuilt(f"{namespace}/{name} is being built already; `qhub env log` shows how far.") from None
            yield

    @contextmanager
    def cache_in_use(self) -> Iterator[None]:
        """Keep the packages from being removed."""
        # To be read and written: on NFS a lock that several hold needs a file that can be read.
        with (self.root / ".cache.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def clear_cache(self) -> None:
        """Remove the kept packages, unless a build uses them. Builds lose nothing: they have links of their own."""
        with (self.root / ".cache.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for part in self.cache.iterdir():
                with suppress(OSError):
                    # Out of the way first: what is there in half would count as whole.
                    shutil.rmtree(part.rename(part.with_name(secrets.token_hex(8))), ignore_errors=True)


def _listed(folder: Path, allowed: re.Pattern[str]) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return ()
    return tuple(sorted(name for name in names if allowed.fullmatch(name)))
