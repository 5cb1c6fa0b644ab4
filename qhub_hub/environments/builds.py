"""Builds on disk: where each lies, which one is in force, which are whole.

<root>/
  .cache/                       packages, shared by all builds as hard links
  <namespace>/
    .qhub-envs.json             the manifest
    environments/*.yaml         what the namespace's people want built
    envs/<name> -> ../builds/<name>/<key>
    builds/<name>/
      <key>/                    the environment, <key> = what was asked for and when
      <key>.json                its record, written last: without it a build is half
      <key>.lock.txt, <key>.log what exactly is in it, and how it was built
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qhub_hub.environments.manifest import (
    FAILED,
    MANIFEST,
    NAME,
    NAMESPACE,
    READY,
    Environment,
    ManifestError,
    read_manifest,
    write_manifest,
    write_whole,
)
from qhub_hub.environments.records import KEY, STAMP, Build, read_record

__all__ = ["Build", "BuildError", "Builds"]


class BuildError(Exception):
    """Something that was not done to an environment. `str()` is a sentence for whoever asked."""


class Builds:
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
                raise BuildError(f"{namespace}/{name} is being built already; `qhub env log` shows how far.") from None
            yield

    @contextmanager
    def cache_in_use(self) -> Iterator[None]:
        """Keep the packages from being removed."""
        with (self.root / ".cache.lock").open("w") as lock:
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
                shutil.rmtree(part, ignore_errors=True)

    def begin(self, namespace: str, name: str, digest: str) -> str:
        """Make the folder of a new build; returns its key. To be called with the lock held."""
        folder = self.folder(namespace, name)
        stamps = [path.stem.partition("-")[2] for path in folder.glob("*.log") if KEY.fullmatch(path.stem)]
        moment = datetime.now(UTC)
        # Later than every other, whatever the clock says: builds are told apart, and put in order, by it.
        if stamps and (latest := max(stamps)) >= f"{moment:{STAMP}}":
            moment = datetime.strptime(latest, STAMP) + timedelta(seconds=1)
        key = f"{digest}-{moment:{STAMP}}"
        (folder / key).mkdir()
        return key

    def finish(self, namespace: str, name: str, build: Build) -> None:
        """Write the record of a build: from now on it is whole."""
        content = asdict(build)
        write_whole(self.folder(namespace, name) / f"{build.key}.json", json.dumps(content), 0o644)

    def switch(self, namespace: str, name: str, key: str) -> None:
        """Put a build into force, in one step."""
        link = self.link(namespace, name)
        link.parent.mkdir(exist_ok=True)
        draft = link.with_name(f".{name}.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(f"../builds/{name}/{key}")
        draft.replace(link)
        self.publish(namespace, name)

    def publish(self, namespace: str, name: str) -> None:
        """Bring an environment's entry in the manifest up to date."""
        folder = self.namespace(namespace)
        with (folder / f"{MANIFEST}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self._entries(folder)
            entry = self._entry(namespace, name)
            entries.pop(name, None)
            if entry is not None:
                entries[name] = entry
            write_manifest(folder, tuple(entries.values()))

    def _entries(self, folder: Path) -> dict[str, Environment]:
        try:
            if (folder / MANIFEST).exists():
                return {environment.name: environment for environment in read_manifest(folder)}
        except ManifestError:
            pass
        found = (self._entry(folder.name, name) for name in self.names(folder.name))
        return {environment.name: environment for environment in found if environment}

    def _entry(self, namespace: str, name: str) -> Environment | None:
        records = self.records(namespace, name)
        if not records:
            return None
        last, current = records[-1], self.current(namespace, name)
        message = last.message if last.status == FAILED else ""
        build = next((build for build in records if build.key == current and build.status == READY), None)
        if build is None:
            return Environment(namespace, name, "", FAILED, message=message or "None of its builds is in force.")
        return Environment(
            namespace,
            name,
            str(self.folder(namespace, name) / build.key),
            build=build.key,
            kernels=build.kernels,
            python=build.python,
            packages=build.packages,
            size=build.size,
            built=f"{build.begun:%Y-%m-%dT%H:%M:%SZ}",
            activated=build.activated,
            message=message,
        )

    def remove_build(self, namespace: str, name: str, key: str) -> None:
        """Remove a build with all that was written about it; the record first, so that a half one counts for none."""
        folder = self.folder(namespace, name)
        for path in (folder / f"{key}.json", folder / f"{key}.lock.txt", folder / f"{key}.log"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder / key)

    def remove_unfinished(self, namespace: str, name: str) -> None:
        """Remove what a killed build has left. To be called with the lock held."""
        folder = self.folder(namespace, name)
        for path in folder.iterdir():
            if KEY.fullmatch(path.name) and not (folder / f"{path.name}.json").exists():
                shutil.rmtree(path)

    def size(self, namespace: str) -> int:
        """Bytes of all builds of a namespace."""
        return sum(build.size for name in self.names(namespace) for build in self.records(namespace, name))


def _listed(folder: Path, allowed: re.Pattern[str]) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return ()
    return tuple(sorted(name for name in names if allowed.fullmatch(name)))
