"""Removing builds that are old, superseded, and used by nobody."""

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qhub_hub.config.models.environments import Retention
from qhub_hub.environments.builds import BuildError, Builds
from qhub_hub.environments.manifest import FAILED

_PROCESSES = Path("/proc")


def collect(builds: Builds, namespace: str, name: str, keep: Retention) -> tuple[str, ...]:
    """Remove the builds of an environment that nobody needs; returns their keys.

    Kept are the one in force, the newest `keepBuilds`, all that were in force within `grace`, and those that a program
    of this machine runs from.
    """
    with builds.locked(namespace, name):
        builds.remove_unfinished(namespace, name)
        records = builds.records(namespace, name)
        current = builds.current(namespace, name)
        whole = [build.key for build in records if build.status != FAILED]
        newest = {*whole[-keep.keep_builds :], current, *(build.key for build in records[-1:])}
        before = datetime.now(UTC) - timedelta(seconds=keep.grace)
        old = [
            build.key
            for build in records
            if build.key not in newest and (not keep.grace or builds.last_in_force(namespace, name, build.key) < before)
        ]
        folder = builds.folder(namespace, name)
        used = in_use(folder / key for key in old) if old else frozenset()
        gone = tuple(key for key in old if folder / key not in used)
        for key in gone:
            builds.remove_build(namespace, name, key)
        return gone


def remove(builds: Builds, namespace: str, name: str) -> None:
    """Remove an environment with all its builds.

    Raises:
        BuildError: there is none, it is being built, or programs of this machine run from it.
    """
    if name not in builds.names(namespace):
        raise BuildError(f"There is no environment {namespace}/{name}; `qhub env list` shows those that are.")
    with builds.locked(namespace, name):
        folder = builds.folder(namespace, name)
        records = builds.records(namespace, name)
        if used := in_use(folder / build.key for build in records):
            raise BuildError(
                f"{namespace}/{name} is in use: programs run from {', '.join(sorted(path.name for path in used))}. "
                "Stop those kernels and servers first."
            )
        builds.link(namespace, name).unlink(missing_ok=True)
        for build in records:
            builds.remove_build(namespace, name, build.key)
        builds.publish(namespace, name)
        shutil.rmtree(folder)


def in_use(prefixes: Iterable[Path]) -> frozenset[Path]:
    """Those of these folders that programs of this machine run from, work in, or have parts of in memory.

    As root all programs are seen, else those of the same user: others then have no environments from here.
    """
    wanted = {os.fsencode(prefix) + b"/": prefix for prefix in prefixes}
    found: set[Path] = set()
    for process in _PROCESSES.iterdir():
        if process.name.isdecimal() and len(found) < len(wanted):
            traces = _traces(process)
            found.update(prefix for start, prefix in wanted.items() if start in traces)
    return frozenset(found)


def _traces(process: Path) -> bytes:
    parts = []
    for name in ("exe", "cwd"):
        try:
            parts.append(os.fsencode(os.readlink(process / name)) + b"/")
        except OSError:  # it has ended, or is the kernel's own
            parts.append(b"")
    for name in ("cmdline", "maps"):
        try:
            parts.append((process / name).read_bytes())
        except OSError:
            parts.append(b"")
    return b"\n".join(parts)
