"""Builds come and go: begun, written down, put into force, published in the manifest, removed."""

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qhub_hub.environments.build_folders import BeingBuilt, BuildError, BuildFolders
from qhub_hub.environments.manifest import (
    FAILED,
    MANIFEST,
    READY,
    Environment,
    ManifestError,
    read_manifest,
    write_manifest,
    write_whole,
)
from qhub_hub.environments.records import ENDED, KEY, STAMP, Build

__all__ = ["BeingBuilt", "Build", "BuildError", "Builds"]

_PROBLEM = "problem.txt"


class Builds(BuildFolders):
    """All builds below a folder, and what changes them."""

    def begin(self, namespace: str, name: str, digest: str) -> str:
        """Make the folder of a new build; returns its key. To be called with the lock held."""
        folder = self.folder(namespace, name)
        stamps = [path.stem.partition("-")[2] for path in folder.iterdir() if KEY.fullmatch(path.stem)]
        moment = datetime.now(UTC)
        # Later than every other, whatever the clock says: builds are told apart, and put in order, by it.
        if stamps and (latest := max(stamps)) >= f"{moment:{STAMP}}":
            moment = datetime.strptime(latest, STAMP) + timedelta(seconds=1)
        key = f"{digest}-{moment:{STAMP}}"
        (folder / key).mkdir()
        (folder / _PROBLEM).unlink(missing_ok=True)
        return key

    def complain(self, namespace: str, name: str, sentence: str) -> None:
        """Say beside an environment why nothing could be begun, until something is.

        Raises:
            OSError: it can't be written.
        """
        path = self.folder(namespace, name) / _PROBLEM
        if _text(path) != sentence:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, sentence, 0o644)
            self.publish(namespace, name)

    def take_back(self, namespace: str, name: str) -> None:
        """Take back what was said by `complain`."""
        path = self.folder(namespace, name) / _PROBLEM
        if path.exists():
            path.unlink()
            self.publish(namespace, name)

    def forget(self, namespace: str, name: str) -> None:
        """Take back what was said of an environment of which nothing was ever built."""
        shutil.rmtree(self.folder(namespace, name))
        self.publish(namespace, name)

    def finish(self, namespace: str, name: str, build: Build) -> None:
        """Write the record of a build: from now on it is whole."""
        content = asdict(build)
        write_whole(self.folder(namespace, name) / f"{build.key}.json", json.dumps(content), 0o644)

    def switch(self, namespace: str, name: str, key: str) -> None:
        """Put a build into force, in one step."""
        before = self.current(namespace, name)
        if before and before != key:
            # Programs may still run from it where nobody here sees them: its time begins now.
            os.utime(self.folder(namespace, name) / f"{before}.json")
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
        records, message = self.records(namespace, name), _text(self.folder(namespace, name) / _PROBLEM)
        if not records:
            return Environment(namespace, name, "", FAILED, message=message) if message else None
        last, current = records[-1], self.current(namespace, name)
        message = message or (last.message if last.status == FAILED else "")
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

    def note_abandoned(self, namespace: str, name: str) -> None:
        """Remove what killed builds have left, and write down that they were ended.

        Raises:
            BuildError: it is being built now.
            OSError: something can't be removed.
        """
        folder = self.folder(namespace, name)
        with self.locked(namespace, name):
            left = [path.name for path in folder.iterdir() if KEY.fullmatch(path.name)]
            for key in sorted(key for key in left if not (folder / f"{key}.json").exists()):
                shutil.rmtree(folder / key)
                self.finish(namespace, name, Build(key, FAILED, ENDED, again=True))
                self.publish(namespace, name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
