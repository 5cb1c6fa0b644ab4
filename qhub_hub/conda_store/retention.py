"""Which of conda-store's builds are kept, by the same rules as ours (`environments.keep`), and what it leaves lying."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from qhub_hub.conda_store.rest import Build
from qhub_hub.config.models.environments import Retention
from qhub_hub.environments.garbage import in_use


def superseded(builds: Iterable[Build], current: int, keep: Retention, now: datetime) -> tuple[Build, ...]:
    """The builds of one environment that nobody needs, oldest first.

    Kept are the one in force, the newest `keepBuilds`, and all that were in force within `grace`: a build was so until
    the next one was whole.
    """
    whole = sorted((build for build in builds if build.status == "COMPLETED" and build.size), key=lambda one: one.id)
    before = now - timedelta(seconds=keep.grace)
    # Each with the one that came after it.
    pairs = list(pairwise(whole))[: max(0, len(whole) - keep.keep_builds)]
    return tuple(old for old, new in pairs if old.id != current and _moment(new) <= before)


def unused(builds: Iterable[Build], prefixes: Mapping[str, Path]) -> tuple[Build, ...]:
    """Those of these builds that have a folder, from which no program of this machine runs.

    Args:
        prefixes: folders by the builds' stamps.
    """
    there = [build for build in builds if build.stamp in prefixes]
    used = in_use(prefixes[build.stamp] for build in there) if there else frozenset()
    return tuple(build for build in there if prefixes[build.stamp] not in used)


def clear(folder: Path, prefixes: Mapping[str, Path], builds: Iterable[Build]) -> None:
    """Remove what conda-store leaves in a namespace's folder: failed builds, and links that lead nowhere.

    Args:
        builds: those that are known, of whichever namespace.
    """
    for build in unused((build for build in builds if build.status in ("FAILED", "CANCELED")), prefixes):
        prefix = prefixes[build.stamp]
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.with_name(f"{prefix.name}.log.lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError), os.scandir(folder / "envs") as entries:
        for entry in list(entries):
            if entry.is_symlink() and not os.path.exists(entry.path):
                os.unlink(entry.path)
                Path(f"{entry.path}.lock").unlink(missing_ok=True)


def _moment(build: Build) -> datetime:
    try:
        return datetime.fromisoformat(build.ended).replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
